/** Evidence against a relay: each kind, what comes near it and is none, and what comparing says. */

import { describe, expect, test } from 'vitest'
import { addressOf, publicKeyOf } from '#signature'
import { toHex } from '../../src/bytes/hex.js'
import { encode } from '../../src/codec/encode.js'
import { CborTime } from '../../src/codec/value.js'
import { appendLeaves } from '../../src/merkle/accumulator.js'
import type { LeafCount } from '../../src/merkle/mmr-index.js'
import { encodeChange } from '../../src/patches/patch.js'
import { signPatches } from '../../src/patches/patch-set.js'
import {
  CheckpointError,
  compareCheckpoints,
  encodeCheckpoint,
  evidenceOfLastLeaf,
  evidenceOfLog,
  evidenceOfTwoLeaves,
  logLeafHash,
  setDigest,
  signCheckpoint,
  verifyCheckpoint,
  type Checkpoint,
  type LoggedSet,
  type ShownLeaf,
  type VerifiedCheckpoint,
} from '../../src/proofs/checkpoint.js'
import { IDENTITY, RELAY, RELAY_SECRET, SampleLog, START } from '../fixtures/checkpoints.js'
import { digest } from '../fixtures/mmr-oracle.js'

const log = new SampleLog(12)
const wrong = digest(Uint8Array.of(9))
/** Another history from set 3 on. */
const fork = new SampleLog(12, { 3: { Set: wrong } })
const at = (seconds: bigint) => ({ Timestamp: new CborTime(START + seconds) })

describe('comparing two checkpoints', () => {
  const compare = (a: VerifiedCheckpoint, b: VerifiedCheckpoint, ...between: [] | [number, number]) =>
    compareCheckpoints(a, b, between.length === 0 ? undefined : log.consistency(...between))

  test('of one Seq and the same contents: the same, whatever their Timestamps', () => {
    for (const seconds of [-50n, 12n, 500n])
      expect(compare(log.verified(12), log.verified(12, at(seconds)))).toEqual({ outcome: 'same' })
  })

  test('of two Seqs: consistent by the proof between them, in either order', () => {
    for (let earlier = 1; earlier < 12; earlier++)
      for (const [a, b] of [[earlier, 12] as const, [12, earlier] as const])
        expect(compare(log.verified(a), log.verified(b), earlier, 12)).toEqual({ outcome: 'consistent' })
  })

  test('of one Seq and other contents: evidence, with both values', () => {
    const changes: Readonly<Record<string, Partial<Checkpoint>>> = {
      StateRoot: { StateRoot: wrong },
      StateHash: { StateHash: wrong },
      'peak 1': { Peaks: log.fields(12).Peaks.with(1, wrong) },
    }
    for (const [field, change] of Object.entries(changes))
      for (const seconds of [0n, 12n, 500n]) {
        const compared = compare(log.verified(12), log.verified(12, { ...change, ...at(seconds) }))
        expect(compared).toMatchObject({ outcome: 'evidence', kind: 'two-contents' })
        expect(compared).toHaveProperty(
          'message',
          expect.stringMatching(
            `two checkpoints of set 12: ${field} is 0x.{64} in one, 0x${toHex(wrong)} in the other`,
          ),
        )
      }
  })

  test('where Seq rises and Timestamp falls: evidence, in either order; not at an equal Timestamp', () => {
    const [earlier, later] = [log.verified(11), log.verified(12, at(10n))]
    const message = 'checkpoint 11 is of 2026-01-17T08:53:31Z, and the later 12 of 2026-01-17T08:53:30Z'
    for (const [a, b] of [[earlier, later] as const, [later, earlier] as const])
      expect(compare(a, b, 11, 12)).toEqual({ outcome: 'evidence', kind: 'time-falls', message })
    expect(compare(earlier, log.verified(12, at(11n)), 11, 12)).toEqual({ outcome: 'consistent' })
  })

  test('of two Seqs without a valid consistency: not shown, and why', () => {
    expect(compare(log.verified(5), log.verified(12))).toEqual({
      outcome: 'not shown',
      reason: 'nothing was given to show that the log of set 12 began as the log of set 5',
    })
    for (const [a, b] of [[log.verified(5), fork.verified(12)] as const, [fork.verified(5), log.verified(12)] as const])
      expect(compare(a, b, 5, 12)).toMatchObject({ outcome: 'not shown' })
    expect(compare(log.verified(5), log.verified(12), 4, 12)).toMatchObject({
      outcome: 'not shown',
      reason: expect.stringContaining('is of sets 4 and 12, not of sets 5 and 12') as string,
    })
  })

  test('of two shops, or of another key, is refused', () => {
    for (const change of [{ ShopID: 8n }, { Relay: 13n }, { ChainID: 2n }, { Registry: new Uint8Array(20) }])
      expect(() => compare(log.verified(12), log.verified(12, change))).toThrow(CheckpointError)
    const signed = log.signed(12, {}, new Uint8Array(32).fill(8))
    expect(() => compare(log.verified(12), verifyCheckpoint(signed, [RELAY]))).toThrow(CheckpointError)
  })
})

