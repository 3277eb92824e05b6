/**
 * Order receipts from a relay (PROOFS §6): the order's sets as a subscription brings them, the state proof, the place
 * of each set in the log, and what was priced; put together and verified before anybody sees it. Version 5 only.
 *
 * Tests: test/e2e/receipts.test.ts
 */

import { addressOf, publicKeyOf } from '#signature'
import type { OrderId, ShopId } from '../brands.js'
import { be64, equalBytes, isAllZero, toBigEndian } from '../bytes/bytes.js'
import { toHex } from '../bytes/hex.js'
import { rawCidOf } from '../bytes/raw-cid.js'
import { decode } from '../codec/decode.js'
import { readDeterministic } from '../codec/deterministic.js'
import { RECEIPT_WAIT_MS_MAX, STATE_PROOF_OBJECTS_MAX } from '../limits.js'
import { readStateProofs } from '../merkle/state-proof-form.js'
import type { StateQuestion } from '../merkle/state-question.js'
import { PaymentDetails } from '../objects/order.js'
import { signerOf } from '../patches/patch-set.js'
import { readPatch } from '../patches/patch.js'
import { CheckpointError } from '../proofs/checkpoint-error.js'
import { decodeCheckpoint, verifyCheckpoint } from '../proofs/checkpoint-form.js'
import {
  makeReceipt,
  ReceiptError,
  receiptSets,
  verifyReceipt,
  type ReceiptParts,
  type SetForReceipt,
} from '../proofs/receipt.js'
import { ReceiptAnchor } from '../proofs/receipt-form.js'
import { asksForPayment } from '../state/order-rules.js'
import { ObjectType, type PushRequest, type SyncStatusRequest } from '../wire/messages.js'
import { readLogProofAnswer, readStateProofAnswer, type StateProofAnswer } from '../wire/proof-payloads.js'
import { encodeStateQuestion } from '../wire/snapshot-payloads.js'
import { decodeSet, type PushedSet } from '../wire/pushed-set.js'
import { untilClosed, type ClosingClient } from './client-closed.js'
import { aborted, ClientError } from './client-error.js'
import { bytesFromRelay, type RelayPlace } from './relay-http.js'
import { RelayLink, type Aside } from './relay-link.js'

export interface ReceiptSource extends RelayPlace {
  readonly shop: ShopId
  /** Addresses of the relay's keys, 20 bytes each: the receipt is verified against them. */
  readonly relays: readonly Uint8Array[]
  /** Authenticated as the guest whose order it is, or as staff; a key card has one session at a time. */
  readonly link: Pick<RelayLink, 'ask' | 'aside'>
}

/** A link for receipts alone. Close it. Rejects with ClientError. */
export async function openReceiptLink(url: string, key: Uint8Array, signal?: AbortSignal): Promise<RelayLink> {
  const nothing = () => undefined
  const link = new RelayLink(
    { url, key, card: publicKeyOf(key), version: 5, signal, notice: nothing },
    {
      begin: () => Promise.resolve(),
      push: nothing,
      checkpoint: nothing,
      snapshot: nothing,
      syncStatus: nothing,
      lost: nothing,
      state: nothing,
    },
  )
  await link.open()
  return link
}

/** Several orders: one subscription brings the sets of all. `each` is told those that cannot be made, too. */
export function fetchReceipts(
  source: ReceiptSource,
  orders: 'all' | readonly OrderId[],
  each: (orderId: OrderId, receipt: Uint8Array | ClientError) => void | Promise<void>,
): Promise<void> {
  const { shop, link, signal } = source
  const sets = new OrderSets()
  const filters = orders === 'all' ? [{ objectType: ObjectType.ORDER }] : orders.map(filterOf)
  const request = { kind: 'subscribe', shopId: toBigEndian(shop, 32), startSeq: 0n, filters } as const
  return link.aside(request, sets, async () => {
    await sets.caughtUp(signal)
    for (const id of orders === 'all' ? sets.ids() : orders)
      await each(id, await fetchOne(source, sets, id).catch((error: unknown) => clientError(id, error)))
  })
}

/** The receipt of one order, verified. Rejects with ClientError. */
export async function fetchReceipt(source: ReceiptSource, orderId: OrderId): Promise<Uint8Array> {
  let found: Uint8Array | ClientError | undefined
  await fetchReceipts(source, [orderId], (_id, receipt) => void (found = receipt))
  if (found instanceof Uint8Array) return found
  throw found!
}

/**
 * The same of an order that the card of `client` may read: the relay takes no question about another one. NOT_FOUND for
 * these; CLOSED with the client.
 */
export async function ownReceipt(source: ReceiptSource, orderId: OrderId, client: ClosingClient): Promise<Uint8Array> {
  try {
    return await untilClosed(client, source.signal, (signal) => fetchReceipt({ ...source, signal }, orderId))
  } catch (cause) {
    if (!(cause instanceof ClientError) || cause.code !== 'INVALID') throw cause
    const problem = `order ${orderId} is not there, or another guest's`
    throw new ClientError('NOT_FOUND', problem, { cause, objectId: orderId })
  }
}

