/**
 * The checkpoints of one shop as its client accepts them (PROOFS §3). Who knows the relay's address and the shop takes
 * chain, registry and relay id from the first one, and keeps to them.
 *
 * Tests: test/client/proven-client.test.ts
 */

import type { Seconds, ShopId } from '../brands.js'
import { personalSigner } from '../bytes/eip191.js'
import { CHECKPOINTS_KEPT } from '../limits.js'
import { CheckpointTrust, type OfferedCheckpoint } from '../proofs/checkpoint-acceptance.js'
import { CheckpointError } from '../proofs/checkpoint-error.js'
import {
  requireIdentity,
  verifyCheckpoint,
  verifyLast,
  type SignedCheckpoint,
  type VerifiedCheckpoint,
} from '../proofs/checkpoint-form.js'
import { compareCheckpoints } from '../proofs/conflict.js'
import type { RelayIdentity } from '../proofs/hand-over.js'
import type { ProvenAnswer } from '../wire/proof-payloads.js'

/** What is known of a relay before it says anything. */
export interface KnownRelay {
  /** Addresses of its keys, 20 bytes each, at least one: several after a rotation. */
  readonly keys: readonly Uint8Array[]
  /** Where a hand-over named it: then its checkpoints have to. */
  readonly identity?: RelayIdentity | undefined
}

export class ShopCheckpoints {
  private readonly shopId: ShopId
  private readonly relay: KnownRelay
  private trust: CheckpointTrust | undefined
  /** By Seq, the newest last; as many as a relay makes proofs for. */
  private readonly recent = new Map<bigint, VerifiedCheckpoint>()
  private readonly waiting = new Set<() => void>()

  constructor(shopId: ShopId, relay: KnownRelay) {
    this.shopId = shopId
    this.relay = relay
  }

  /** The last one that was accepted. */
  get accepted(): VerifiedCheckpoint | undefined {
    return this.trust?.accepted
  }

  /** Goes on from one that was kept. Throws CheckpointError. */
  goOn(signed: SignedCheckpoint): VerifiedCheckpoint {
    const kept = this.verified(signed)
    this.trust = new CheckpointTrust({ ...kept.fields, relays: this.relay.keys }, kept)
    this.recent.set(kept.fields.Seq, kept)
    return kept
  }

  /**
   * Goes on from one whose digest is anchored in the registry of `place`, whoever signed it: a key of before a rotation
   * may have. Throws CheckpointError.
   */
  goOnFromAnchor(signed: SignedCheckpoint, place: Pick<RelayIdentity, 'ChainID' | 'Registry'>): void {
    const signer = personalSigner(...signed)
    const anchored = verifyCheckpoint(signed, signer === undefined ? [] : [signer])
    requireIdentity(anchored.fields, { ...anchored.fields, ...this.relay.identity, ...place, ShopID: this.shopId })
    this.trust = new CheckpointTrust({ ...anchored.fields, relays: this.relay.keys }, anchored)
  }

  /** Checks all of a checkpoint and holds it from now on. Throws CheckpointError. */
  accept(offered: OfferedCheckpoint, now: Seconds): VerifiedCheckpoint {
    const next = this.verified(offered.signed)
    const trust = this.trust ?? new CheckpointTrust({ ...next.fields, relays: this.relay.keys })
    trust.accept(offered, now)
    this.trust = trust
    const accepted = trust.accepted!
    this.remember(accepted)
    return accepted
  }

  /** One of the last that were accepted. */
  at(seq: bigint): VerifiedCheckpoint | undefined {
    return this.recent.get(seq)
  }

  /**
   * Whether one of that Seq or a later one is accepted within so many milliseconds. Requests are answered beside the
   * pushes, and what they are answered with counts once it is one of those that were pushed.
   */
  reached(seq: bigint, ms: number): Promise<boolean> {
    const isReached = () => this.accepted !== undefined && this.accepted.fields.Seq >= seq
    if (isReached()) return Promise.resolve(true)
    return new Promise((resolve) => {
      const finish = (reached: boolean) => {
        clearTimeout(timer)
        this.waiting.delete(look)
        resolve(reached)
      }
      const look = () => (isReached() ? finish(true) : undefined)
      const timer = setTimeout(() => finish(false), ms)
      this.waiting.add(look)
    })
  }

  /** What beside `mine` came as the answer about the very same Seq. Throws CheckpointError. */
  requireSame(mine: VerifiedCheckpoint, { Checkpoint, Last }: ProvenAnswer): void {
    const theirs = this.verified(Checkpoint)
    const [found, wanted] = [theirs.fields.Seq, mine.fields.Seq]
    if (found !== wanted) {
      const problem = `the answer is of checkpoint ${found}, not ${wanted}`
      throw new CheckpointError('identity', problem, { at: 'Seq', found: `${found}`, wanted: `${wanted}` })
    }
    const compared = compareCheckpoints(mine, theirs, undefined)
    if (compared.outcome === 'evidence') throw new CheckpointError('two-contents', compared.message)
    verifyLast(Last, theirs.fields)
  }

  /** One of this relay's and this shop's. Throws CheckpointError. */
  verified(signed: SignedCheckpoint): VerifiedCheckpoint {
    const checkpoint = verifyCheckpoint(signed, this.relay.keys)
    const { fields } = this.accepted ?? checkpoint
    requireIdentity(checkpoint.fields, { ...fields, ...this.relay.identity, ShopID: this.shopId })
    return checkpoint
  }

  private remember(accepted: VerifiedCheckpoint): void {
    const { Seq } = accepted.fields
    this.recent.delete(Seq)
    this.recent.set(Seq, accepted)
    const [oldest] = this.recent.keys()
    if (this.recent.size > CHECKPOINTS_KEPT) this.recent.delete(oldest!)
    for (const look of [...this.waiting]) look()
  }

  isStale(now: Seconds, verifiedAtSeconds: Seconds): boolean {
    return this.trust === undefined || this.trust.isStale(now, verifiedAtSeconds)
  }
}
