/** Checkpoints: their form and signature, what ties them to their log, and what a client accepts. */

import { describe, expect, test } from 'vitest'
import { addressOf, publicKeyOf, sign } from '#signature'
import { fromBigEndian, toBigEndian } from '../../src/bytes/bytes.js'
import { personalMessageDigest } from '../../src/bytes/eip191.js'
import { prefixedHex, toHex } from '../../src/bytes/hex.js'
import { encode } from '../../src/codec/encode.js'
import { CborTime } from '../../src/codec/value.js'
import {
  CheckpointTrust,
  decodeCheckpoint,
  decodeLast,
  decodeSignedCheckpoint,
  encodeCheckpoint,
  requireIdentity,
  signCheckpoint,
  verifyCheckpoint,
  verifyLast,
  type Checkpoint,
  type SignedCheckpoint,
} from '../../src/proofs/checkpoint.js'
import { CheckpointError, type CheckpointErrorCode } from '../../src/proofs/checkpoint-error.js'
import { bitFlips, IDENTITY, RELAY, RELAY_SECRET, SampleLog, START } from '../fixtures/checkpoints.js'
import { digest } from '../fixtures/mmr-oracle.js'

const log = new SampleLog(12)
const other = digest(Uint8Array.of(9))
const later = (seconds: bigint) => ({ Timestamp: new CborTime(START + seconds) })

function expectCode(code: CheckpointErrorCode, act: () => unknown): void {
  expect(act).toThrow(CheckpointError)
  expect(act).toThrow(expect.objectContaining({ code }))
}

describe('the form', () => {
  test('is kept through bytes, at the ends of every number', () => {
    const [most, most256] = [2n ** 64n - 1n, 2n ** 256n - 1n]
    const ends: Partial<Checkpoint>[] = [
      {},
      { ChainID: 0n, Registry: new Uint8Array(20), Relay: 0n, ShopID: 0n },
      { ChainID: most, Relay: most256, ShopID: most256 },
      { Seq: 2n ** 62n, Peaks: [other] },
      { Seq: 2n ** 62n - 1n, Peaks: Array.from({ length: 62 }, () => other) },
    ]
    for (const changes of ends) {
      const fields = log.fields(12, changes)
      expect(decodeCheckpoint(encodeCheckpoint(fields))).toEqual(fields)
    }
  })

  test('has as many peaks as Seq has ones, and no more sets than a log can have', () => {
    for (let seq = 1; seq <= 12; seq++) {
      const { Peaks } = log.fields(seq)
      for (const wrong of [[], Peaks.slice(1), [...Peaks, other]])
        expectCode('form', () => encodeCheckpoint(log.fields(seq, { Peaks: wrong })))
    }
    expect(() => encodeCheckpoint(log.fields(12, { Peaks: [other] }))).toThrow('checkpoint 12 has 1 peaks, not 2')
    expectCode('form', () => encodeCheckpoint(log.fields(1, { Seq: 2n ** 63n })))
    expectCode('form', () => encodeCheckpoint(log.fields(1, { Seq: 0n, Peaks: [] })))
  })

  test('says what is wrong, and where', () => {
    const value = (changes: object) => encode(new Map(Object.entries({ ...log.fields(1), ...changes })))
    expect(() => decodeCheckpoint(value({ Version: 2n }))).toThrow('checkpoint.Version must be one of 1')
    expect(() => decodeCheckpoint(value({ Extra: 1n }))).toThrow('checkpoint has an unknown field "Extra"')
    expect(() => decodeCheckpoint(value({ StateRoot: other.subarray(1) }))).toThrow(
      'checkpoint.StateRoot must have 32 bytes, not 31',
    )
    expect(() => decodeCheckpoint(Uint8Array.of(0xa1))).toThrow('checkpoint: a count of 1 beyond the input at byte 0')
  })

  test('of a pair and of Last is an array of two', () => {
    const signed = log.signed(12)
    expect(decodeSignedCheckpoint(encode(signed))).toEqual(signed)
    expect(decodeLast(encode(log.last(12)))).toEqual(log.last(12))
    for (const wrong of [[], [signed[0]], [...signed, null], [signed[0], signed[1].subarray(1)], ['', signed[1]]])
      expectCode('form', () => decodeSignedCheckpoint(encode(wrong)))
    for (const wrong of [[], [other], [other, null], [other, [], []], [other.subarray(1), []], [other, [signed[1]]]])
      expectCode('form', () => decodeLast(encode(wrong)))
  })
})

