/** Lies about whose key is the relay's, and about what was anchored: of first contacts. */

import { personalMessageDigest } from '../../src/bytes/eip191.js'
import { addressOf, publicKeyOf, sign } from '../../src/bytes/signature.node.js'
import { encode } from '../../src/codec/encode.js'
import { CborTime } from '../../src/codec/value.js'
import { checkpointDigest } from '../../src/proofs/checkpoint-form.js'
import { encodeHandOvers, HandOver, signHandOver, type SignedHandOver } from '../../src/proofs/hand-over.js'
import { updateRootHashCall } from '../../src/wire/registry-calls.js'
import type { Lie } from '../fixtures/lying-proxy.js'
import { RELAY_SECRET } from './book.js'
import { all, answers, checkpoints, resigned, snapshots, told } from './forge.js'
import { priceFrom } from './in-checkpoints.js'
import type { LieRow } from './lie.js'
import { EARLIER_SECRET, LISTED_AT, type Stage } from './stage.js'

const BEFORE = 'a newcomer who knows the key of before'
const CHAIN = 'a newcomer who knows the chain'
const RECEIPT = 'an anchored receipt and the chain'
const MALLORY = new Uint8Array(32).fill(66)
const STRANGER = new Uint8Array(32).fill(67)

const fieldsOf = (from: Uint8Array, to: Uint8Array): HandOver => ({
  Version: 1n,
  ChainID: 31_337n,
  Registry: new Uint8Array(20),
  Relay: 1n,
  From: addressOf(publicKeyOf(from)),
  To: addressOf(publicKeyOf(to)),
  Timestamp: new CborTime(1_700_000_000n),
})
const handOver = (from: Uint8Array, to: Uint8Array, changes: Partial<HandOver> = {}): SignedHandOver =>
  signHandOver({ ...fieldsOf(from, to), ...changes }, from)

/** Says that it is from one key, and is signed by another. */
function forged(from: Uint8Array, to: Uint8Array, signer: Uint8Array): SignedHandOver {
  const bytes = encode(HandOver.write(fieldsOf(from, to)))
  return [bytes, sign(personalMessageDigest(bytes), signer)]
}

const serves =
  (...list: readonly SignedHandOver[]) =>
  (stage: Stage): void =>
    stage.proxy.lieOverHttp((path, body) => (path === '/v5/hand-overs' ? encodeHandOvers(list) : body))

/** Everything that the relay signs, signed by somebody else. */
function signedBy(secret: Uint8Array): Lie {
  const pair = (checkpoint: Uint8Array) => resigned(checkpoint, () => ({}), secret)
  const pushed = <P extends { readonly checkpoint: Uint8Array; readonly signature: Uint8Array }>(push: P): P => {
    if (push.checkpoint.length === 0) return push
    const [checkpoint, signature] = pair(push.checkpoint)
    return { ...push, checkpoint, signature }
  }
  const again = <A extends { readonly Checkpoint: readonly [Uint8Array, Uint8Array] }>(answer: A): A => ({
    ...answer,
    Checkpoint: pair(answer.Checkpoint[0]),
  })
  return all(checkpoints(pushed), snapshots(pushed), answers({ stateProof: again, logProof: again, checkpoint: again }))
}

/** Another history from the listings on, with another price. */
const rewritten = (stage: Stage) => () => stage.book(priceFrom(LISTED_AT))

