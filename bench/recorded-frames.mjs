// Frames in a file, each behind its length: what one run received and the next one sends.

import { readFileSync, writeFileSync } from 'node:fs'

export function writeFrames(file, frames) {
  const parts = frames.flatMap((frame) => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(frame.length)
    return [length, frame]
  })
  writeFileSync(file, Buffer.concat(parts))
}

export function readFrames(file) {
  const bytes = readFileSync(file)
  const frames = []
  for (let at = 0; at < bytes.length;) {
    const end = at + 4 + bytes.readUInt32BE(at)
    frames.push(bytes.subarray(at + 4, end))
    at = end
  }
  return frames
}