/** Sets of a subscription, by the orders that they have patches on, as they come. */
class OrderSets implements Aside {
  private readonly byOrder = new Map<OrderId, OrderSet[]>()
  private lastSeq = 0n
  private isSynced = false
  private readonly waiting = new Set<() => void>()

  push({ sets }: PushRequest): true {
    for (const set of sets.map(decodeSet)) {
      for (const [id, patches] of patchesByOrder(set)) {
        const own = this.byOrder.get(id)
        if (own === undefined) this.byOrder.set(id, [{ set, patches }])
        else own.push({ set, patches })
      }
      this.lastSeq = set.seq
    }
    this.wake()
    return true
  }

  syncStatus({ unpushedPatches }: SyncStatusRequest): true {
    this.isSynced ||= unpushedPatches === 0n
    this.wake()
    return true
  }

  /** Resolves when all that was there has come. */
  caughtUp(signal?: AbortSignal): Promise<void> {
    return this.until(() => this.isSynced, 'the relay did not send the order', signal)
  }

  /** Of the order, from its last add on, once set `lastSeq` has come. */
  async of(orderId: OrderId, lastSeq: bigint, signal?: AbortSignal): Promise<readonly OrderSet[]> {
    await this.until(() => this.lastSeq >= lastSeq, `set ${lastSeq} of order ${orderId} did not come`, signal)
    const own = this.byOrder.get(orderId) ?? []
    return receiptSets(
      own.filter(({ set }) => set.seq <= lastSeq),
      orderId,
    )
  }

  /** The newest set on the order that has come; 0 if none has. */
  newestOf(orderId: OrderId): bigint {
    return this.byOrder.get(orderId)?.at(-1)?.set.seq ?? 0n
  }

  ids(): readonly OrderId[] {
    return [...this.byOrder.keys()]
  }

  private wake(): void {
    for (const look of this.waiting) look()
  }

  private until(condition: () => boolean, late: string, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer)
        this.waiting.delete(look)
        signal?.removeEventListener('abort', onAbort)
      }
      const onAbort = () => (end(), reject(aborted(signal!)))
      const look = () => condition() && (end(), resolve())
      const timer = setTimeout(() => (end(), reject(new ClientError('TIMEOUT', late))), RECEIPT_WAIT_MS_MAX)
      this.waiting.add(look)
      signal?.addEventListener('abort', onAbort, { once: true })
      look()
    })
  }
}

/** A set with its patches on one order. */
interface OrderSet {
  readonly set: PushedSet
  readonly patches: SetForReceipt['patches']
}

function patchesByOrder({ patches, proofs }: PushedSet): Map<OrderId, [patch: Uint8Array, proof: Uint8Array][]> {
  const found = new Map<OrderId, [Uint8Array, Uint8Array][]>()
  for (const [i, patch] of patches.entries()) {
    const [collection, id] = readPatch(patch).path
    if (collection !== 'Orders' || typeof id !== 'bigint') continue
    const own = found.get(id)
    if (own === undefined) found.set(id, [[patch, proofs[i]!]])
    else own.push([patch, proofs[i]!])
  }
  return found
}

function filterOf(id: OrderId) {
  return { objectType: ObjectType.ORDER, objectId: be64(id) }
}

async function fetchOne(source: ReceiptSource, sets: OrderSets, id: OrderId): Promise<Uint8Array> {
  const { shop, relays, link, signal } = source
  const order: StateQuestion = ['Orders', be64(id)]
  const lastSeq = lastSeqIn(await proofCovering(source, order, sets.newestOf(id)), id)
  const own = await sets.of(id, lastSeq, signal)
  const answer = await proofOf(link, shop, [order, ...cardsOf(own, relays)])
  // One that changed meanwhile has more sets than were taken.
  const again = lastSeqIn(answer, id)
  const taken = again === lastSeq ? own : await sets.of(id, again, signal)
  const { Seq: head, Registry } = decodeCheckpoint(answer.Checkpoint[0])
  const parts: ReceiptParts = {
    orderId: id,
    checkpoint: answer.Checkpoint,
    last: answer.Last,
    proofs: answer.Proofs,
    sets: await Promise.all(taken.map((set) => placed(source, set, head))),
    ...(await pricedParts(source, taken)),
  }
  const expected = { ShopID: shop, Order: id }
  const bare = makeReceipt(parts)
  verifyReceipt(bare, { relays, registries: [] }, expected)
  // A relay without a registry has none.
  const anchor = isAllZero(Registry) ? undefined : await anchorOf(source, again, head)
  if (anchor === undefined) return bare
  const anchored = makeReceipt({ ...parts, anchor })
  verifyReceipt(anchored, { relays, registries: [[anchor.ChainID, anchor.Contract]] }, expected)
  return anchored
}

/**
 * Where a checkpoint of set `seq` or a later one stands on chain, beside that of `head`; undefined if nowhere yet. One
 * that an earlier key signed which nobody named here would make the receipt worth less than without it.
 */