describe('the signature', () => {
  test('is the same every time, and names the relay; several addresses after a rotation', () => {
    const [bytes, signature] = log.signed(12)
    expect(signCheckpoint(bytes, RELAY_SECRET)).toEqual([bytes, signature])
    expect(signature).toEqual(sign(personalMessageDigest(bytes), RELAY_SECRET))
    const { fields, signed, digest: hash } = verifyCheckpoint([bytes, signature], [other.subarray(0, 20), RELAY])
    expect([fields, signed, hash]).toEqual([log.fields(12), [bytes, signature], digest(bytes)])
  })

  test('is refused with any single bit flipped, of it or of the checkpoint', () => {
    const [bytes, signature] = log.signed(12)
    const codes = new Set<string>()
    for (const pair of [
      ...[...bitFlips(bytes)].map((flipped): SignedCheckpoint => [flipped, signature]),
      ...[...bitFlips(signature)].map((flipped): SignedCheckpoint => [bytes, flipped]),
    ])
      codes.add(codeOf(() => verifyCheckpoint(pair, [RELAY])))
    expect([...codes].sort()).toEqual(['form', 'signature', 'signer'])
  })

  test('has 65 bytes, v 27 or 28 and a low s', () => {
    const [bytes, signature] = log.signed(12)
    const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
    const high = signature.slice()
    high.set(toBigEndian(order - fromBigEndian(signature.subarray(32, 64)), 32), 32)
    high[64] = 55 - signature[64]!
    const bare = signature.with(64, signature[64]! - 27)
    for (const wrong of [
      high,
      bare,
      signature.subarray(0, 64),
      Uint8Array.from([...signature, 0]),
      new Uint8Array(65).with(64, 27),
    ])
      expectCode('signature', () => verifyCheckpoint([bytes, wrong], [RELAY]))
    expect(() => verifyCheckpoint([bytes, bare], [RELAY])).toThrow(
      /^checkpoint 12: v of its signature is [01], not 27/u,
    )
  })

  test('of another key is refused with both addresses', () => {
    const secret = new Uint8Array(32).fill(8)
    const pair = log.signed(12, {}, secret)
    const [found, wanted] = [prefixedHex(addressOf(publicKeyOf(secret))), prefixedHex(RELAY)]
    expect(() => verifyCheckpoint(pair, [RELAY])).toThrow(
      expect.objectContaining({
        code: 'signer',
        found,
        wanted,
        message: `checkpoint 12 is signed by ${found}, not by the relay ${wanted}`,
      }),
    )
    expectCode('signer', () => verifyCheckpoint(log.signed(12), []))
  })
})

test('a checkpoint of another chain, registry, relay or shop is refused with both values', () => {
  const others = { ChainID: 2n, Registry: new Uint8Array(20), Relay: 13n, ShopID: 8n }
  for (const [at, value] of Object.entries(others)) {
    const act = () => requireIdentity(log.fields(1, { [at]: value }), IDENTITY)
    const found = typeof value === 'bigint' ? `${value}` : prefixedHex(value)
    expect(act).toThrow(expect.objectContaining({ code: 'identity', at, found }))
    const offered = { signed: log.signed(1, { [at]: value }), last: log.last(1) }
    expectCode('identity', () => new CheckpointTrust({ ...IDENTITY, relays: [RELAY] }).accept(offered, START))
    const kept = log.verified(1, { [at]: value })
    expectCode('identity', () => new CheckpointTrust({ ...IDENTITY, relays: [RELAY] }, kept))
  }
})

describe('Last', () => {
  test('ties the StateRoot of every checkpoint to its peaks', () => {
    for (let seq = 1; seq <= 12; seq++) verifyLast(log.last(seq), log.fields(seq))
  })

  test('is refused with any single bit flipped, of it or of the StateRoot, or with another path', () => {
    for (const seq of [1, 8, 11]) {
      const [set, path] = log.last(seq)
      for (const flipped of bitFlips(encode([set, path])))
        expect(() => verifyLast(decodeLast(flipped), log.fields(seq))).toThrow(CheckpointError)
      for (const StateRoot of bitFlips(log.fields(seq).StateRoot))
        expectCode('last', () => verifyLast([set, path], log.fields(seq, { StateRoot })))
      expectCode('last', () => verifyLast([set, [...path, other]], log.fields(seq)))
      if (path.length > 0) expectCode('last', () => verifyLast([set, path.slice(1)], log.fields(seq)))
    }
    const { Set } = log.leaves[10]!
    const message = `checkpoint 12: set ${toHex(Set)} with StateRoot`
    expect(() => verifyLast([Set, log.path(12, 12)], log.fields(12))).toThrow(message)
  })
})

