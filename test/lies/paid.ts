/**
 * A paid order behind the log of a stage, as a relay with a payment chain would have it, and its receipt: what a
 * customer shows years later.
 */

import { addressOf } from '../../src/bytes/signature.node.js'
import { be64, equalBytes } from '../../src/bytes/bytes.js'
import { sha256 } from '../../src/bytes/hash.node.js'
import { fromHex } from '../../src/bytes/hex.js'
import type { Encodable } from '../../src/codec/encode.js'
import type { CborKey } from '../../src/codec/value.js'
import { encodeLevel } from '../../src/merkle/state-level.js'
import type { StateQuestion } from '../../src/merkle/state-question.js'
import { patchLeafHash, PatchTree } from '../../src/merkle/patch-proof.js'
import type { Change } from '../../src/patches/patch.js'
import { readPatch } from '../../src/patches/patch.js'
import { signerOf } from '../../src/patches/patch-set.js'
import { decodeReceipt, encodeReceipt, type Receipt } from '../../src/proofs/receipt-form.js'
import { makeReceipt, receiptSets, type ExpectedReceipt, type ReceiptTrust } from '../../src/proofs/receipt.js'
import { privateKeyToAccount } from 'viem/accounts'
import { OWNER } from '../fixtures/relay-harness.js'
import { RELAY_SECRET, type Book, type Edits, type NewSet } from './book.js'
import { STONE, type Stage } from './stage.js'

/** The order that was paid. */
export const PAID_ORDER = 500n
const QUANTITY = 2n
/** Two pieces at 100. */
export const TOTAL = 200n

const map = (fields: Readonly<Record<string, Encodable>>): ReadonlyMap<CborKey, Encodable> =>
  new Map(Object.entries(fields))
const NATIVE = map({ ChainID: 31_337n, Address: new Uint8Array(20) })
const PAYEE = new Uint8Array(20).fill(0xca)

export const field = (name: string, value: Encodable, op: 'add' | 'replace' = 'replace', id = PAID_ORDER): Change => ({
  op,
  path: ['Orders', id, name],
  value,
})

const ADDRESS = map({
  Name: 'A. Guest',
  Address1: 'Hut 1',
  City: 'Summit',
  PostalCode: '10000',
  Country: 'CH',
  EmailAddress: 'guest@example.org',
})
const region = map({ Country: '', PostalCode: '', City: '' })

/** Whoever writes into the order. */
export function writers(stage: Stage) {
  const wallet = fromHex(privateKeyToAccount(`0x${OWNER}`).address.slice(2).toLowerCase())
  const as = (who: 'owner' | 'clerk' | 'guest' | 'other', role: 'owner' | 'guest') => ({
    by: { role, card: stage.card(who), account: role === 'guest' ? new Uint8Array(20) : wallet },
    secret: stage.secrets[who],
  })
  return {
    owner: as('owner', 'owner'),
    clerk: as('clerk', 'owner'),
    guest: as('guest', 'guest'),
    other: as('other', 'guest'),
    relay: { by: { role: 'relay' }, secret: RELAY_SECRET },
  } as const
}

/** What the relay asks; `changes`: fields that it does not ask for. */
export function details(hashes: readonly Uint8Array[], total = TOTAL): Encodable {
  const hidden = { PaymentID: new Uint8Array(32).fill(1), ShopSignature: new Uint8Array(65).fill(2) }
  return map({ ...hidden, Total: total, TTL: 1_900_000_000n, ListingHashes: [...hashes] })
}

/** The sets of the order and what they need, from set 10 on. */
export const SETS = ['manifest', 'order', 'commit', 'choose', 'chooseAgain', 'ask', 'paid', 'after'] as const
export type PaidSets = Readonly<Record<(typeof SETS)[number], NewSet>>
export const seqOfSet = (name: (typeof SETS)[number]): bigint => 10n + BigInt(SETS.indexOf(name))

export function manifestWith(shop: bigint, regions: Encodable = map({ anywhere: region })): Encodable {
  return map({
    ShopID: shop,
    Payees: new Map([[31_337n, new Map([[PAYEE, map({ CallAsContract: false })]])]]),
    AcceptedCurrencies: new Map([[31_337n, new Map([[new Uint8Array(20), new Map()]])]]),
    PricingCurrency: NATIVE,
    ShippingRegions: regions,
  })
}

export function item(listing: bigint, quantity: bigint): Encodable {
  return map({ ListingID: listing, Quantity: quantity })
}