/** The leaf of set `seq` with its path at `head`. */
function shown(of: SampleLog, seq: number, head: number): ShownLeaf {
  const { Set, StateRoot } = of.leaves[seq - 1]!
  return { Set, StateRoot, path: of.path(seq, head) }
}

describe('two leaves for one seq', () => {
  const judge = (seq: number, head: number, otherHead: number, other = fork) =>
    evidenceOfTwoLeaves(
      BigInt(seq),
      [log.verified(head), shown(log, seq, head)],
      [other.verified(otherHead), shown(other, seq, otherHead)],
    )

  test('are evidence under checkpoints of one Seq or of two', () => {
    const honest = `set 3 has Set 0x${toHex(log.leaves[2]!.Set)} in checkpoint 12`
    for (const otherHead of [3, 8, 12])
      expect(judge(3, 12, otherHead)).toEqual({
        outcome: 'evidence',
        kind: 'two-leaves',
        message: `${honest}, and 0x${toHex(wrong)} in checkpoint ${otherHead}`,
      })
    const otherRoot = new SampleLog(12, { 3: { StateRoot: wrong } })
    expect(judge(3, 12, 7, otherRoot)).toMatchObject({ outcome: 'evidence', kind: 'two-leaves' })
  })

  test('that are the same are none', () => {
    expect(judge(2, 12, 8)).toEqual({ outcome: 'nothing', reason: 'both checkpoints have the same leaf for set 2' })
  })

  test('that are not in the log of their checkpoint are none', () => {
    const a = [log.verified(12), shown(log, 3, 12)] as const
    for (const leaf of [
      { ...shown(log, 3, 12), Set: wrong },
      { ...shown(fork, 3, 12), path: log.path(3, 12) },
      shown(fork, 3, 4),
    ])
      for (const shows of [[a, [log.verified(12), leaf]] as const, [[log.verified(12), leaf], a] as const])
        expect(evidenceOfTwoLeaves(3n, ...shows)).toMatchObject({ outcome: 'nothing' })
    expect(judge(3, 12, 12)).toMatchObject({ outcome: 'evidence' })
    for (const seq of [0n, 13n, 4n])
      expect(evidenceOfTwoLeaves(seq, a, [fork.verified(12), shown(fork, 3, 12)])).toMatchObject({
        outcome: 'nothing',
      })
  })

  test('of two shops are refused', () => {
    const b = [fork.verified(12, { ShopID: 8n }), shown(fork, 3, 12)] as const
    expect(() => evidenceOfTwoLeaves(3n, [log.verified(12), shown(log, 3, 12)], b)).toThrow(CheckpointError)
  })
})

describe('a StateRoot that is not that of the last leaf', () => {
  test('is evidence, with both values', () => {
    expect(evidenceOfLastLeaf(log.verified(12, { StateRoot: wrong }), shown(log, 12, 12))).toEqual({
      outcome: 'evidence',
      kind: 'last-leaf',
      message: `checkpoint 12 has StateRoot 0x${toHex(wrong)}, and its last leaf 0x${toHex(log.leaves[11]!.StateRoot)}`,
    })
  })

  test('is none if it is, or if the leaf is another', () => {
    expect(evidenceOfLastLeaf(log.verified(12), shown(log, 12, 12))).toMatchObject({ outcome: 'nothing' })
    const otherLast = new SampleLog(12, { 12: { Set: wrong } })
    const untied = log.verified(12, { StateRoot: wrong })
    for (const leaf of [shown(log, 11, 12), shown(log, 11, 11), shown(otherLast, 12, 12)])
      expect(evidenceOfLastLeaf(untied, leaf)).toMatchObject({ outcome: 'nothing' })
  })
})

