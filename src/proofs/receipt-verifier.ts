/**
 * The order receipt (PROOFS §6): one file that proves an order offline, years later, from the relay's address alone.
 * Its sets are all that the order has, in the relay's log; their patches give the order that the state holds; the total
 * is computed again. What is not proven: that something was delivered, what came after the checkpoint, and an anchor.
 *
 * Tests: test/proofs/receipt.test.ts
 */

import type { ListingId, OrderId, Seconds } from '../brands.js'
import { be64, equalBytes } from '../bytes/bytes.js'
import { personalSigner } from '../bytes/eip191.js'
import { prefixedHex, toHex } from '../bytes/hex.js'
import { encode } from '../codec/encode.js'
import { CborError } from '../codec/value.js'
import { readCardPeriods } from '../merkle/card-periods.js'
import { ProofError } from '../merkle/proof-error.js'
import { readStateProofs } from '../merkle/state-proof-form.js'
import { verifyStateProofs } from '../merkle/state-proof.js'
import { StateProofError } from '../merkle/state-proof-error.js'
import type { StateQuestion } from '../merkle/state-question.js'
import type { StateObject } from '../merkle/state-tree.js'
import type { Listing } from '../objects/listing.js'
import type { Manifest } from '../objects/manifest.js'
import { Order, type OrderState } from '../objects/order.js'
import type { PathPart } from '../patches/patch.js'
import { CheckpointError } from './checkpoint-error.js'
import {
  requireIdentity,
  verifyCheckpoint,
  verifyLast,
  type Checkpoint,
  type LogIdentity,
  type SignedCheckpoint,
  type VerifiedCheckpoint,
} from './checkpoint-form.js'
import { compareCheckpoints } from './conflict.js'
import { ReceiptError, receiptStep } from './receipt-error.js'
import { decodeReceipt, type Receipt, type ReceiptAnchor } from './receipt-form.js'
import {
  replaySets,
  signersOf,
  trailOfSets,
  type ReplayedSet,
  type SignerCard,
  type StepSigner,
} from './receipt-history.js'
import { proveSets, type ProvenSet } from './receipt-sets.js'
import { priceAgain, type ReceiptTotal } from './receipt-total.js'

/** What the caller knows by itself, never from the receipt. */
export interface ReceiptTrust {
  /** Addresses of the shop's relay, 20 bytes each: several after a rotation of its key. None refuses every receipt. */
  readonly relays: readonly Uint8Array[]
  /** Shop registries in which an anchor may stand: ChainID and address, 20 bytes. */
  readonly registries: readonly (readonly [chainId: bigint, registry: Uint8Array])[]
}

/** Whose receipt the caller expects; what is given is compared. */
export type ExpectedReceipt = Partial<LogIdentity> & { readonly Order?: OrderId }

/** One set of the order's history. */
export interface ReceiptStep {
  readonly seq: bigint
  /** Seconds since 1970, as the signer's header says: clients may write anything, and often 0. */
  readonly timestamp: Seconds
  readonly signer: StepSigner
  /** In order; of the first step from the add on. */
  readonly changes: readonly ReceiptChange[]
  /** The order after the set. */
  readonly after: Order
}

/** A patch of the order. */
export interface ReceiptChange {
  readonly op: string
  /** What follows the order's key. */
  readonly path: readonly PathPart[]
  /** What it writes, if that is the order's State. */
  readonly state?: OrderState
}

type AnchorStatus = 'anchored' | 'not yet anchored' | 'not checked'

/** What a receipt proves to who trusts the relay's address. Byte strings are views of it. */
export interface VerifiedReceipt {
  readonly whose: LogIdentity
  /** Address that signed the checkpoint, 20 bytes: one of the caller's. */
  readonly relay: Uint8Array
  readonly orderId: OrderId
  readonly order: Order
  /** The order's canonical CBOR, as the state holds it. */
  readonly value: Uint8Array
  /** Nothing of the order is missing up to set Seq; later changes are not in it. */
  readonly checkpoint: Pick<Checkpoint, 'Seq' | 'StateRoot' | 'Timestamp'> & { readonly digest: Uint8Array }
  readonly history: readonly ReceiptStep[]
  /** Undefined where no payment was asked. */
  readonly total: ReceiptTotal | undefined
  /** As they stood when payment was asked last; empty, and undefined, where it was not. */
  readonly listings: ReadonlyMap<ListingId, Listing>
  readonly manifest: Manifest | undefined
  /**
   * Its checkpoint and form were checked, and that it is in a known registry. Its transaction is looked for by whoever
   * has a chain: 'not checked' until then.
   */
  readonly anchor: { readonly claim: ReceiptAnchor; readonly status: AnchorStatus } | undefined
}

