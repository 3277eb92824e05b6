// The least that a relay could do to tell its subscribers: frames that were written down before, in a loop over the
// same sockets of the same transport. A process of its own, as the relay is.

import { listenNative } from '../dist/relay/transport/listen.js'
import { readFrames } from './recorded-frames.mjs'

const FULL_BYTES = 1_048_576
const frames = readFrames(process.argv[2])
/** 'each': the next frame to all for every frame that comes in of the kind; 'all': all to each as fast as it reads. */
const mode = process.argv[3]
const WRITE = 0xff

const places = new Map()
let next = 0

function fill(connection) {
  let at = places.get(connection)
  while (at < frames.length && connection.bufferedAmount() < FULL_BYTES) connection.send(frames[at++])
  places.set(connection, at)
}

function frame(connection, bytes) {
  if (bytes[0] !== WRITE) return
  if (mode === 'all') for (const each of places.keys()) fill(each)
  else if (next < frames.length) {
    for (const each of places.keys()) each.send(frames[next])
    next++
  }
}

const listener = await listenNative({
  host: '127.0.0.1',
  port: 0,
  maxFrameBytes: 2 ** 21,
  socketsMax: 10_000,
  onFull: () => undefined,
  clientAddress: (peer) => peer,
  decideUpgrade: () => ({ accept: true }),
  http: () => Promise.resolve({ status: 404, headers: {} }),
  websocket: {
    opened: (connection) => void places.set(connection, 0),
    frame,
    drained: (connection) => {
      if (mode === 'all') fill(connection)
    },
    closed: (connection) => void places.delete(connection),
  },
  onBug: (error) => {
    throw error
  },
})
process.send({ url: `http://127.0.0.1:${listener.port}` })
process.once('message', () => {
  listener.terminateAll()
  process.disconnect()
})
