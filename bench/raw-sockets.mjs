// Many sockets of one process that do no more than they have to: frames are looked at where they stand, and pushes are
// answered. What takes long in a run with them is the other side's time, or the system's.

import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'

const TAG = { requestId: 0x0a, response: 0x12, push: 0x32, syncStatus: 0x3a, snapshotPush: 0x8a }
const NO_MASK = 4

/** An upgraded socket. `heard(frame, socket)` is called with the payload of each frame, a view that is used again. */
export class RawSocket {
  rest = Buffer.alloc(0)

  static open(url, path, heard) {
    const { hostname, port } = new URL(url)
    const socket = new RawSocket()
    socket.heard = heard
    socket.tcp = connect({ host: hostname, port: Number(port), noDelay: true })
    return new Promise((resolve, reject) => {
      socket.tcp.once('error', reject)
      socket.tcp.once('close', () => reject(new Error('a socket was closed')))
      socket.tcp.write(upgradeOf(hostname, port, path))
      socket.tcp.once('data', (answer) => {
        if (!answer.toString('latin1').startsWith('HTTP/1.1 101')) return reject(new Error(`no upgrade: ${answer}`))
        const end = answer.indexOf('\r\n\r\n') + 4
        socket.tcp.on('data', (chunk) => socket.read(chunk))
        if (answer.length > end) socket.read(answer.subarray(end))
        resolve(socket)
      })
    })
  }

  send(payload) {
    this.tcp.write(framed(payload))
  }

  /** Answers the push or ping in the frame. */
  answer(frame) {
    const end = 2 + frame[1]
    this.send(Buffer.concat([frame.subarray(0, end), Buffer.of(TAG.response, 0)]))
  }

  close() {
    this.tcp.removeAllListeners('close')
    this.tcp.destroy()
  }

  read(chunk) {
    let bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk])
    for (;;) {
      const frame = frameIn(bytes)
      if (frame === undefined) break
      this.heard(frame.payload, this)
      bytes = bytes.subarray(frame.end)
    }
    this.rest = bytes.length === 0 ? bytes : Buffer.from(bytes)
  }
}

/** What a frame holds, and of a push where its sets begin. */
export function kindOf(frame) {
  let at = 2 + frame[1]
  const tag = frame[at]
  if (tag === TAG.response) return { kind: 'response' }
  if (tag === TAG.syncStatus) return { kind: 'syncStatus' }
  if (tag === TAG.snapshotPush) return { kind: 'snapshotPush' }
  if (tag !== TAG.push) return { kind: 'other' }
  at = varint(frame, at + 1).end
  return { kind: 'push', sets: at + 2 + frame[at + 1] }
}

/** Calls `each` with the number of every set of a push. */
export function eachSeq(frame, start, each) {
  for (let at = start; at < frame.length;) {
    const { value: length, end } = varint(frame, at + 1)
    each(varint(frame, end + 1).value)
    at = end + length
  }
}

/** The number of repeated fields with this tag from `start` on, whatever stands between. */
export function countFields(frame, start, tag) {
  let count = 0
  for (let at = start; at < frame.length;) {
    if (frame[at] === tag) count++
    const { value, end } = varint(frame, at + 1)
    at = (frame[at] & 7) === 2 ? end + value : end
  }
  return count
}

export function varint(bytes, start) {
  let value = 0
  let at = start
  for (let scale = 1; ; scale *= 128) {
    const byte = bytes[at++]
    value += (byte & 0x7f) * scale
    if (byte < 0x80) return { value, end: at }
  }
}

function frameIn(bytes) {
  if (bytes.length < 2) return undefined
  const short = bytes[1]
  const head = short === 127 ? 10 : short === 126 ? 4 : 2
  if (bytes.length < head) return undefined
  const length = head === 2 ? short : head === 4 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2))
  const end = head + length
  return bytes.length < end ? undefined : { payload: bytes.subarray(head, end), end }
}

/** Masked with zeros: legal, and the payload stays as it is. */
function framed(payload) {
  const { length } = payload
  const head =
    length < 126
      ? Buffer.of(0x82, 0x80 | length)
      : length < 65_536
        ? Buffer.of(0x82, 0xfe, length >> 8, length & 0xff)
        : Buffer.concat([Buffer.of(0x82, 0xff), be64(length)])
  return Buffer.concat([head, Buffer.alloc(NO_MASK), payload])
}

function be64(value) {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

function upgradeOf(host, port, path) {
  const key = randomBytes(16).toString('base64')
  const fields = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', `Sec-WebSocket-Key: ${key}`]
  return `GET ${path} HTTP/1.1\r\nHost: ${host}:${port}\r\n${fields.join('\r\n')}\r\n\r\n`
}