/**
 * Throws ReceiptError unless `received` proves an order to who trusts `relays`. No network, no clock: how old it is may
 * be told from the checkpoint's Timestamp.
 *
 * @example
 * ```ts
 * import { ReceiptError, verifyReceipt } from 'cairn-relay/receipt'
 *
 * try {
 *   verifyReceipt(Uint8Array.of(0xa0), { relays: [new Uint8Array(20)], registries: [] })
 * } catch (error) {
 *   console.log((error as ReceiptError).code, (error as ReceiptError).message) // form Receipt.Version: is missing
 * }
 * ```
 */
export function verifyReceipt(
  received: Uint8Array,
  trust: ReceiptTrust,
  expected: ExpectedReceipt = {},
): VerifiedReceipt {
  const receipt = decodeReceipt(received)
  const checkpoint = verifiedCheckpoint(receipt.Checkpoint, trust.relays)
  const { fields, digest } = checkpoint
  requireExpected(expected, fields)
  receiptStep('last', 'Last', [CheckpointError], () => verifyLast(receipt.Last, fields))
  const anchor = receipt.Anchor && { claim: receipt.Anchor, status: 'not checked' as const }
  if (anchor !== undefined) checkAnchor(anchor.claim, checkpoint, trust)
  const { id, proven } = proveSets(receipt.Sets, { shopId: fields.ShopID, relays: trust.relays, head: fields })
  if (expected.Order !== undefined && expected.Order !== id)
    throw new ReceiptError('expected', 'Order', `${id}, not ${expected.Order}`, shown(id, expected.Order))
  const trail = trailOfSets(proven)
  const { order: held, cards } = provenState(receipt.Proofs, fields, id, proven)
  requireTrail(held, trail)
  const replayed = replaySets(id, proven, signersOf(proven, cards))
  const order = replayed.at(-1)!.after
  requireValue(order, held)
  const priced = priceAgain(fields.ShopID, replayed, receipt.Listings)
  const { ChainID, Registry, Relay, ShopID, Seq, StateRoot, Timestamp } = fields
  return {
    whose: { ChainID, Registry, Relay, ShopID },
    relay: signerNamedByReceipt(receipt)!,
    orderId: id,
    order,
    value: held.value,
    checkpoint: { Seq, StateRoot, Timestamp, digest },
    history: replayed.map(stepOf),
    total: priced?.total,
    listings: priced?.listings ?? new Map(),
    manifest: priced?.manifest,
    anchor,
  }
}
/**
 * The address, 20 bytes, that the receipt itself names by its signature: undefined if it leads to none. Not to be
 * trusted: whoever made the receipt has it. It is what a person compares with the address that the shop tells. Throws
 * ReceiptError: 'form', 'version'.
 *
 * @example
 * ```ts
 * import { addressNamedByReceipt, ReceiptError } from 'cairn-relay/receipt'
 *
 * try {
 *   addressNamedByReceipt(Uint8Array.of(0x80))
 * } catch (error) {
 *   console.log((error as ReceiptError).message) // Receipt: must be a map
 * }
 * ```
 */
export function addressNamedByReceipt(received: Uint8Array): Uint8Array | undefined {
  return signerNamedByReceipt(decodeReceipt(received))
}

function signerNamedByReceipt({ Checkpoint: [bytes, signature] }: Receipt): Uint8Array | undefined {
  return personalSigner(bytes, signature)
}

function verifiedCheckpoint(signed: SignedCheckpoint, relays: readonly Uint8Array[]): VerifiedCheckpoint {
  try {
    return verifyCheckpoint(signed, relays)
  } catch (cause) {
    if (!(cause instanceof CheckpointError)) throw cause
    const { found, wanted } = cause
    const code = cause.code === 'signer' ? 'relay' : 'checkpoint'
    throw new ReceiptError(code, 'Checkpoint', cause.message, { found, wanted, cause })
  }
}

function requireExpected(expected: ExpectedReceipt, { ChainID, Registry, Relay, ShopID }: Checkpoint): void {
  const found: LogIdentity = { ChainID, Registry, Relay, ShopID }
  const { Order: _order, ...wanted } = expected
  try {
    requireIdentity(found, { ...found, ...wanted })
  } catch (cause) {
    if (!(cause instanceof CheckpointError)) throw cause
    throw new ReceiptError('expected', 'Checkpoint', cause.message, { found: cause.found, wanted: cause.wanted, cause })
  }
}

function checkAnchor(anchor: ReceiptAnchor, checkpoint: VerifiedCheckpoint, trust: ReceiptTrust): void {
  const { ChainID, Contract } = anchor
  const { fields } = checkpoint
  const place = `${prefixedHex(Contract)} on chain ${ChainID}`
  const refuse = (problem: string, cause?: unknown) => new ReceiptError('anchor', 'Anchor', problem, { cause })
  if (ChainID !== fields.ChainID || !equalBytes(Contract, fields.Registry))
    throw refuse(`in ${place}, and the checkpoint is of ${prefixedHex(fields.Registry)} on chain ${fields.ChainID}`)
  if (!trust.registries.some(([chain, registry]) => chain === ChainID && equalBytes(registry, Contract)))
    throw refuse(`in ${place}, which is none of the registries that are known here`)
  const anchored = receiptStep('anchor', 'Anchor', [CheckpointError], () =>
    verifyCheckpoint(anchor.Checkpoint, trust.relays),
  )
  const differs = anchored.fields.Seq !== fields.Seq
  if (differs !== (anchor.Consistency !== undefined))
    throw refuse(`of set ${anchored.fields.Seq}, the checkpoint of ${fields.Seq}: Consistency is there if they differ`)
  const compared = receiptStep('anchor', 'Anchor', [CheckpointError, ProofError], () =>
    compareCheckpoints(checkpoint, anchored, anchor.Consistency),
  )
  if (compared.outcome === 'evidence') throw refuse(compared.message)
  if (compared.outcome === 'not shown') throw refuse(compared.reason)
}

