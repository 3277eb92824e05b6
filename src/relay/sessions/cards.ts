/**
 * Key cards that are connected, one session each, and what they may do now (PROTOCOL §9, §12). What a card loses it
 * loses everywhere: its session and its upload tokens.
 *
 * Tests: test/e2e/sessions.test.ts, test/e2e/registry.test.ts
 */

import type { Seq, ShopId } from '../../brands.js'
import { equalBytes } from '../../bytes/bytes.js'
import { fromHex, type Hex } from '../../bytes/hex.js'
import type { Registry } from '../../chain/registry.js'
import type { Author, Role } from '../../state/access.js'
import type { CardRow, Store } from '../../store/store.js'
import type { UploadTokens } from '../blobs/upload-tokens.js'
import { isDamage } from '../shops/damage.js'
import { cardName } from '../shops/shop.js'

/** A session as its card sees it. */
export interface CardHolder {
  readonly author: Author | undefined
  readonly shopId: ShopId | undefined
  /** Whether its socket is open, as far as the transport knows. */
  isOpen(): boolean
  /** Frees what it holds, its card among it. */
  finish(): void
  /** Its card was removed, by set `seq` where one did it. */
  cardRemoved(seq?: Seq): void
}

export class ConnectedCards {
  private readonly store: Pick<Store, 'card'>
  private readonly registry: Registry
  private readonly tokens: Pick<UploadTokens, 'cards' | 'dropCard'>
  private readonly holders = new Map<Hex, CardHolder>()
  private readonly rightsChanged = new Map<ShopId, number>()

  constructor(store: Pick<Store, 'card'>, registry: Registry, tokens: Pick<UploadTokens, 'cards' | 'dropCard'>) {
    this.store = store
    this.registry = registry
    this.tokens = tokens
  }

  /** Whether a live session has this card. One whose socket is gone without a word is ended by the question. */
  isConnected(card: Uint8Array): boolean {
    const holder = this.holders.get(cardName(card))
    if (holder !== undefined && !holder.isOpen()) holder.finish()
    return this.holders.has(cardName(card))
  }

  /** False if another session has the card. */
  bind(card: Uint8Array, holder: CardHolder): boolean {
    if (this.isConnected(card)) return false
    this.holders.set(cardName(card), holder)
    return true
  }

  unbind(card: Uint8Array, holder: CardHolder): void {
    if (this.holders.get(cardName(card)) === holder) this.holders.delete(cardName(card))
  }

  /** What the card may do now; undefined if its wallet has lost its rights. Throws RegistryUnreachable. */
  async roleOf(card: CardRow): Promise<Exclude<Role, 'relay'> | undefined> {
    if (card.guest) return 'guest'
    if (await this.registry.owns(card.shopId, card.account)) return 'owner'
    return (await this.registry.mayWrite(card.shopId, card.account)) ? 'clerk' : undefined
  }

  /** Ends the sessions of the wallet's cards in the shop whose role is no longer what the chain says. */
  async recheckRights(shopId: ShopId, wallet: Uint8Array): Promise<void> {
    this.noteRightsChange(shopId)
    for (const holder of [...this.holders.values()]) {
      const { account, role } = holder.author ?? {}
      if (holder.shopId !== shopId || account === undefined || !equalBytes(account, wallet)) continue
      const card = this.row(holder.author!.card!)
      if (card === undefined || (await this.roleOf(card)) !== role) holder.cardRemoved()
    }
    // Tokens outlive their sessions; no session that lost its rights makes new ones any more.
    for (const name of this.tokens.cards()) {
      const card = this.store.card(fromHex(name))
      if (card === undefined || card.shopId !== shopId || !equalBytes(card.account, wallet)) continue
      if ((await this.roleOf(card)) === undefined) this.tokens.dropCard(name)
    }
  }

  /** The card was taken out of its account by set `seq`. */
  unlinked(card: Uint8Array, seq: Seq): void {
    const row = this.row(card)
    if (row !== undefined) this.noteRightsChange(row.shopId)
    this.holders.get(cardName(card))?.cardRemoved(seq)
    this.tokens.dropCard(cardName(card))
  }

  /** How often rights in the shop may have changed: what was asked for before a change is old. */
  rightsChanges(shopId: ShopId): number {
    return this.rightsChanged.get(shopId) ?? 0
  }

  /** Undefined also where it is damaged: whose card it is nobody can say. */
  private row(card: Uint8Array): CardRow | undefined {
    try {
      return this.store.card(card)
    } catch (error) {
      if (isDamage(error)) return undefined
      throw error
    }
  }

  private noteRightsChange(shopId: ShopId): void {
    this.rightsChanged.set(shopId, this.rightsChanges(shopId) + 1)
  }
}