function honestSets(stage: Stage): PaidSets {
  const { owner, guest, relay } = writers(stage)
  const book = stage.book()
  const stone = listingBytes(book, STONE)
  const chosen = map({ Address: map({ ChainID: 31_337n, Address: PAYEE }), CallAsContract: false })
  const choice = [field('ChosenPayee', chosen), field('ChosenCurrency', NATIVE), field('State', 4n)]
  const fields = { ID: PAID_ORDER, State: 1n, Items: [item(STONE, QUANTITY)], ShippingAddress: ADDRESS }
  const tag = map({ Name: 'late', ListingIDs: [] })
  return {
    manifest: { ...owner, changes: [{ op: 'replace', path: ['Manifest'], value: manifestWith(stage.shop) }] },
    order: { ...guest, changes: [{ op: 'add', path: ['Orders', PAID_ORDER], value: map(fields) }] },
    commit: { ...guest, changes: [field('State', 3n)] },
    choose: { ...guest, changes: choice },
    chooseAgain: { ...guest, changes: choice },
    ask: { ...relay, changes: [field('PaymentDetails', details([sha256(stone)]), 'add'), field('State', 5n)] },
    paid: {
      ...relay,
      changes: [field('TxDetails', map({ BlockHash: new Uint8Array(32).fill(3) }), 'add'), field('State', 6n)],
    },
    after: { ...owner, changes: [{ op: 'add', path: ['Tags', 'late'], value: tag }] },
  }
}

export function listingBytes(book: Book, id: bigint): Uint8Array {
  return book.set(book.head).state.collections.Listings.get(be64(id))!
}

/** What a lie changes of the making. */
export interface Making {
  readonly sets?: (honest: PaidSets, stage: Stage) => Partial<PaidSets>
  /** The sets in the order in which they stand in the log. */
  readonly order?: readonly (typeof SETS)[number][]
  readonly edits?: (stage: Stage) => Edits
  readonly listings?: (honest: readonly Uint8Array[], book: Book) => readonly Uint8Array[]
  readonly receipt?: (honest: Receipt, book: Book, stage: Stage) => Receipt
  readonly orderId?: bigint
  readonly expected?: (stage: Stage) => ExpectedReceipt
  /** That the reader knows. */
  readonly registries?: ReceiptTrust['registries']
}

export interface Shown {
  readonly bytes: Uint8Array
  readonly trust: ReceiptTrust
  readonly expected: ExpectedReceipt
}

export function paidBook(stage: Stage, { sets, order = SETS, edits }: Making): Book {
  const honest = honestSets(stage)
  const all = { ...honest, ...sets?.(honest, stage) }
  return stage.book(edits?.(stage)).with(...order.map((name) => all[name]))
}

export function shownReceipt(stage: Stage, making: Making = {}): Shown {
  const book = paidBook(stage, making)
  const bytes = receiptOf(stage, book, making)
  const made = making.receipt === undefined ? bytes : encodeReceipt(making.receipt(decodeReceipt(bytes), book, stage))
  const expected = making.expected?.(stage) ?? { ShopID: stage.shop, Order: PAID_ORDER }
  return { bytes: made, trust: { relays: [stage.relay.address], registries: making.registries ?? [] }, expected }
}

function receiptOf(stage: Stage, book: Book, { listings, orderId = PAID_ORDER }: Making): Uint8Array {
  const { head } = book
  const { signed, last } = book.checkpoint(head)
  const sets = setsOf(book, orderId)
  const asking = sets.findLast(({ patches }) =>
    patches.some(([patch]) => readPatch(patch).path[2] === 'PaymentDetails'),
  )
  const then = asking && book.set(asking.seq)
  const all = [...book.set(head).state.collections.Listings.entries()].map(([, bytes]) => bytes)
  return makeReceipt({
    orderId,
    checkpoint: signed,
    last,
    proofs: book.proofs(head, [['Orders', be64(orderId)], ...cardsOf(stage, sets)]),
    sets,
    asked: then && { level: encodeLevel(then.level!), manifest: then.state.manifest! },
    listings: listings?.(all, book) ?? all,
  })
}

/** What proves the order and its signers' cards. */
export function provenOrder(stage: Stage, book: Book): Uint8Array {
  const cards = cardsOf(stage, setsOf(book, PAID_ORDER))
  return book.proofs(book.head, [['Orders', be64(PAID_ORDER)], ...cards])
}

/** All sets with patches on the order, as a relay serves them. */
export function setsOf(book: Book, orderId: bigint) {
  const served = book.sets.map(({ record, root }) => {
    const tree = new PatchTree(record.patches.map(patchLeafHash))
    const seq = BigInt(record.seq)
    return {
      seq,
      header: record.header,
      signature: record.signature,
      stateRoot: root,
      patches: record.patches.map((patch, i) => [patch, tree.proof(i)] as const),
      inclusion: book.inclusion(seq, book.head),
    }
  })
  return receiptSets(served, orderId)
}

/** Of every signer but the relay. */
export function cardsOf(
  stage: Stage,
  sets: readonly { readonly header: Uint8Array; readonly signature: Uint8Array }[],
): StateQuestion[] {
  const signers = sets.map(({ header, signature }) => signerOf(header, signature)!)
  const cards = signers.filter((card) => !equalBytes(addressOf(card), stage.relay.address))
  return [...new Map(cards.map((card) => [String(card), ['Cards', card] as const])).values()]
}
