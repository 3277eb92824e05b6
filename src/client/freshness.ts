/**
 * How old the newest checkpoint is (PROOFS §3): before it would be stale the relay is asked for one, once; and one that
 * it answers with has to come as a push too, or something is withheld.
 *
 * Tests: test/client/proven-client.test.ts
 */

import type { Seconds } from '../brands.js'
import { FRESHNESS_ASKED_BEFORE_SECONDS, WITHHELD_MS_MAX } from '../limits.js'
import { readCheckpointAnswer } from '../wire/proof-payloads.js'
import { toBigEndian } from '../bytes/bytes.js'
import { ClientError } from './client-error.js'
import type { AskedShop } from './proof-requests.js'

interface FreshnessHandlers {
  now(): Seconds
  /** Another signature for what was accepted before. */
  renewed(): void
  stale(isStale: boolean): void
  /** A check failed. */
  failed(error: unknown): void
  /** Without a connection nothing is asked. */
  isConnected(): boolean
  /** How many pushes have come. */
  pushes(): number
  /** The last set that came, or that is known to have been all. */
  heldSeq(): bigint
}

/** An answer that takes longer is not waited for. */
const ANSWER_SECONDS_MAX = 5n

export class Freshness {
  private readonly shop: AskedShop
  private readonly verifiedAtSeconds: Seconds
  private readonly handlers: FreshnessHandlers
  /** Timestamp of the checkpoint about whose age the relay was asked last. */
  private askedAbout: Seconds | undefined
  private askedAt: Seconds | undefined
  private isStopped = false

  constructor(shop: AskedShop, verifiedAtSeconds: Seconds, handlers: FreshnessHandlers) {
    this.shop = shop
    this.verifiedAtSeconds = verifiedAtSeconds
    this.handlers = handlers
  }

  stop(): void {
    this.isStopped = true
  }

  /** Called every second or so. */
  look(): void {
    const { checkpoints } = this.shop
    const { accepted } = checkpoints
    const now = this.handlers.now()
    if (accepted === undefined || (this.askedAt !== undefined && now - this.askedAt < ANSWER_SECONDS_MAX)) return
    const { seconds } = accepted.fields.Timestamp
    const isDue = checkpoints.isStale(now, this.verifiedAtSeconds - this.askedBefore())
    if (isDue && this.askedAbout !== seconds && this.handlers.isConnected()) {
      this.askedAbout = seconds
      void this.ask()
    } else this.tell()
  }

  private tell(): void {
    const { handlers, shop, verifiedAtSeconds } = this
    if (!this.isStopped) handlers.stale(shop.checkpoints.isStale(handlers.now(), verifiedAtSeconds))
  }

  /** Early enough for the answer to be there in time. */
  private askedBefore(): Seconds {
    const quarter = this.verifiedAtSeconds / 4n
    return quarter < FRESHNESS_ASKED_BEFORE_SECONDS ? quarter : FRESHNESS_ASKED_BEFORE_SECONDS
  }

  private async ask(): Promise<void> {
    this.askedAt = this.handlers.now()
    try {
      const ahead = await this.askOnce()
      this.askedAt = undefined
      this.tell()
      if (ahead !== undefined) await this.requirePushed(ahead)
    } catch (error) {
      // The connection's end, or a relay that refuses: then what is held gets stale.
      const isCheck = !(error instanceof ClientError) || error.code === 'VERIFICATION_FAILED'
      if (isCheck && !this.isStopped) this.handlers.failed(error)
    } finally {
      this.askedAt = undefined
      this.tell()
    }
  }

  /** The Seq of a checkpoint that is newer than those that were pushed. */
  private async askOnce(): Promise<bigint | undefined> {
    const { checkpoints, shopId, ask } = this.shop
    const fromSeq = checkpoints.accepted!.fields.Seq
    const answer = readCheckpointAnswer(await ask({ kind: 'checkpoint', shopId: toBigEndian(shopId, 32), fromSeq }))
    const { Seq } = checkpoints.verified(answer.Checkpoint).fields
    if (Seq > checkpoints.accepted!.fields.Seq) return Seq
    // The relay answers with its newest: one that is older than what was known when it was asked is refused here.
    if (Seq === checkpoints.accepted!.fields.Seq || Seq < fromSeq) {
      checkpoints.accept({ signed: answer.Checkpoint, last: answer.Last }, this.handlers.now())
      this.handlers.renewed()
    }
    return undefined
  }

  /** What the relay signed is pushed soon, it or a later one; sets that it covers may come before it. */
  private async requirePushed(seq: bigint): Promise<void> {
    const { checkpoints } = this.shop
    for (let pushes = -1; pushes !== this.handlers.pushes();) {
      pushes = this.handlers.pushes()
      const isCovered = this.handlers.heldSeq() >= seq
      if (await checkpoints.reached(seq, WITHHELD_MS_MAX)) return
      if (!this.handlers.isConnected()) return
      if (isCovered) break
    }
    const held = checkpoints.accepted!.fields.Seq
    const problem = `the relay signed checkpoint ${seq}, and pushed none after checkpoint ${held}`
    throw new ClientError(
      'VERIFICATION_FAILED',
      `${problem} for ${WITHHELD_MS_MAX / 1_000} s: it withholds what is new`,
    )
  }
}
