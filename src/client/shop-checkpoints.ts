/**
 * The checkpoints of one shop as its client accepts them (PROOFS §3). Who knows the relay's address and the shop takes
 * chain, registry and relay id from the first one, and keeps to them.
 *
 * Tests: test/client/proven-client.test.ts
 */

import type { Seconds, ShopId } from '../brands.js'
import { present } from '../assert.js'
import { personalSigner } from '../bytes/eip191.js'
import { CHECKPOINTS_KEPT } from '../limits.js'
import { AcceptedCheckpoints, type LaterRules, type OfferedCheckpoint } from '../proofs/checkpoint-acceptance.js'
import {
  decodeLast,
  requireIdentity,
  verifyCheckpoint,
  type SignedCheckpoint,
  type VerifiedCheckpoint,
} from '../proofs/checkpoint-form.js'
import type { RelayIdentity } from '../proofs/hand-over.js'
import type * as Later from '../proofs/later-checkpoint.js'
import type { CheckpointPush } from '../wire/messages.js'

/** What is known of a relay before it says anything. */
export interface KnownRelay {
  /** Addresses of its keys, 20 bytes each, at least one: several after a rotation. */
  readonly keys: readonly Uint8Array[]
  /** Where a hand-over named it: then its checkpoints have to. */
  readonly identity?: RelayIdentity | undefined
}

type PushedCheckpoint = Pick<CheckpointPush, 'checkpoint' | 'signature' | 'consistency'>

export class ShopCheckpoints {
  private readonly shopId: ShopId
  private readonly relay: KnownRelay
  private trust: AcceptedCheckpoints | undefined
  /** What follows a snapshot: undefined until it is loaded. */
  private later: typeof Later | undefined
  private readonly rules: LaterRules = {
    requireNoConflict: (...of) => present(this.later, 'what follows a snapshot').requireNoConflict(...of),
    requireConsistency: (...of) => present(this.later, 'what follows a snapshot').requireConsistency(...of),
  }
  /** By Seq, the newest last; as many as a relay makes proofs for. */
  private readonly recent = new Map<bigint, VerifiedCheckpoint>()
  private readonly waiting = new Set<() => void>()
  /** The client was closed. */
  isEnded = false

  constructor(shopId: ShopId, relay: KnownRelay) {
    this.shopId = shopId
    this.relay = relay
  }

  /** Later checkpoints are accepted from now on: by these rules. */
  follow(later: typeof Later): void {
    this.later = later
  }

  /** The last one that was accepted. */
  get accepted(): VerifiedCheckpoint | undefined {
    return this.trust?.accepted
  }

  /** Goes on from one that was kept. Throws CheckpointError. */
  goOn(signed: SignedCheckpoint): VerifiedCheckpoint {
    const kept = this.verified(signed)
    this.trust = new AcceptedCheckpoints({ ...kept.fields, relays: this.relay.keys }, this.rules, kept)
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
    this.trust = new AcceptedCheckpoints({ ...anchored.fields, relays: this.relay.keys }, this.rules, anchored)
  }

  /** As it was pushed. What shows that its log only grew is read after `follow`. Throws CheckpointError, ProofError. */
  offered({ checkpoint, signature, consistency }: PushedCheckpoint, last: Uint8Array): OfferedCheckpoint {
    const grown = consistency.length === 0 ? undefined : this.later?.decodeLogConsistency(consistency)
    return { signed: [checkpoint, signature], last: decodeLast(last), consistency: grown }
  }

  /** Checks all of a checkpoint and holds it from now on; a later one after `follow`. Throws CheckpointError. */
  accept(offered: OfferedCheckpoint, now: Seconds): VerifiedCheckpoint {
    const next = this.verified(offered.signed)
    const trust = this.trust ?? new AcceptedCheckpoints({ ...next.fields, relays: this.relay.keys }, this.rules)
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
    if (this.isEnded || isReached()) return Promise.resolve(isReached())
    return new Promise((resolve) => {
      const finish = (reached: boolean) => {
        clearTimeout(timer)
        this.waiting.delete(look)
        resolve(reached)
      }
      const look = () => (this.isEnded || isReached() ? finish(isReached()) : undefined)
      const timer = setTimeout(() => finish(false), ms)
      this.waiting.add(look)
    })
  }

  /** No push comes any more. */
  end(): void {
    this.isEnded = true
    for (const look of [...this.waiting]) look()
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
