/** Lies in checkpoints: what the relay signs of its log, and what ties it to what was shown before. */

import { encodeLevel, readLevel } from '../../src/merkle/state-level.js'
import {
  decodeLast,
  decodeLogConsistency,
  decodeSignedCheckpoint,
  encodeLogConsistency,
  type Checkpoint,
  type LogConsistency,
} from '../../src/proofs/checkpoint.js'
import { encode } from '../../src/codec/encode.js'
import { be64 } from '../../src/bytes/bytes.js'
import type { CheckpointPush, SnapshotPush } from '../../src/wire/messages.js'
import type { ShopState } from '../../src/state/shop-state.js'
import { newSecret } from '../fixtures/relay-harness.js'
import type { Lie } from '../fixtures/lying-proxy.js'
import { withObject, type Edits } from './book.js'
import { all, answers, checkpoints, encodeLast, later, recast, resigned, seqOf, sets, told } from './forge.js'
import type { LieRow } from './lie.js'
import { LISTED_AT, STONE, type Stage } from './stage.js'

const ONE = 'a subscription to one listing'
const WHOLE = 'all that is public'
const ZEROS = new Uint8Array(32)

const recastWith = (changes: (fields: Checkpoint) => Partial<Checkpoint>) => (): Lie =>
  checkpoints((push) => recast(push, changes))

/** The checkpoint, and behind it another. */
const andThen = (next: (push: CheckpointPush) => CheckpointPush) => (): Lie => checkpoints((push) => [push, next(push)])

const consistency = (change: (honest: LogConsistency) => LogConsistency) => (): Lie =>
  checkpoints((push) => ({
    ...push,
    consistency: encodeLogConsistency(change(decodeLogConsistency(push.consistency))),
  }))

/** A price that no set wrote, from set `seq` on. */
export const priceFrom = (from: bigint, value = 7n): Edits => ({
  state: (state: ShopState, seq: number) =>
    seq === Number(from)
      ? withObject(state, 'Listings', be64(STONE), (fields) => new Map([...fields, ['Price', value]] as never))
      : state,
})

/** From the last set on that the session writes: those before are as they were shown. */
const fromNow = (stage: Stage, edits: (seq: bigint) => Edits) => {
  const { head } = stage.book()
  return () => stage.book(edits(head + 2n))
}