describe('a state that does not follow from the log', () => {
  const sets = Array.from({ length: 6 }, (_, i) => writtenSet(i))
  /** What follows from the sets so far under the relay's salts: here a digest of all their patches. */
  const honest = (salt = 1) => {
    let state = digest(Uint8Array.of(salt))
    return ({ patches }: { readonly patches: readonly { readonly bytes: Uint8Array }[] }) =>
      (state = digest(state, ...patches.map(({ bytes }) => bytes)))
  }
  const follower = honest()
  const roots = sets.map(([, , patches]) => follower({ patches: patches.map((bytes) => ({ bytes })) }))
  const logged = (changed: Readonly<Record<number, Uint8Array>> = {}): LoggedSet[] =>
    sets.map(([header, signature, patches], i) => [header, signature, patches, changed[i + 1] ?? roots[i]!])

  test('is evidence wherever it stands, with both values', () => {
    for (let seq = 1; seq <= 6; seq++) {
      const lying = logged({ [seq]: wrong })
      expect(evidenceOfLog(checkpointOver(lying), lying, honest())).toEqual({
        outcome: 'evidence',
        kind: 'state',
        message: `the leaf of set ${seq} has StateRoot 0x${toHex(wrong)}, not 0x${toHex(roots[seq - 1]!)}`,
      })
    }
  })

  test('is none where every leaf has what follows', () => {
    expect(evidenceOfLog(checkpointOver(logged()), logged(), honest())).toEqual({
      outcome: 'nothing',
      reason: 'no leaf differs from what follows from the sets',
    })
  })

  test('accuses nobody by made-up salts', () => {
    for (const lying of [logged(), logged({ 4: wrong })])
      expect(evidenceOfLog(checkpointOver(lying), lying, honest(2))).toEqual({
        outcome: 'nothing',
        reason: 'no leaf has the StateRoot that follows: the salts are made up',
      })
  })

  test('accuses nobody by a log that is not the checkpoint’s', () => {
    const lying = logged({ 4: wrong })
    const checkpoint = checkpointOver(lying)
    const [header, signature, patches] = writtenSet(99)
    const others: Readonly<Record<string, readonly LoggedSet[]>> = {
      '5 sets, not the 6 of the checkpoint': lying.slice(0, 5),
      'more sets than the 6 of the checkpoint': [...lying, lying[0]!],
      'the sets are not those of checkpoint 6: other peaks follow': logged(),
      'the sets are not those of checkpoint 6: other peaks follow ': lying.with(1, [header, signature, patches, wrong]),
    }
    for (const [reason, given] of Object.entries(others))
      expect(evidenceOfLog(checkpoint, given, honest())).toEqual({ outcome: 'nothing', reason: reason.trim() })
  })

  test('accuses nobody by patches that the header does not sign', () => {
    const lying = logged({ 4: wrong })
    const checkpoint = checkpointOver(lying)
    const [header, signature, patches, stateRoot] = lying[1]!
    const changedSets: LoggedSet[] = [
      [header, signature, patches.toReversed(), stateRoot],
      [header, signature, patches.slice(1), stateRoot],
      [header, signature, [...patches, patches[0]!], stateRoot],
      [header, signature, [], stateRoot],
      [header, signature, [Uint8Array.of(0xf6)], stateRoot],
      [header.subarray(1), signature, patches, stateRoot],
      [Uint8Array.from([...header, ...encode('x')]), signature, patches, stateRoot],
      [header, signature.subarray(1), patches, stateRoot],
    ]
    for (const changed of changedSets) {
      const judged = evidenceOfLog(checkpoint, lying.with(1, changed), honest())
      expect(judged).toMatchObject({ outcome: 'nothing', reason: expect.stringMatching(/^set 2: /u) as string })
    }
  })

  test('a set after which no state follows is neither for nor against', () => {
    const except = (skipped: bigint) => {
      const follow = honest()
      return (set: Parameters<typeof follow>[0], seq: bigint) => {
        const root = follow(set)
        return seq === skipped ? undefined : root
      }
    }
    const lying = logged({ 4: wrong })
    expect(evidenceOfLog(checkpointOver(lying), lying, except(4n))).toMatchObject({ outcome: 'nothing' })
    expect(evidenceOfLog(checkpointOver(lying), lying, except(3n))).toMatchObject({ outcome: 'evidence' })
  })
})

/** Header, signature and two patches of a set. */
function writtenSet(number: number): readonly [Uint8Array, Uint8Array, readonly Uint8Array[]] {
  const patches = [0n, 1n].map((n) => encodeChange({ op: 'add', path: ['Inventory', BigInt(number)], value: n }))
  const set = { shopId: IDENTITY.ShopID, nonce: BigInt(number + 1), timestamp: START, patches }
  const { headerBytes, signature } = signPatches(set, new Uint8Array(32).fill(5))
  return [headerBytes, signature, patches]
}

/** The relay's checkpoint of exactly these sets. */
function checkpointOver(sets: readonly LoggedSet[]): VerifiedCheckpoint {
  const leaves = sets.map(([header, signature, , StateRoot], i) =>
    logLeafHash({ Seq: BigInt(i + 1), Set: setDigest(header, signature), StateRoot }),
  )
  const { peaks } = appendLeaves(0n as LeafCount, [], leaves)
  const changes = { Seq: BigInt(sets.length), Peaks: peaks, StateRoot: sets.at(-1)![3] }
  const fields = log.fields(1, changes)
  return verifyCheckpoint(signCheckpoint(encodeCheckpoint(fields), RELAY_SECRET), [
    addressOf(publicKeyOf(RELAY_SECRET)),
  ])
}
