/** State roots of a shop's first sets, and of shops that are given whole: as an independent implementation has them. */

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { addressOf } from '../../src/bytes/signature.node.js'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { decodeChecked } from '../../src/codec/decode-checked.js'
import { Account } from '../../src/objects/account.js'
import { readCheckedPatch } from '../../src/patches/checked-patch.js'
import { Header, signerOf } from '../../src/patches/patch-set.js'
import type { Author } from '../../src/state/access.js'
import { applyPatches } from '../../src/state/apply.js'
import { readPeriods } from '../../src/state/card-periods.js'
import { emptyShop, idKey, stateHash, type ShopState } from '../../src/state/shop-state.js'
import { saltOf, stateLevel, stateRootOf, TREE_COLLECTIONS } from '../../src/state/state-root.js'
import { addedByCard, readTrail } from '../../src/state/trails.js'

interface Kat {
  readonly log: {
    readonly whose: { readonly ShopID: string }
    readonly shop_secret: string
    readonly relay_address: string
    readonly sets: readonly {
      readonly seq: number
      readonly signer: string
      readonly header: string
      readonly signature: string
      readonly patches: readonly string[]
      readonly orders_trails: readonly (readonly [string, number, number | null, string | null])[]
      readonly cards: readonly (readonly [string, readonly (readonly [string, number, number?])[]])[]
      readonly card_entries: readonly (readonly [string, number, number, string])[]
      readonly state_root: string
      readonly state_hash: string
    }[]
  }
  readonly shops: Readonly<
    Record<
      string,
      { readonly secret: string; readonly salts: Record<string, string>; readonly roots: Record<string, string> }
    >
  >
}

const KAT = JSON.parse(readFileSync(new URL('../../vectors/spec/state-kat.json', import.meta.url), 'utf8')) as Kat

function authorOf(state: ShopState, signer: Uint8Array, relay: string): Author {
  if (toHex(addressOf(signer)) === relay) return { role: 'relay' }
  for (const [account, value] of state.collections.Accounts.entries()) {
    const { KeyCards, Guest } = Account.read(decodeChecked(value), 'Account')
    if (KeyCards?.some((card) => toHex(card) === toHex(signer)))
      return { role: Guest ? 'guest' : 'owner', card: signer, account }
  }
  throw new Error('a signer without an account')
}

describe('the sets of a log', () => {
  const { whose, shop_secret: secret, relay_address: relay, sets } = KAT.log
  let state = emptyShop(BigInt(whose.ShopID))

  it.each(sets)('$seq leads to its state root, trails and cards', (set) => {
    const header = fromHex(set.header)
    const signer = signerOf(header, fromHex(set.signature))!
    expect(toHex(signer)).toBe(set.signer)
    const committedAt = Header.read(decodeChecked(header), 'Header').Timestamp.seconds
    const patches = set.patches.map((bytes) => readCheckedPatch(fromHex(bytes)))
    const author = authorOf(state, signer, relay)
    const applied = applyPatches(state, patches, { author, committedAt, reservationSeconds: 86_400n, seq: set.seq })
    if (!applied.ok) throw new Error(applied.verdict.message)
    state = applied.state
    const { cards, trails } = state.indexes
    expect(toHex(stateHash(state))).toBe(set.state_hash)
    for (const [id, seq, lastSeq, trail] of set.orders_trails) {
      expect(seq).toBe(set.seq)
      const entry = trails.get(idKey(BigInt(id)))
      const read = entry && readTrail(entry)
      expect([read?.lastSeq ?? null, read === undefined ? null : toHex(read.trail)]).toEqual([lastSeq, trail])
    }
    for (const [card, periods] of set.cards) {
      const rows = readPeriods(cards.get(fromHex(card))!)
      expect(
        rows.map(({ account, since, until }) => [toHex(account), since, ...(until === undefined ? [] : [until])]),
      ).toEqual(periods)
    }
    for (const [card, number, lastSeq, trail] of set.card_entries) {
      const entry = trails.get(fromHex(card))!
      expect([decodeChecked(addedByCard(entry)), readTrail(entry).lastSeq, toHex(readTrail(entry).trail)]).toEqual([
        BigInt(number),
        lastSeq,
        trail,
      ])
    }
    expect(toHex(stateRootOf(stateLevel(state, fromHex(secret))!))).toBe(set.state_root)
  })

  it('leave the salts and roots that are given of the shop', () => {
    const { salts, roots } = KAT.shops['market']!
    for (const name of ['Inventory', 'Orders'] as const) expect(toHex(saltOf(fromHex(secret), name))).toBe(salts[name])
    const own = { ...state.collections, Cards: state.indexes.cards, Orders: state.indexes.trails }
    for (const name of TREE_COLLECTIONS) expect([name, toHex(own[name].root())]).toEqual([name, roots[name]])
  })
})

it('there is none before the manifest', () => {
  expect(stateLevel(emptyShop(1n), new Uint8Array(32))).toBeUndefined()
})
