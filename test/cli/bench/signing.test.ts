import { expect, it } from 'vitest'
import { publicKeyOf } from '#signature'
import { frameAt, listingAt, signFrames } from '../../../src/cli/bench/signing.js'
import { readPatchSet, signerOf } from '../../../src/patches/patch-set.js'
import { decodeEnvelope } from '../../../src/wire/envelope.js'

const secret = new Uint8Array(32).fill(7)
const task = { shop: 4n, secret, firstNonce: 100n, firstId: 9n, sets: 20, patches: 3, listings: 50 }

it('each frame is one write, signed by the card, with ids and nonces that rise', () => {
  const frames = signFrames(task)
  expect(frames.ends).toHaveLength(20)
  expect(frames.ends.at(-1)).toBe(frames.bytes.length)
  for (let i = 0; i < 20; i++) {
    const { requestId, message } = decodeEnvelope(frameAt(frames, i))
    expect(requestId).toBe(9n + BigInt(i))
    if (message.kind !== 'write') throw new Error(message.kind)
    const { header, headerBytes, signature, patches } = readPatchSet(message.patchSet)
    expect([header.ShopID, header.KeyCardNonce]).toEqual([4n, 100n + BigInt(i)])
    expect(signerOf(headerBytes, signature)).toEqual(publicKeyOf(secret))
    expect(patches.map(({ path }) => path[0])).toEqual(['Listings', 'Listings', 'Listings'])
  }
})

it.each([1, 2, 50, 7_919, 10_000])('turns go through all of %i listings before one comes again', (listings) => {
  const turns = Array.from({ length: listings }, (_, turn) => listingAt(1_000 + turn, listings))
  expect(new Set(turns).size).toBe(listings)
  expect(turns.every((id) => id >= 1n && id <= BigInt(listings))).toBe(true)
})
