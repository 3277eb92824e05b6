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
import { readCardPeriods } from '../../src/merkle/card-periods.js'
import { collectionSalt, STATE_COLLECTIONS, stateRoot } from '../../src/merkle/state-level.js'
import { makeStateProofs } from '../../src/merkle/state-proof-maker.js'
import { verifyStateProofs } from '../../src/merkle/state-proof.js'
import type { StateQuestion } from '../../src/merkle/state-question.js'
import { Hamt } from '../../src/merkle/hamt.js'
import { be64 } from '../../src/bytes/bytes.js'
import { emptyShop, idKey, stateHash, type Collection, type ShopState } from '../../src/state/shop-state.js'
import { stateLevel, stateSource, treeOf } from '../../src/state/state-root.js'
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

let marketState: ShopState

/** Its tries written out and opened again. */
function stored(state: ShopState, nodes: Uint8Array[]): ShopState {
  const source = { readNode: (ref: number) => nodes[ref - 1]! }
  const reopened = (trie: Hamt) => {
    trie.root()
    return Hamt.open(
      trie.store((node) => nodes.push(node)),
      source,
      undefined,
      trie.hashes,
    )
  }
  const all = (tries: Readonly<Record<string, Hamt>>) =>
    Object.fromEntries(Object.entries(tries).map(([name, trie]) => [name, reopened(trie)]))
  return {
    ...state,
    collections: all(state.collections) as ShopState['collections'],
    indexes: all(state.indexes) as ShopState['indexes'],
  }
}

function treeOrObjects(state: ShopState, name: StateQuestion[0]): Hamt {
  if (name === 'Cards') return state.indexes.cards
  return state.collections[name as Collection]
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
    state = marketState = applied.state
    const { cards, trails } = state.indexes
    expect(toHex(stateHash(state))).toBe(set.state_hash)
    for (const [id, seq, lastSeq, trail] of set.orders_trails) {
      expect(seq).toBe(set.seq)
      const entry = trails.get(idKey(BigInt(id)))
      const read = entry && readTrail(entry)
      expect([read?.lastSeq ?? null, read === undefined ? null : toHex(read.trail)]).toEqual([lastSeq, trail])
    }
    for (const [card, periods] of set.cards) {
      const rows = readCardPeriods(cards.get(fromHex(card))!)
      expect(
        rows.map(({ account, since, until }) => [
          toHex(account),
          Number(since),
          ...(until === undefined ? [] : [Number(until)]),
        ]),
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
    expect(toHex(stateRoot(stateLevel(state, fromHex(secret))!))).toBe(set.state_root)
  })

  it('leave the salts and roots that are given of the shop', () => {
    const { salts, roots } = KAT.shops['market']!
    for (const name of ['Inventory', 'Orders'] as const)
      expect(toHex(collectionSalt(fromHex(secret), name))).toBe(salts[name])
    for (const name of STATE_COLLECTIONS) expect([name, toHex(treeOf(state, name).root())]).toEqual([name, roots[name]])
  })
})

describe('proofs made of the tries', () => {
  const { whose, shop_secret } = KAT.log
  const [shopId, secret] = [BigInt(whose.ShopID), fromHex(shop_secret)]
  const absent: StateQuestion[] = [
    ['Orders', be64(99n)],
    ['Cards', new Uint8Array(33).fill(2)],
  ]

  it.each(['in memory', 'on disk'])('%s hold for every object, one by one and all together', (where) => {
    const nodes: Uint8Array[] = []
    const state = where === 'on disk' ? stored(marketState, nodes) : marketState
    const source = stateSource(state, secret)!
    const root = stateRoot(source.level)
    const present = STATE_COLLECTIONS.flatMap((name) => {
      const questions = [...treeOf(state, name).entries()].map(([key]): StateQuestion => [name, key])
      return questions.filter(([, key]) => name !== 'Accounts' || key.some((byte) => byte !== 0))
    })
    expect(present.length).toBeGreaterThan(10)
    for (const asked of [...[...present, ...absent].map((question) => [question]), [...present, ...absent]]) {
      const { answers } = verifyStateProofs(makeStateProofs(source, asked), { shopId, stateRoot: root, asked })
      for (const [i, [name, key]] of asked.entries()) {
        const collection = name === 'Orders' && key.length === 33 ? undefined : treeOrObjects(state, name)
        if (absent.includes(asked[i]!)) expect(answers[i]).toBeUndefined()
        else if (collection !== undefined) expect(answers[i]!.value).toEqual(collection.get(key))
      }
    }
  })
})

it('there is none before the manifest', () => {
  expect(stateLevel(emptyShop(1n), new Uint8Array(32))).toBeUndefined()
})