export const IN_KEYS: readonly LieRow[] = [
  {
    name: 'forges a hand-over',
    does: 'serves a hand-over to a key that signed it itself, and signs with that key from then on',
    session: BEFORE,
    prepare: serves(forged(EARLIER_SECRET, MALLORY, MALLORY)),
    tell: () => signedBy(MALLORY),
    error: 'VERIFICATION_FAILED/signer',
    says: 'the hand-over is from',
  },
  {
    name: 'hands over in a circle',
    does: 'serves hand-overs that lead from the key that is known back to it',
    session: BEFORE,
    prepare: serves(handOver(EARLIER_SECRET, RELAY_SECRET), handOver(RELAY_SECRET, EARLIER_SECRET)),
    error: 'VERIFICATION_FAILED/circle',
    says: 'is of a circle: it leads back',
  },
  {
    name: 'hands over another relay',
    does: 'serves, beside its own, the hand-over of another relay that had the same key',
    session: BEFORE,
    prepare: serves(handOver(EARLIER_SECRET, RELAY_SECRET), handOver(EARLIER_SECRET, MALLORY, { Relay: 2n })),
    tell: () => signedBy(MALLORY),
    error: 'VERIFICATION_FAILED/identity',
    says: "the hand-over's Relay is 2, not 1",
  },
  {
    name: 'hands over from a key that nobody knows',
    does: 'serves, beside its own, a good hand-over between two keys that are not the relay’s',
    session: BEFORE,
    prepare: serves(handOver(EARLIER_SECRET, RELAY_SECRET), handOver(STRANGER, MALLORY)),
    tell: () => signedBy(MALLORY),
    error: 'VERIFICATION_FAILED/signer',
    says: 'not by the relay',
  },
  {
    name: 'leaves what is anchored',
    does: 'shows the checkpoint that is anchored, and then another history',
    session: CHAIN,
    tell: (stage) => told(rewritten(stage)),
    error: 'VERIFICATION_FAILED/two-contents',
    says: 'two checkpoints of set',
  },
  {
    name: 'shows another checkpoint as anchored',
    does: 'shows a checkpoint of the history that it shows as the one that is anchored',
    session: CHAIN,
    prepare: (stage) => {
      const [bytes, signature] = rewritten(stage)().checkpoint(stage.book().head).signed
      stage.proxy.lieOverHttp((path, body) => (path.includes('/anchor/') ? encode([bytes, signature]) : body))
    },
    tell: (stage) => told(rewritten(stage)),
    error: 'VERIFICATION_FAILED',
    says: 'the relay shows the checkpoint of digest',
  },
  {
    name: 'shows nothing of what is anchored',
    does: 'knows no checkpoint that is anchored: the history that it shows is another',
    session: CHAIN,
    prepare: (stage) => {
      stage.anchored = checkpointDigest(rewritten(stage)().checkpoint(stage.book().head).signed[0])
    },
    error: 'VERIFICATION_FAILED/NOT_FOUND',
    says: 'the relay shows no checkpoint of it',
  },
  {
    name: 'names a transaction that anchors something else',
    does: 'names in a receipt the transaction that anchored another digest',
    session: RECEIPT,
    prepare: (stage) => {
      const input = updateRootHashCall(stage.shop, new Uint8Array(32).fill(1), 9n)
      stage.transaction = (honest) => ({ ...honest, input })
    },
    error: 'does-not-match',
    says: 'anchors 0x0101',
  },
  {
    name: 'names the anchor of another shop',
    does: 'names in a receipt a transaction that anchored its digest for another shop',
    session: RECEIPT,
    prepare: (stage) => {
      stage.transaction = (honest) => {
        const input = honest.input.slice()
        input[35]! ^= 1
        return { ...honest, input }
      }
    },
    error: 'does-not-match',
    says: ', not',
  },
  {
    name: 'names a call to another contract',
    does: 'names in a receipt a transaction that went to a contract of somebody’s own',
    session: RECEIPT,
    prepare: (stage) => {
      stage.transaction = (honest) => ({ ...honest, to: new Uint8Array(20).fill(8) })
    },
    error: 'does-not-match',
    says: 'goes to 0x0808',
  },
  {
    name: 'names an anchor that failed',
    does: 'names in a receipt a transaction that was reverted',
    session: RECEIPT,
    prepare: (stage) => {
      stage.transaction = (honest) => ({ ...honest, block: { ...honest.block!, succeeded: false } })
    },
    error: 'does-not-match',
    says: 'failed',
  },
  {
    name: 'names an anchor that is not deep enough',
    does: 'names in a receipt a transaction of the newest block, which may be taken back',
    session: RECEIPT,
    prepare: (stage) => {
      stage.blocksOnAnchor = 0n
    },
    error: 'matches-not-anchored',
    says: 'is 1 blocks deep, 2 are needed',
  },
]
