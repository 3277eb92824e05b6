// A newcomer that takes all of a shop, in a process of its own: sets from the log, or objects of a snapshot. It answers
// pushes and counts what they hold. Its argument is the plan, as JSON; it sends its parent the figures.

import { countFields, eachSeq, kindOf, RawSocket, varint } from './raw-sockets.mjs'
import { writeFrames } from './recorded-frames.mjs'

const plan = JSON.parse(process.argv[2])
const { url, path, subscribe, expected, record } = plan
const OBJECT_TAG = 0x12
const START = 0xff

const recorded = []
let [found, bytes, last, outOfOrder] = [0, 0, 0, 0]
let done = () => undefined
const allThere = new Promise((resolve) => {
  done = resolve
})

function frameCame(frame, socket) {
  const { kind, sets } = kindOf(frame)
  if (kind === 'response') return
  socket.answer(frame)
  if (record !== undefined && (kind === 'push' || kind === 'snapshotPush')) recorded.push(Buffer.from(frame))
  if (kind === 'push') {
    eachSeq(frame, sets, (seq) => {
      if (seq <= last) outOfOrder++
      last = seq
      found++
    })
    bytes += frame.length
  } else if (kind === 'snapshotPush') {
    found += objectsOf(frame)
    bytes += frame.length
  }
  if (found >= expected) done()
}

function objectsOf(frame) {
  // Behind the request id; the member's number takes two bytes.
  const body = varint(frame, 2 + frame[1] + 2).end
  return countFields(frame, body, OBJECT_TAG)
}

const socket = await RawSocket.open(url, path, frameCame)
const begun = performance.now()
socket.send(subscribe === undefined ? Buffer.of(START) : Buffer.from(subscribe, 'base64'))
await allThere
const seconds = (performance.now() - begun) / 1_000
if (record !== undefined) writeFrames(record, recorded)
process.send({ found, bytes, outOfOrder, seconds })
process.disconnect()
process.exit()