describe('a client accepts', () => {
  const trust = { ...IDENTITY, relays: [RELAY] }
  const now = START + 12n
  /** One that holds the checkpoint of `seq`. */
  const holding = (seq: number, changes: Partial<Checkpoint> = {}) =>
    new CheckpointTrust(trust, log.verified(seq, changes))
  const offer = (seq: number, changes: Partial<Checkpoint> = {}, from?: number) => ({
    signed: log.signed(seq, changes),
    last: log.last(seq),
    consistency: from === undefined ? undefined : log.consistency(from, seq),
  })

  test('the first one, and each that goes on from the last', () => {
    const client = new CheckpointTrust(trust)
    expect([client.accepted, client.isStale(now)]).toEqual([undefined, true])
    let before: number | undefined
    for (const seq of [1, 2, 5, 11, 12]) {
      expect(client.accept(offer(seq, {}, before), now)).toBe('accepted')
      expect(client.accepted).toEqual(log.verified(seq))
      before = seq
    }
  })

  test('the same one, signed again later; one signed earlier is ignored', () => {
    const client = holding(12)
    expect(client.accept(offer(12, later(500n)), START + 500n)).toBe('accepted')
    expect(client.accept(offer(12), START + 500n)).toBe('ignored')
    expect(client.accept(offer(12, later(500n)), START + 500n)).toBe('accepted')
    expect(client.accepted).toEqual(log.verified(12, later(500n)))
  })

  test('a Timestamp five minutes ahead, and not a second more', () => {
    expect(holding(11).accept(offer(12, later(300n), 11), START)).toBe('accepted')
    expect(() => holding(11).accept(offer(12, later(301n), 11), START)).toThrow(
      expect.objectContaining({
        code: 'future',
        at: 'Timestamp',
        message: 'checkpoint 12 is of 2026-01-17T08:58:21Z, more than 5 minutes after now, 2026-01-17T08:53:20Z',
      }),
    )
  })

  test('no lower Seq', () => {
    expect(() => holding(12).accept(offer(11), now)).toThrow(
      expect.objectContaining({ code: 'seq-lower', found: '11', wanted: 'at least 12' }),
    )
  })

  test('no other contents of one Seq, whatever its Timestamp', () => {
    const fork = new SampleLog(12, { 3: { Set: other } })
    const { Peaks } = fork.fields(12)
    for (const changes of [{ StateRoot: other }, { StateHash: other }, { Peaks }])
      for (const seconds of [-5n, 12n, 20n])
        expectCode('two-contents', () => holding(12).accept(offer(12, { ...changes, ...later(seconds) }), now))
  })

  test('no Timestamp that falls while Seq rises, nor one that rises while Seq falls; an equal one', () => {
    expectCode('time-falls', () => holding(11).accept(offer(12, later(10n), 11), now))
    expectCode('time-falls', () => holding(12).accept(offer(11, later(13n)), now))
    expect(holding(11).accept(offer(12, later(11n), 11), now)).toBe('accepted')
  })

  test('none without the consistency from the last one, or with another', () => {
    for (const from of [undefined, 1, 10]) expectCode('consistency', () => holding(11).accept(offer(12, {}, from), now))
    const fork = new SampleLog(12, { 3: { Set: other } })
    const forked = { signed: fork.signed(12), last: fork.last(12), consistency: fork.consistency(11, 12) }
    expectCode('consistency', () => holding(11).accept(forked, now))
    expect(new CheckpointTrust(trust).accept(forked, now)).toBe('accepted')
  })

  test('none that its Last does not tie', () => {
    for (const last of [log.last(11), [other, log.path(12, 12)] as const])
      expectCode('last', () => holding(11).accept({ ...offer(12, {}, 11), last }, now))
    const untied = { signed: log.signed(12, { StateRoot: other }), last: log.last(12) }
    expectCode('last', () => new CheckpointTrust(trust).accept(untied, now))
  })

  test('and what is refused changes nothing', () => {
    const client = holding(11)
    const refused = [offer(12), offer(10), offer(12, later(1_000n), 11), offer(11, { StateHash: other })]
    for (const wrong of refused) expect(() => client.accept(wrong, now)).toThrow(CheckpointError)
    expect(client.accepted).toEqual(log.verified(11))
    expect(client.accept(offer(12, {}, 11), now)).toBe('accepted')
  })

  test('and counts its age from the Timestamp, not from when it came', () => {
    const client = new CheckpointTrust(trust)
    client.accept(offer(12), START + 1_000n)
    expect(client.isStale(START + 1_000n)).toBe(true)
    expect([72n, 73n].map((seconds) => client.isStale(START + seconds))).toEqual([false, true])
    expect([22n, 23n].map((seconds) => client.isStale(START + seconds, 10n))).toEqual([false, true])
  })
})

function codeOf(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    if (error instanceof CheckpointError) return error.code
    throw error
  }
  return 'accepted'
}
