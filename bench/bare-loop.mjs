// A loop that does nothing but what any server has to: it takes a frame from one socket and sends as many bytes to a
// thousand others, on the relay's own transport. What the relay's fan-out is held against. Run as a program it is the
// server; `bareLoop` measures it.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { WebSocket } from 'ws'
import { Latencies } from '../dist/cli/bench/latencies.js'
import { openLoop } from '../dist/cli/bench/load.js'
import { listen } from '../dist/relay/transport/listen.js'

/** Of a push with one set of 20 price changes and their proofs. */
const BYTES_PER_PATCH = 260
const BYTES_PER_SET = 260

/** Latencies from the planned time of the frame to its arrival at each subscriber. */
export async function bareLoop({ runs, seconds, signal }, { subscribers, rate, patches }) {
  const child = fork(fileURLToPath(import.meta.url))
  const [port] = await once(child, 'message')
  try {
    const open = async () => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { perMessageDeflate: false })
      await once(socket, 'open')
      return socket
    }
    const writer = await open()
    const frame = new Uint8Array(BYTES_PER_SET + patches * BYTES_PER_PATCH)
    const readers = []
    for (let i = 0; i < subscribers; i++) readers.push(await open())
    const all = []
    for (let i = 0; i < runs; i++) all.push(await measured({ writer, readers, frame, rate, seconds, signal }))
    for (const socket of [writer, ...readers]) socket.terminate()
    return Latencies.merged(all)
  } finally {
    child.kill()
  }
}

async function measured({ writer, readers, frame, rate, seconds, signal }) {
  const [latencies, start] = [new Latencies(), performance.now()]
  const waiting = []
  const counts = readers.map(() => 0)
  const arrivals = new Map()
  const listeners = readers.map((reader, i) => {
    const came = () => {
      const place = counts[i]++
      latencies.record(performance.now() - start - (place * 1_000) / rate)
      arrivals.set(place, (arrivals.get(place) ?? 0) + 1)
      if (arrivals.get(place) === readers.length) waiting.shift()()
    }
    reader.on('message', came)
    return () => reader.off('message', came)
  })
  const lane = {
    send(answered) {
      waiting.push(answered)
      writer.send(frame)
      return true
    },
  }
  await openLoop([lane], { rate, seconds, signal })
  for (const stop of listeners) stop()
  return latencies
}

if (process.send !== undefined && process.argv[1] === fileURLToPath(import.meta.url)) {
  const connections = new Set()
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    maxFrameBytes: 2 ** 21,
    socketsMax: 20_000,
    onFull: () => undefined,
    clientAddress: (peer) => peer,
    decideUpgrade: () => ({ accept: true }),
    http: async () => ({ status: 404, headers: {} }),
    websocket: {
      opened: (connection) => connections.add(connection),
      frame(from, bytes) {
        for (const connection of connections) if (connection !== from) connection.send(bytes)
      },
      drained: () => undefined,
      closed: (connection) => connections.delete(connection),
    },
    onBug(error) {
      throw error
    },
  })
  process.send(listener.port)
  process.on('disconnect', () => process.exit())
}
