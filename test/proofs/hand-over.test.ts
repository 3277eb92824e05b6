/** A relay's key that says which one comes after it, and who believes that. */

import { describe, expect, test } from 'vitest'
import { addressOf, publicKeyOf, sign } from '#signature'
import { personalMessageDigest } from '../../src/bytes/eip191.js'
import { encode } from '../../src/codec/encode.js'
import { CborTime } from '../../src/codec/value.js'
import { CheckpointError, type CheckpointErrorCode } from '../../src/proofs/checkpoint-error.js'
import {
  decodeSignedHandOver,
  encodeSignedHandOver,
  HandOver,
  relaysAfter,
  signHandOver,
  verifyHandOver,
  type SignedHandOver,
} from '../../src/proofs/hand-over.js'
import { bitFlips, IDENTITY, START } from '../fixtures/checkpoints.js'

const { ShopID: _, ...RELAY } = IDENTITY
const secrets = [1, 2, 3, 4].map((byte) => new Uint8Array(32).fill(byte))
const [a, b, c, d] = secrets.map((secret) => addressOf(publicKeyOf(secret))) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
]
const addresses = [a, b, c, d]

/** From and to the keys of these places. */
function handOver(from: number, to: number, changes: Partial<HandOver> = {}): HandOver {
  const [From, To] = [addresses[from]!, addresses[to]!]
  return { Version: 1n, ...RELAY, From, To, Timestamp: new CborTime(START), ...changes }
}

const signed = (from: number, to: number, changes: Partial<HandOver> = {}) =>
  signHandOver(handOver(from, to, changes), secrets[from]!)

/** Whatever the fields and whoever signs. */
function forged(fields: HandOver, secret: Uint8Array): SignedHandOver {
  const bytes = encode(HandOver.write(fields))
  return [bytes, sign(personalMessageDigest(bytes), secret)]
}

function expectCode(code: CheckpointErrorCode, act: () => unknown): void {
  expect(act).toThrow(CheckpointError)
  expect(act).toThrow(expect.objectContaining({ code }))
}

describe('a hand-over', () => {
  test('is kept through bytes and verified, at the ends of every number', () => {
    for (const changes of [{}, { ChainID: 2n ** 64n - 1n, Relay: 2n ** 256n - 1n, Registry: new Uint8Array(20) }]) {
      const kept = decodeSignedHandOver(encodeSignedHandOver(signed(0, 1, changes)))
      expect(verifyHandOver(kept, [c, a], { ...RELAY, ...changes })).toEqual(handOver(0, 1, changes))
    }
  })

  test('has one form', () => {
    const [bytes, signature] = signed(0, 1)
    for (const changed of bitFlips(bytes))
      expect(() => verifyHandOver([changed, signature], [a], RELAY)).toThrow(CheckpointError)
    for (const changed of bitFlips(signature))
      expect(() => verifyHandOver([bytes, changed], [a], RELAY)).toThrow(CheckpointError)
    expectCode('form', () => verifyHandOver([new Uint8Array([0xa0]), signature], [a], RELAY))
    expectCode('form', () => decodeSignedHandOver(Uint8Array.of(0x80)))
  })

  test.each<[string, CheckpointErrorCode, () => unknown]>([
    ['from a key that is not the relay’s', 'signer', () => verifyHandOver(signed(1, 2), [a], RELAY)],
    ['signed by the new key', 'signer', () => verifyHandOver(forged(handOver(0, 1), secrets[1]!), [a], RELAY)],
    ['to itself', 'form', () => verifyHandOver(forged(handOver(0, 0), secrets[0]!), [a], RELAY)],
    ['of another chain', 'identity', () => verifyHandOver(signed(0, 1, { ChainID: 2n }), [a], RELAY)],
    ['of another registry', 'identity', () => verifyHandOver(signed(0, 1, { Registry: a }), [a], RELAY)],
    ['of another relay', 'identity', () => verifyHandOver(signed(0, 1, { Relay: 13n }), [a], RELAY)],
    ['signed with a key that is not From’s', 'signer', () => signHandOver(handOver(0, 1), secrets[1]!)],
    ['signed to itself', 'form', () => signHandOver(handOver(0, 0), secrets[0]!)],
  ])('%s is refused', (_what, code, act) => expectCode(code, act))
})

describe('the keys of a relay', () => {
  test('are those that hand-overs lead to, in whatever order they stand', () => {
    const list = [signed(2, 3), signed(0, 1), signed(1, 2)]
    for (const order of [list, [...list].reverse()]) expect(relaysAfter(order, [a], RELAY)).toEqual(addresses)
    expect(relaysAfter(list, [c], RELAY)).toEqual([c, d])
    expect(relaysAfter([], [a, b], RELAY)).toEqual([a, b])
  })

  test('are not those of strangers', () => {
    expect(relaysAfter([signed(1, 2), signed(2, 1)], [a], RELAY)).toEqual([a])
    expectCode('identity', () => relaysAfter([signed(0, 1, { Relay: 13n })], [a], RELAY))
    expectCode('signer', () => relaysAfter([forged(handOver(0, 1), secrets[3]!)], [a], RELAY))
  })
})