/** The order as the state holds it, and the periods of each signer's card. */
function provenState(
  proofs: Uint8Array,
  { ShopID, StateRoot }: Checkpoint,
  id: OrderId,
  sets: readonly ProvenSet[],
): { readonly order: StateObject; readonly cards: readonly SignerCard[] } {
  const signers = [...new Map(sets.map(({ signer }) => [toHex(keyOf(signer)), keyOf(signer)])).values()]
  const cards = signers.filter((key) => key.length > 0)
  const asked: StateQuestion[] = [['Orders', be64(id)], ...cards.map((card) => ['Cards', card] as const)]
  const [order, ...values] = stateStep(() => {
    requireCards(proofs, cards, sets)
    return verifyStateProofs(proofs, { shopId: ShopID, stateRoot: StateRoot, asked }).answers
  })
  if (order === undefined) throw new ReceiptError('absent', 'Proofs', `the state does not hold order ${id}`)
  const periods = values.map((card) => (card === undefined ? [] : stateStep(() => readCardPeriods(card.value))))
  return { order, cards: cards.map((card, i) => ({ card, periods: periods[i]! })) }
}

/** Empty for the relay. */
function keyOf(signer: ProvenSet['signer']): Uint8Array {
  return signer === 'relay' ? new Uint8Array(0) : signer
}

/** A signer of whom nothing is proven may be an older key of the relay: that is another matter than a broken proof. */
function requireCards(proofs: Uint8Array, cards: readonly Uint8Array[], sets: readonly ProvenSet[]): void {
  const { parts } = readStateProofs(proofs, RECEIPT_PROOF_ITEMS_MAX)
  const proven = parts.find(({ collection }) => collection === 'Cards')?.items ?? []
  for (const card of cards) {
    if (proven.some(({ key }) => equalBytes(key, card))) continue
    const { seq } = sets.find(({ signer }) => equalBytes(keyOf(signer), card))!
    const problem = `signed by ${prefixedHex(card)}, which is not the relay's key, and no card that is proven`
    throw new ReceiptError('signer', `Sets, ${seq}`, problem)
  }
}

/** More than the sets of any receipt could have signers. */
const RECEIPT_PROOF_ITEMS_MAX = 65_536

function stateStep<T>(check: () => T): T {
  try {
    return check()
  } catch (cause) {
    if (!(cause instanceof StateProofError || cause instanceof CborError)) throw cause
    const isNewer = cause instanceof StateProofError && cause.code === 'schema-version'
    throw new ReceiptError(isNewer ? 'version' : 'state', 'Proofs', cause.message, { cause })
  }
}

function requireTrail(held: StateObject, { lastSeq, trail }: ReturnType<typeof trailOfSets>): void {
  const { lastSeq: wantedSeq, trail: wantedTrail } = held.history!
  if (lastSeq !== wantedSeq)
    throw new ReceiptError(
      'trail',
      'Sets',
      `set ${lastSeq} is the last, and the order changed last in set ${wantedSeq}`,
      shown(lastSeq, wantedSeq),
    )
  const [found, wanted] = [prefixedHex(trail), prefixedHex(wantedTrail)]
  if (found === wanted) return
  throw new ReceiptError('trail', 'Sets', `they give Trail ${found}, and the order has ${wanted}`, { found, wanted })
}

function requireValue(order: Order, { value }: StateObject): void {
  const given = encode(Order.write(order))
  if (equalBytes(given, value)) return
  const place = given.findIndex((byte, i) => byte !== value[i])
  const problem = `the patches give another order than the state holds, from byte ${place} of its encoding on`
  throw new ReceiptError('value', 'Proofs', problem, { found: toHex(value), wanted: toHex(given) })
}

function stepOf({ set, applied, signer, after }: ReplayedSet): ReceiptStep {
  const changes = applied.map(({ op, path, value }): ReceiptChange => {
    const change = { op, path: path.slice(2) }
    return path[2] === 'State' ? { ...change, state: value as OrderState } : change
  })
  return { seq: set.seq, timestamp: set.timestamp, signer, changes, after }
}

function shown(found: bigint, wanted: bigint): { found: string; wanted: string } {
  return { found: `${found}`, wanted: `${wanted}` }
}
