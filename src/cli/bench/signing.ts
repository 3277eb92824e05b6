/**
 * Sets that change prices, signed before the clock starts, each in the frame that it is sent in. One buffer holds all:
 * while the clock runs nothing is left for the garbage collector.
 *
 * Tests: test/cli/bench/signing.test.ts
 */

import type { Change } from '../../patches/patch.js'
import { encodeEnvelope } from '../../wire/envelope.js'
import { signedSet } from './session.js'

export interface SigningTask {
  readonly shop: bigint
  /** 32 bytes. */
  readonly secret: Uint8Array
  /** Of the first set; they rise by one. */
  readonly firstNonce: bigint
  /** As the nonces. */
  readonly firstId: bigint
  readonly sets: number
  readonly patches: number
  /** Listings 1 to so many are changed, in turns. */
  readonly listings: number
}

export interface SignedFrames {
  readonly firstId: bigint
  readonly bytes: Uint8Array
  /** Where each frame ends. */
  readonly ends: Uint32Array
}

/** Prime, and larger than no shop has listings: turns go through all of them, far from each other. */
const STRIDE = 7_919

export function signFrames(task: SigningTask): SignedFrames {
  const ends = new Uint32Array(task.sets)
  let bytes = new Uint8Array(0)
  let end = 0
  for (let i = 0; i < task.sets; i++) {
    const frame = frameOf(task, i)
    if (end + frame.length > bytes.length) bytes = grown(bytes, end + frame.length, task.sets / (i + 1))
    bytes.set(frame, end)
    ends[i] = end += frame.length
  }
  return { firstId: task.firstId, bytes: bytes.subarray(0, end), ends }
}

export function frameAt({ bytes, ends }: SignedFrames, place: number): Uint8Array {
  return bytes.subarray(place === 0 ? 0 : ends[place - 1], ends[place])
}

function frameOf({ shop, secret, firstNonce, firstId, patches, listings }: SigningTask, place: number): Uint8Array {
  const nonce = firstNonce + BigInt(place)
  const changes = Array.from({ length: patches }, (_, i): Change => {
    const turn = Number(nonce % 1_000_000_000n) * patches + i
    return {
      op: 'replace',
      path: ['Listings', listingAt(turn, listings), 'Price'],
      value: BigInt(turn % 1_000_000) + 1n,
    }
  })
  const message = { kind: 'write', patchSet: signedSet(secret, shop, nonce, changes) } as const
  return encodeEnvelope({ requestId: firstId + BigInt(place), message })
}

/** Patches of one set change different listings, as far as there are so many. */
export function listingAt(turn: number, listings: number): bigint {
  return BigInt((turn * (listings % STRIDE === 0 ? 1 : STRIDE)) % listings) + 1n
}

/** Room for as many more bytes as the frames so far lead one to expect. */
function grown(bytes: Uint8Array, needed: number, more: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.ceil(needed * Math.max(1.05, more * 1.02)) + 64)
  larger.set(bytes)
  return larger
}