async function anchorOf(source: ReceiptSource, seq: bigint, head: bigint): Promise<ReceiptAnchor | undefined> {
  try {
    const path = `/v5/shops/${source.shop}/anchor?covers=${seq}&at=${head}&absent=204`
    const bytes = await bytesFromRelay(source, path)
    if (bytes.length === 0) return undefined
    const anchor = readDeterministic(ReceiptAnchor, bytes, 'Anchor')
    verifyCheckpoint(anchor.Checkpoint, source.relays)
    return anchor
  } catch (error) {
    const isAbsent = error instanceof ClientError && error.code === 'NOT_FOUND'
    const isOfAnotherKey = error instanceof CheckpointError && error.code === 'signer'
    if (isAbsent || isOfAnotherKey) return undefined
    throw error
  }
}

/** Once a checkpoint covers set `seq`: the relay signs one a second, and what was just written is in none yet. */
async function proofCovering(source: ReceiptSource, question: StateQuestion, seq: bigint): Promise<StateProofAnswer> {
  for (let waited = 0; waited < RECEIPT_WAIT_MS_MAX; waited += CHECKPOINT_PAUSE_MS) {
    const answer = await proofOf(source.link, source.shop, [question])
    if (decodeCheckpoint(answer.Checkpoint[0]).Seq >= seq) return answer
    await new Promise((resolve) => setTimeout(resolve, CHECKPOINT_PAUSE_MS))
    if (source.signal?.aborted) throw aborted(source.signal)
  }
  throw new ClientError('TIMEOUT', `the relay signed no checkpoint of set ${seq} or later, and a receipt needs one`)
}

const CHECKPOINT_PAUSE_MS = 250

async function proofOf(
  link: ReceiptSource['link'],
  shop: ShopId,
  questions: readonly StateQuestion[],
): Promise<StateProofAnswer> {
  const objects = questions.map(encodeStateQuestion)
  return readStateProofAnswer(
    await link.ask({ kind: 'stateProof', shopId: toBigEndian(shop, 32), objects, myOrders: false }),
  )
}

/** As the proof claims; it is checked with the whole receipt. */
function lastSeqIn({ Proofs }: StateProofAnswer, id: OrderId): bigint {
  const items = readStateProofs(Proofs, STATE_PROOF_OBJECTS_MAX).parts.find(
    ({ collection }) => collection === 'Orders',
  )?.items
  const answer = items?.[0]?.answer
  if (answer?.kind === 'object') return answer.object.history!.lastSeq
  throw new ClientError('NOT_FOUND', `the shop has no order ${id}`, { objectId: id })
}

function cardsOf(sets: readonly OrderSet[], relays: readonly Uint8Array[]): readonly StateQuestion[] {
  const keys = sets.map(({ set: { header, signature } }) => signerOf(header, signature))
  const isRelay = (key: Uint8Array) => relays.some((relay) => equalBytes(addressOf(key), relay))
  const cards = keys.filter((key) => key !== undefined && !isRelay(key)) as Uint8Array[]
  return [...new Map(cards.map((card) => [toHex(card), card])).values()].map((card) => ['Cards', card] as const)
}

/** With its place in the log of the first `head` sets, which have a checkpoint. */
async function placed(source: ReceiptSource, { set, patches }: OrderSet, head: bigint): Promise<SetForReceipt> {
  const answer = readLogProofAnswer(await bytesFromRelay(source, `/v5/shops/${source.shop}/log/${set.seq}?at=${head}`))
  return {
    seq: set.seq,
    header: set.header,
    signature: set.signature,
    stateRoot: answer.StateRoot,
    patches,
    inclusion: answer.Inclusion,
  }
}

async function pricedParts(
  source: ReceiptSource,
  sets: readonly OrderSet[],
): Promise<Pick<ReceiptParts, 'asked' | 'listings'>> {
  const asking = sets
    .flatMap(({ set, patches }) => patches.map(([bytes]) => ({ set, patch: readPatch(bytes) })))
    .findLast(({ patch }) => asksForPayment(patch))
  if (asking === undefined) return { listings: [] }
  const { seq, signature } = asking.set
  const path = `/v5/shops/${source.shop}/level/${seq}?signature=${toHex(signature)}`
  const answer = decode(await bytesFromRelay(source, path))
  const [level, manifest] = Array.isArray(answer) ? answer : []
  if (!(level instanceof Uint8Array && manifest instanceof Uint8Array))
    throw new ClientError('VERIFICATION_FAILED', `the relay answers no level after set ${seq}`)
  const { ListingHashes } = PaymentDetails.read(asking.patch.value, 'PaymentDetails')
  const hashes = [...new Map(ListingHashes.map((hash) => [toHex(hash), hash])).values()]
  const listings = await Promise.all(hashes.map((hash) => bytesFromRelay(source, `/ipfs/${rawCidOf(hash)}`)))
  return { asked: { level, manifest }, listings }
}

function clientError(id: OrderId, cause: unknown): ClientError {
  if (cause instanceof ClientError) return cause
  const what = cause instanceof ReceiptError ? 'the receipt does not match' : 'what the relay answers is no proof'
  return new ClientError('VERIFICATION_FAILED', `order ${id}: ${what}: ${(cause as Error).message}`, { cause })
}
