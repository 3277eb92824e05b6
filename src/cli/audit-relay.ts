/**
 * `cairn audit URL`: the audit of a running relay by what it shows a member of the shop: every set from the first one
 * on, and the checkpoints that it signs (PROOFS §7). State hashes and roots of single sets are not shown: the peaks of
 * a checkpoint hold them.
 *
 * Tests: test/e2e/audit-relay.test.ts
 */

import { publicKeyOf, sign } from '#signature'
import { toBigEndian } from '../bytes/bytes.js'
import { personalMessageDigest } from '../bytes/eip191.js'
import type { Seq, ShopId } from '../brands.js'
import { ClientError } from '../client/client-error.js'
import { RelayConnection } from '../client/connection.js'
import { FollowedRelay } from '../client/followed-relay.js'
import { decodeCheckpoint } from '../proofs/checkpoint-form.js'
import type { Salts } from '../proofs/snapshot.js'
import type { Difference } from '../relay/audit/difference.js'
import { ShownLog } from '../relay/audit/shown-log.js'
import type { CheckpointPush } from '../wire/messages.js'
import { readSalts } from '../wire/snapshot-payloads.js'
import { decodeSet } from '../wire/pushed-set.js'
import { AuditReport } from './audit-report.js'
import { UsageError } from './flags.js'
import type { Io } from './io.js'
import { cardFrom } from './merchant.js'
import { newestSeq } from './newest-seq.js'
import { reporter } from './progress.js'

interface RelayPlan {
  /** The relay's address. */
  readonly place: string
  readonly shops: readonly ShopId[] | undefined
  /** The file of a member's key card. */
  readonly card: string | undefined
  readonly relays: readonly Uint8Array[] | undefined
  readonly follow: boolean
  readonly json: boolean
}

/** Why nothing can be said, although the relay answers. */
export class CannotSayError extends Error {
  override readonly name = 'CannotSayError'
}

/** Rejects with CannotSayError, ClientError, UsageError, and the signal's reason. */
export async function auditRelay(plan: RelayPlan, io: Io): Promise<number> {
  const { shops, card, relays } = plan
  if (shops?.length !== 1) throw new UsageError('give the shop: --shop ID')
  const url = plan.place.replace(/\/+$/u, '')
  const [shopId] = shops as [ShopId]
  if (card === undefined) throw new CannotSayError(NO_MEMBER)
  const report = new AuditReport({ ...plan, chain: undefined }, io)
  const audit = new RelayAudit({ url, shopId, relays, secret: await cardFrom(card), follow: plan.follow }, io)
  const difference = await audit.run()
  if (difference === undefined) report.follows(shopId, audit.audited, 0)
  else report.differs(shopId, difference, audit.audited)
  report.tellShops()
  report.tellSum()
  return report.exitCode
}

const NO_MEMBER =
  'cannot say: without the card of an owner or a clerk (--card FILE) a relay shows neither orders nor stock, ' +
  'which state roots follow from; what everybody may see cairn watch verifies'

interface RelayAuditOptions {
  readonly url: string
  readonly shopId: ShopId
  readonly relays: readonly Uint8Array[] | undefined
  /** Of the card, 32 bytes. */
  readonly secret: Uint8Array
  readonly follow: boolean
}

class RelayAudit {
  private readonly options: RelayAuditOptions
  private readonly io: Io
  private readonly progress: (text: string) => void
  private log: ShownLog | undefined
  /** The set up to which it is audited. */
  private target: Seq = 0
  private isFollowing = false
  private end: (outcome: Difference | Error | undefined) => void = () => undefined
  private readonly ended = new Promise<Difference | Error | undefined>((resolve) => (this.end = resolve))
  private saltsCame: ((salts: Salts) => void) | undefined

  constructor(options: RelayAuditOptions, io: Io) {
    this.options = options
    this.io = io
    this.progress = reporter(io)
  }

  get audited() {
    return this.log!.audited
  }