export const IN_CHECKPOINTS: readonly LieRow[] = [
  {
    name: 'signs with another key',
    does: 'signs checkpoints with a key that is not the relay’s',
    session: ONE,
    late: true,
    tell: () => {
      const secret = newSecret()
      return checkpoints((push) => recast(push, () => ({}), secret))
    },
    error: 'VERIFICATION_FAILED/signer',
    says: 'not by the relay',
  },
  {
    name: 'writes a signature in another form',
    does: 'sends v as 0 or 1, so that one checkpoint has two signatures',
    session: ONE,
    late: true,
    tell: () => checkpoints((push) => ({ ...push, signature: push.signature.with(64, push.signature[64]! - 27) })),
    error: 'VERIFICATION_FAILED/signature',
    says: 'v of its signature is',
  },
  {
    name: 'replays an old checkpoint',
    does: 'pushes a checkpoint that was accepted long ago behind the newest',
    session: ONE,
    tell: (stage) => {
      const { signed, last, level } = stage.book().checkpoint(LISTED_AT)
      const [checkpoint, signature] = signed
      const parts = { checkpoint, signature, last: encodeLast(last), level: encodeLevel(level) }
      return checkpoints((push) => (stage.turned ? [push, { ...push, ...parts }] : push))
    },
    error: 'VERIFICATION_FAILED/seq-lower',
    says: 'comes after checkpoint',
  },
  {
    name: 'signs two contents for one set',
    does: 'pushes a second checkpoint of the same Seq with another StateHash',
    session: ONE,
    late: true,
    tell: andThen((push) => recast(push, () => ({ StateHash: ZEROS }))),
    error: 'VERIFICATION_FAILED/two-contents',
    says: 'two checkpoints of set',
  },
  {
    name: 'turns time back',
    does: 'signs a later Seq with an earlier Timestamp',
    session: ONE,
    late: true,
    tell: recastWith(() => later(-3_600n)),
    error: 'VERIFICATION_FAILED/time-falls',
    says: 'and the later',
  },
  {
    name: 'signs the future',
    does: 'signs a Timestamp of ten minutes ahead: it would stay fresh for long',
    session: ONE,
    late: true,
    tell: recastWith(() => later(600n)),
    error: 'VERIFICATION_FAILED/future',
    says: 'minutes after now',
  },
  {
    name: 'shows another shop’s checkpoint',
    does: 'shows a checkpoint that it signed for another shop',
    session: ONE,
    late: true,
    tell: recastWith(({ ShopID }) => ({ ShopID: ShopID + 1n })),
    error: 'VERIFICATION_FAILED/identity',
    says: "the checkpoint's ShopID is",
  },
  {
    name: 'moves to another chain',
    does: 'signs for another chain than before',
    session: ONE,
    late: true,
    tell: recastWith(() => ({ ChainID: 1n })),
    error: 'VERIFICATION_FAILED/identity',
    says: "the checkpoint's ChainID is",
  },
  {
    name: 'moves to another registry',
    does: 'signs for another registry than before',
    session: ONE,
    late: true,
    tell: recastWith(() => ({ Registry: new Uint8Array(20).fill(1) })),
    error: 'VERIFICATION_FAILED/identity',
    says: "the checkpoint's Registry is",
  },
  {
    name: 'becomes another relay',
    does: 'signs under another relay token than before',
    session: ONE,
    late: true,
    tell: recastWith(() => ({ Relay: 2n })),
    error: 'VERIFICATION_FAILED/identity',
    says: "the checkpoint's Relay is",
  },
  {
    name: 'leaves a digest of the level out',
    does: 'sends a level in which a root is null',
    session: ONE,
    late: true,
    tell: () =>
      checkpoints((push) => {
        const level = readLevel(push.level)
        return { ...push, level: encodeLevel({ ...level, roots: { ...level.roots, Tags: null } }) }
      }),
    error: 'VERIFICATION_FAILED/level-null',
    says: 'Level: Tags is null and nothing yields it',
  },
  {
    name: 'tells too few peaks',
    does: 'signs a checkpoint whose Peaks are not as many as Seq has ones',
    session: ONE,
    late: true,
    tell: recastWith(({ Peaks }) => ({ Peaks: Peaks.slice(1) })),
    error: 'VERIFICATION_FAILED/form',
    says: 'checkpoint',
  },
  {
    name: 'signs a state that its log does not have',
    does: 'signs the StateRoot of a state with another price over the honest log',
    session: ONE,
    late: true,
    tell: (stage) => {
      const forged = fromNow(stage, (seq) => priceFrom(seq))
      return all(
        checkpoints((push) => {
          const { root, level } = forged().set(seqOf(push.checkpoint))
          return { ...recast(push, () => ({ StateRoot: root })), level: encodeLevel(level!) }
        }),
      )
    },
    error: 'VERIFICATION_FAILED/last',
    says: 'is not its last leaf: the path from node',
  },
  {
    name: 'takes another set for the last',
    does: 'names another Set as the last leaf',
    session: ONE,
    late: true,
    tell: () => checkpoints((push) => ({ ...push, last: encodeLast([ZEROS, decodeLast(push.last)[1]]) })),
    error: 'VERIFICATION_FAILED/last',
    says: 'is not its last leaf: the path from node',
  },
  {
    name: 'gives no consistency',
    does: 'leaves the consistency with the last checkpoint out',
    session: ONE,
    late: true,
    tell: () => checkpoints((push) => ({ ...push, consistency: new Uint8Array(0) })),
    error: 'VERIFICATION_FAILED/consistency',
    says: 'no consistency came with it',
  },
  {
    name: 'gives the consistency of other sets',
    does: 'says that the consistency is that of an earlier set',
    session: ONE,
    late: true,
    tell: consistency(([a, b, paths, right]) => [a - 1n, b, paths, right]),
    error: 'VERIFICATION_FAILED/consistency',
    says: 'the consistency is of sets',
  },
  {
    name: 'truncates a path of a consistency',
    does: 'leaves out the first hash of each path',
    session: ONE,
    late: true,
    tell: consistency(([a, b, paths, right]) => [a, b, paths.map((path) => path.slice(1)), right]),
    error: 'VERIFICATION_FAILED/consistency',
    says: 'elements, not',
  },
  {
    name: 'leaves a path of a consistency out',
    does: 'gives no path for the last peak of before',
    session: ONE,
    late: true,
    tell: consistency(([a, b, paths, right]) => [a, b, paths.slice(0, -1), right]),
    error: 'VERIFICATION_FAILED/consistency',
    says: 'earlier peaks',
  },
  {
    name: 'adds a path to a consistency',
    does: 'gives a path more than the log had peaks',
    session: ONE,
    late: true,
    tell: consistency(([a, b, paths, right]) => [a, b, [...paths, []], right]),
    error: 'VERIFICATION_FAILED/consistency',
    says: 'earlier peaks',
  },
  {
    name: 'leaves the right peaks out',
    does: 'gives no peaks for what was added',
    session: ONE,
    late: true,
    tell: consistency(([a, b, paths]) => [a, b, paths, []]),
    error: 'VERIFICATION_FAILED/consistency',
    says: 'right peaks, not',
  },
  {
    name: 'swaps a right peak',
    does: 'gives another peak for what was added',
    session: ONE,
    late: true,
    tell: consistency(([a, b, paths, right]) => [a, b, paths, right.map(() => ZEROS)]),
    error: 'VERIFICATION_FAILED/consistency',
    says: 'not the trusted',
  },
  {
    name: 'adds a right peak',
    does: 'gives a peak more than the log has',
    session: ONE,
    late: true,
    tell: consistency(([a, b, paths, right]) => [a, b, paths, [...right, ZEROS]]),
    error: 'VERIFICATION_FAILED/consistency',
    says: 'right peaks, not',
  },
  {
    name: 'rewrites the past',
    does: 'signs a log in which the listings always had another price: it did not grow from what was shown',
    session: ONE,
    late: true,
    tell: (stage) => told(() => stage.book(priceFrom(LISTED_AT))),
    error: 'VERIFICATION_FAILED/consistency',
    says: 'the path from node',
  },
  {
    name: 'changes a value that no set changes',
    does: 'appends honestly, and signs states in which a price changed by itself: every consistency holds',
    session: ONE,
    late: true,
    tell: (stage) => told(fromNow(stage, (seq) => priceFrom(seq))),
    error: 'VERIFICATION_FAILED/HeldObjectError',
    says: 'and the relay proves',
  },
  {
    name: 'changes a value of a whole collection that no set changes',
    does: 'the same where all listings are held',
    session: WHOLE,
    late: true,
    tell: (stage) => told(fromNow(stage, (seq) => priceFrom(seq))),
    error: 'VERIFICATION_FAILED/root',
    says: 'snapshot: Listings: its objects lead to',
  },
  {
    name: 'shows a level of another state',
    does: 'sends a level that does not lead to the StateRoot',
    session: WHOLE,
    late: true,
    tell: () =>
      checkpoints((push) => {
        const level = readLevel(push.level)
        return { ...push, level: encodeLevel({ ...level, roots: { ...level.roots, Listings: ZEROS } }) }
      }),
    error: 'VERIFICATION_FAILED/level',
    says: 'snapshot: Level: it leads to StateRoot',
  },
  {
    name: 'shows a level of another state to a part',
    does: 'sends a level that does not lead to the StateRoot to who holds nothing of what it changes',
    session: ONE,
    late: true,
    tell: () =>
      checkpoints((push) => {
        const level = readLevel(push.level)
        return { ...push, level: encodeLevel({ ...level, roots: { ...level.roots, Tags: ZEROS } }) }
      }),
    error: 'VERIFICATION_FAILED/level',
    says: 'snapshot: Level: it leads to StateRoot',
  },
  {
    name: 'drops a patch and moves the level along',
    does: 'leaves the new price out, and sends the level of a state without it under the honest StateRoot',
    session: WHOLE,
    late: true,
    tell: (stage) => {
      const { head } = stage.book()
      return all(
        sets((set) =>
          set.seq > head
            ? [{ ...set, leafIndex: 1, patches: set.patches.slice(1), proofs: set.proofs.slice(1) }]
            : [set],
        ),
        checkpoints((push) => {
          const forged = stage.book(priceFrom(head + 2n, 100n)).set(seqOf(push.checkpoint))
          return { ...push, level: encodeLevel(forged.level!) }
        }),
      )
    },
    error: 'VERIFICATION_FAILED/level',
    says: 'snapshot: Level: it leads to StateRoot',
  },
  {
    name: 'begins with another shop’s checkpoint',
    does: 'shows a newcomer a checkpoint of the same log that it signed for another shop',
    session: 'a newcomer to one listing',
    tell: (stage) => told(() => stage.book({ checkpoint: { ShopID: stage.shop + 1n } })),
    error: 'VERIFICATION_FAILED/identity',
    says: "the checkpoint's ShopID is",
  },
  {
    name: 'signs a peak more for somebody else',
    does: 'gave another client a checkpoint that is this one with a peak that its log does not have',
    session: 'compare',
    prepare: (stage) => {
      stage.received = (bytes) => {
        const [checkpoint] = decodeSignedCheckpoint(bytes)
        return encode([...resigned(checkpoint, ({ Peaks }) => ({ Peaks: [...Peaks, ZEROS] }))])
      }
    },
    error: 'VERIFICATION_FAILED/form',
    says: 'checkpoint',
  },
  {
    name: 'shows two clients two histories: the later one',
    does: 'shows this client a log that did not grow from what the other was shown',
    session: 'compare with an earlier one',
    late: true,
    tell: (stage) => told(() => stage.book(priceFrom(LISTED_AT))),
    error: 'NOT_SHOWN',
    says: 'what was given does not show that the log of set',
  },
  {
    name: 'pretends to know no proofs',
    does: 'says that it speaks version 4 only, which proves no state',
    session: 'a newcomer to one listing',
    prepare: (stage) => stage.proxy.speakOnly(4),
    error: 'TIMEOUT',
    says: 'nothing was shown as proven as of set',
  },
  {
    name: 'shows two clients two histories: of one length',
    does: 'shows this client a log with another price, and honest ones the honest log',
    session: 'compare',
    tell: (stage) => told(() => stage.book(priceFrom(LISTED_AT))),
    error: 'EVIDENCE/two-contents',
    says: 'two checkpoints of set',
  },
  {
    name: 'shows two clients two histories: behind',
    does: 'the same, and holds this client back behind the others, with no proof between the two',
    session: 'compare',
    tell: (stage) =>
      all(
        told(() => stage.book(priceFrom(LISTED_AT))),
        (message) => (message.kind === 'checkpointPush' || message.kind === 'push' ? undefined : message),
      ),
    beforeComparing: (stage) => stage.write('owner', [{ op: 'remove', path: ['Tags', 'round'] }]),
    error: 'NOT_SHOWN',
    says: 'was answered, and no push brought it or a later one',
  },
  {
    name: 'serves another checkpoint over HTTP',
    does: 'answers those who ask without a session from another history',
    session: 'a checkpoint over HTTP',
    prepare: (stage) => stage.forgeHttp(priceFrom(LISTED_AT)),
    error: 'EVIDENCE/two-contents',
    says: 'two checkpoints of set',
  },
  {
    name: 'withholds what it signed',
    does: 'answers that there are newer sets, and pushes nothing any more',
    session: 'somebody who waits for news',
    late: true,
    tell: () => (message) => (message.kind === 'push' || message.kind === 'checkpointPush' ? undefined : message),
    error: 'VERIFICATION_FAILED',
    says: 'it withholds what is new',
  },
  {
    name: 'withholds proofs of a part',
    does: 'signs checkpoints as the shop goes on, pushes no change of a listing, and gives no proofs of it any more',
    session: 'somebody who insists while the shop goes on',
    late: true,
    tell: () => (message, asked) => {
      if (asked?.kind === 'stateProof') return { kind: 'response', error: { code: 2, message: 'no proofs now' } }
      return message.kind === 'push' ? undefined : message
    },
    error: 'STALE',
    says: 'is older than',
  },
  {
    name: 'answers no question for proofs of a part',
    does: 'the same, and does not answer at all',
    session: 'somebody who insists while the shop goes on',
    late: true,
    tell: () => (message, asked) => (asked?.kind === 'stateProof' || message.kind === 'push' ? undefined : message),
    error: 'STALE',
    says: 'is older than',
  },
  {
    name: 'answers with an old checkpoint',
    does: 'pushes nothing any more, and answers who asks with a checkpoint of long ago',
    session: 'somebody who waits for news',
    late: true,
    tell: (stage) =>
      all(
        (message) => (message.kind === 'push' || message.kind === 'checkpointPush' ? undefined : message),
        answers({
          checkpoint: (answer) => {
            const { signed, last, level } = stage.book().checkpoint(LISTED_AT, later(-60n))
            return { ...answer, Checkpoint: signed, Last: last, Level: level, Consistency: undefined }
          },
        }),
      ),
    error: 'VERIFICATION_FAILED/seq-lower',
    says: 'comes after checkpoint',
  },
  {
    name: 'falls silent',
    does: 'pushes nothing and answers nothing any more',
    session: 'somebody who insists on new proofs',
    late: true,
    tell: () => (message) => (message.kind === 'ping' || message.kind === 'syncStatus' ? message : undefined),
    error: 'STALE',
    says: 'older than',
  },
  {
    name: 'comes back with another history',
    does: 'goes on after a lost connection with a log that has another price',
    session: 'a lost connection',
    late: true,
    tell: (stage) => told(() => stage.book(priceFrom(LISTED_AT))),
    error: 'VERIFICATION_FAILED/two-contents',
    says: 'two checkpoints of set',
  },
  {
    name: 'comes back without a proof of growth',
    does: 'leaves the consistency out of the first checkpoint after a lost connection',
    session: 'a lost connection',
    late: true,
    tell: () => checkpoints((push) => ({ ...push, consistency: new Uint8Array(0) })),
    error: 'VERIFICATION_FAILED/consistency',
    says: 'no consistency came with it',
  },
  {
    name: 'comes back with a stale snapshot',
    does: 'sends a client that comes back a snapshot of before instead of sets',
    session: 'a lost connection',
    tell: (stage) => {
      let old: SnapshotPush | undefined
      return (message) => {
        if (message.kind === 'snapshotPush') old ??= structuredClone(message)
        return message.kind === 'checkpointPush' && stage.turned ? [message, old!] : message
      }
    },
    error: 'VERIFICATION_FAILED/seq-lower',
    says: 'comes after checkpoint',
  },
]
