/**
 * What a batch will commit, beside what is stored already: the sets of each shop, nonces, cards, settings, rows of
 * payments, new shops. Whoever asks sees the stored rows as they will be.
 *
 * Tests: test/relay/write/writer.test.ts, test/e2e/rejected-commits.test.ts
 */

import type { OrderId, ShopId } from '../../brands.js'
import { equalBytes } from '../../bytes/bytes.js'
import { toHex, type Hex } from '../../bytes/hex.js'
import type { CardRow, Commit, PaymentRow, ShopRow, Store } from '../../store/store.js'
import type { CommittedSet } from '../shops/committed-set.js'
import { logTreeRows } from '../shops/log-trees.js'
import { cardName, type Shop } from '../shops/shop.js'
import type { Committed, RelayChange } from './change.js'
import { WrittenSets, type WrittenBlock } from './written-sets.js'

/** `Committed`, while it grows. */
interface ShopPart extends Committed {
  readonly sets: CommittedSet[]
  /** To the trees over the log, by each of them. */
  readonly added: Uint8Array[]
  readonly unlinked: Committed['unlinked'][number][]
  readonly orders: { readonly ids: Set<OrderId>; readonly payments: Uint8Array[] }
}

type SettingRow = NonNullable<Commit['settings']>[number]

/** Rows that batches read or wrote lately, as they are stored: nobody else writes such rows. */
export class RecentRows {
  readonly cards = new Map<Hex, CardRow>()
  readonly writtenSets = new Map<string, WrittenBlock>()

  /** Too many go all at once: those that are asked for are read again. */
  trim(): void {
    for (const rows of [this.cards, this.writtenSets]) if (rows.size > RECENT_CARDS_MAX) rows.clear()
  }
}

const RECENT_CARDS_MAX = 4_096

export class PendingRows {
  private readonly store: Store
  private readonly nonces = new Map<Shop, Map<Hex, { readonly signer: Uint8Array; readonly nonce: bigint }>>()
  private readonly cards = new Map<Hex, CardRow>()
  private readonly recent: RecentRows
  private readonly settings: SettingRow[] = []
  /** By shop and key: the last row of a key is the one that counts. */
  private readonly payments = new Map<string, PaymentRow>()
  readonly written = new Map<Shop, ShopPart>()
  readonly newShops: ShopRow[] = []
  readonly writtenSets: WrittenSets

  constructor(store: Store, recent: RecentRows) {
    this.store = store
    this.recent = recent
    this.writtenSets = new WrittenSets(store, recent.writtenSets)
  }

  get isEmpty(): boolean {
    return this.written.size + this.settings.length + this.payments.size === 0
  }

  commit(): Commit {
    const written = [...this.written]
    const ofShop = <T>(rows: readonly T[], { shopId }: Shop) => rows.map((row) => ({ shopId, ...row }))
    return {
      records: written.flatMap(([{ shopId }, { sets }]) => sets.map(({ record }) => ({ shopId, record }))),
      logTrees: written.flatMap(([shop, { sets, added }]) =>
        ofShop(logTreeRows(sets[0]?.record.seq ?? 0, added), shop),
      ),
      nonces: [...this.nonces].flatMap(([shop, rows]) => ofShop([...rows.values()], shop)),
      newShops: this.newShops,
      cards: [...this.cards.values()],
      settings: [...this.settings, ...this.writtenSets.rows()],
      paymentRows: [...this.payments.values()],
    }
  }

  /** After the commit. */
  stored(): void {
    for (const [shop, rows] of this.nonces) for (const [name, { nonce }] of rows) shop.nonces.set(name, nonce)
    for (const [name, row] of this.cards) this.recent.cards.set(name, row)
    this.writtenSets.stored()
    this.recent.trim()
  }

  partOf(shop: Shop): ShopPart {
    let part = this.written.get(shop)
    if (part === undefined) {
      part = { sets: [], added: [], unlinked: [], orders: { ids: new Set(), payments: [] } }
      this.written.set(shop, part)
    }
    return part
  }

  keep({ settings = [], paymentRows = [] }: RelayChange): void {
    this.settings.push(...settings)
    for (const row of paymentRows) this.payments.set(rowName(row), row)
  }

  /** Of the settings those that are not there yet. */
  keepNew(settings: readonly SettingRow[]): void {
    const isNew = ({ key }: SettingRow) =>
      this.store.setting(key) === undefined && !this.settings.some((row) => row.key === key)
    this.settings.push(...settings.filter(isNew))
  }

  paymentRows(shopId: ShopId, prefix: Uint8Array): PaymentRow[] {
    const stored = this.store.paymentRows(shopId, prefix)
    if (this.payments.size === 0) return stored
    const isWanted = (row: PaymentRow) =>
      row.shopId === shopId && equalBytes(row.key.subarray(0, prefix.length), prefix)
    const own = [...this.payments.values()].filter(isWanted)
    const names = new Set(own.map(rowName))
    return [...stored.filter((row) => !names.has(rowName(row))), ...own]
  }

  card(card: Uint8Array): CardRow | undefined {
    const name = cardName(card)
    const known = this.cards.get(name) ?? this.recent.cards.get(name)
    if (known !== undefined) return known
    const stored = this.store.card(card)
    if (stored !== undefined) this.recent.cards.set(name, stored)
    return stored
  }

  keepCard(row: CardRow): void {
    this.cards.set(cardName(row.card), row)
  }

  lastNonce(shop: Shop, signer: Uint8Array): bigint {
    const name = cardName(signer)
    const kept = this.nonces.get(shop)?.get(name)?.nonce ?? shop.nonces.get(name)
    return kept ?? this.store.nonce(shop.shopId, signer)
  }

  setNonce(shop: Shop, signer: Uint8Array, nonce: bigint): void {
    let ofShop = this.nonces.get(shop)
    if (ofShop === undefined) this.nonces.set(shop, (ofShop = new Map()))
    ofShop.set(cardName(signer), { signer, nonce })
  }
}

function rowName({ shopId, key }: PaymentRow): string {
  return `${shopId}/${toHex(key)}`
}