  /** The first difference. Rejects with CannotSayError, ClientError, and the signal's reason. */
  async run(): Promise<Difference | undefined> {
    const { url, shopId, relays, follow } = this.options
    const { signal } = this.io
    this.target = await newestSeq({ url, signal }, shopId)
    const connection = await this.connect()
    const stop = () => this.end(follow ? undefined : (signal.reason as Error))
    signal.addEventListener('abort', stop, { once: true })
    try {
      const keys = relays && (await this.keysAfter(relays))
      this.log = new ShownLog({ shopId, relays: keys, salts: await this.saltsOf(connection) })
      await this.subscribe(connection, 0)
      const outcome = await this.ended
      if (outcome instanceof Error) throw outcome
      return outcome
    } finally {
      signal.removeEventListener('abort', stop)
      connection.close()
    }
  }

  /** With those that the relay's hand-overs lead to. */
  private async keysAfter(relays: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
    const relay = new FollowedRelay(relays)
    await relay.follow({ url: this.options.url, signal: this.io.signal })
    return relay.keys
  }

  private async connect(): Promise<RelayConnection> {
    const { url, secret } = this.options
    const { signal } = this.io
    const handlers = {
      push: ({ sets }: { readonly sets: readonly Uint8Array[] }) => (this.push(sets), undefined),
      checkpoint: (push: CheckpointPush) => (this.checkpoint(push), undefined),
      snapshot: () => undefined,
      syncStatus: () => undefined,
      subscriptionClosed: (reason: string) => this.lost(`the relay ended the subscription: ${reason}`),
      closed: (reason: string) => this.lost(`the relay ended the connection: ${reason || 'no reason given'}`),
    }
    const connection = await RelayConnection.open(url, 5, handlers, signal)
    const challenge = await connection.request({ kind: 'authenticate', publicKey: publicKeyOf(secret) }, signal)
    const signature = sign(personalMessageDigest(challenge), secret)
    await connection.request({ kind: 'challengeSolution', signature }, signal)
    return connection
  }

  private lost(problem: string): void {
    this.end(new ClientError('DISCONNECTED', problem))
  }

  /** A subscription's first checkpoint brings them; without them nothing can be computed, so this is one of its own. */
  private async saltsOf(connection: RelayConnection): Promise<{ Inventory: Uint8Array; Orders: Uint8Array }> {
    const came = new Promise<Salts>((resolve) => (this.saltsCame = resolve))
    const id = await this.subscribe(connection, this.target)
    const { Inventory, Orders } = await Promise.race([came, this.ended.then(notYet)])
    await connection.request({ kind: 'cancel', subscriptionId: id }, this.io.signal)
    if (Inventory === undefined || Orders === undefined) throw new CannotSayError(NO_MEMBER)
    return { Inventory, Orders }
  }

  private subscribe(connection: RelayConnection, from: Seq): Promise<Uint8Array> {
    const shopId = toBigEndian(this.options.shopId, 32)
    const request = { kind: 'subscribe', shopId, filters: [], startSeq: BigInt(from), pushDelayMs: 0 } as const
    return connection.request(request, this.io.signal)
  }

  private push(sets: readonly Uint8Array[]): void {
    if (this.log === undefined) return
    for (const encoded of sets) {
      const { seq, header, signature, patches } = decodeSet(encoded)
      const difference = this.log.take({ seq: Number(seq), header, signature, patches })
      if (difference !== undefined) return this.end(difference)
      if (seq <= this.target) this.progress(`shop ${this.options.shopId}: set ${seq} of ${this.target} audited`)
    }
  }

  private checkpoint({ checkpoint, signature, salts }: CheckpointPush): void {
    this.saltsCame?.(readSalts(salts))
    this.saltsCame = undefined
    if (this.log === undefined) return
    const seq = Number(decodeCheckpoint(checkpoint).Seq)
    const difference = this.log.takeCheckpoint(seq, [checkpoint, signature])
    if (difference !== undefined || (seq >= this.target && !this.options.follow)) return this.end(difference)
    if (seq >= this.target) this.follows(seq)
  }

  /** Of those that follow later the newest is told, each second. */
  private follows(seq: Seq): void {
    const told = `shop ${this.options.shopId}: all of sets 1 to ${seq} follows`
    if (this.isFollowing) return this.progress(told)
    this.isFollowing = true
    this.io.err(`${told}; going on until something differs`)
  }
}

/** It was stopped, or the connection was lost. */
function notYet(outcome: Difference | Error | undefined): never {
  throw outcome instanceof Error ? outcome : new ClientError('ABORTED', 'stopped before it was done')
}
