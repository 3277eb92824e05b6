/**
 * Snapshots and all orders of a card against the refused rows of vectors/spec/state-kat.json: each for its own reason.
 * What is accepted is in test/cli/replica-vectors.test.ts.
 */

import { describe, expect, test } from 'vitest'
import { fromHex } from '../../src/bytes/hex.js'
import { collectionSalt, STATE_COLLECTIONS, type StateCollection } from '../../src/merkle/state-level.js'
import { byKeyHash } from '../fixtures/state-tree-oracle.js'
import { stateLeaf } from '../../src/merkle/state-tree.js'
import { SnapshotVerifier, type SnapshotClaim, type SnapshotItem } from '../../src/proofs/snapshot.js'
import { entriesOf } from '../../src/cli/state-vectors.js'
import { stateKat } from '../fixtures/state-kat.js'
import { listedState } from '../fixtures/state-source.js'
import { refusedRows } from '../fixtures/replica-kat.js'

/** Codes of ours by the words of the file, so that a row is not refused for another reason than its own. */
const CODES: Readonly<Record<string, readonly string[]>> = {
  'answers are not what was asked': ['answers'],
  'number of orders': ['number', 'card-entry'],
  'orders that are not answered': ['unanswered'],
  'order trail': ['trail'],
  'number of answers': ['rest'],
  LastSeq: ['last-seq'],
  'the card added none': ['number'],
  'collection root': ['root', 'collection-order'],
  object: ['ProofPayloadError'],
  more: ['ProofPayloadError'],
  value: ['ProofPayloadError'],
  encoding: ['encoding'],
  'a piece is missing': ['piece-missing'],
  'size of a piece': ['ProofPayloadError'],
  'order of K': ['key-order'],
  manifest: ['manifest'],
  'left over': ['not-selected'],
  salt: ['salt'],
  'state root': ['level'],
  level: ['level-null'],
  'key of Orders': ['question'],
}

test.each(refusedRows())('$section: $name: $reason', ({ act, reason }) => {
  let code: string | undefined
  try {
    act()
  } catch (error) {
    code = (error as { code?: string }).code ?? (error as Error).name
  }
  expect(CODES[reason]).toContain(code)
})

const { kat } = stateKat.shops as { kat: (typeof stateKat.shops)[string] }
const shopId = BigInt(kat.shop_id)
const entries = Object.fromEntries(STATE_COLLECTIONS.map((name) => [name, entriesOf(kat.collections[name])]))
const { source, stateRoot } = listedState(entries, {
  shopId,
  manifest: fromHex(kat.manifest),
  secret: fromHex(kat.secret),
})
const { level } = source
const salts = {
  Inventory: collectionSalt(fromHex(kat.secret), 'Inventory'),
  Orders: collectionSalt(fromHex(kat.secret), 'Orders'),
}

/** The objects of a collection as a snapshot has them. */
function sent(name: StateCollection, keep: (key: Uint8Array) => boolean = () => true): SnapshotItem[] {
  const leaves = entries[name]!.filter(([key]) => keep(key)).map(([key, object]) => ({
    key,
    ...stateLeaf(key, object),
  }))
  return byKeyHash(leaves).map(({ key, object }) => ({ question: [name, key], object }))
}

function taken(selected: SnapshotClaim['selected'], objects: readonly SnapshotItem[]): number {
  const verifier = new SnapshotVerifier({ shopId, stateRoot, selected }, level, salts)
  const found = objects.flatMap((item) => verifier.take(item) ?? [])
  verifier.end()
  return found.length
}

describe('a snapshot', () => {
  test('of whole collections and of parts', () => {
    const listings = sent('Listings')
    expect(taken({ Listings: 'whole' }, listings)).toBe(listings.length)
    const [one] = entries['Orders']!.map(([key]) => key)
    const isOne = (key: Uint8Array) => String(key) === String(one)
    expect(taken({ Listings: 'whole', Orders: isOne }, [...listings, ...sent('Orders', isOne)])).toBe(
      listings.length + 1,
    )
    expect(taken({ Orders: isOne }, [])).toBe(0)
  })

  test('without an object of a whole collection, the last one too, or with one of another part', () => {
    const listings = sent('Listings')
    expect(listings.length).toBeGreaterThan(1)
    for (const left of [listings.slice(1), listings.slice(0, -1), []])
      expect(() => taken({ Listings: 'whole' }, left)).toThrow(/Listings: its objects lead to/u)
    expect(() => taken({ Listings: (key) => key.length === 0 }, listings)).toThrow(/it was not subscribed to/u)
  })

  test('of the guests’ account beyond what is taken', () => {
    const key = new Uint8Array(20)
    const claim: SnapshotClaim = { shopId, stateRoot, selected: { Accounts: 'whole' }, guestsAccountBytesMax: 5 }
    const verifier = new SnapshotVerifier(claim, level, salts)
    const piece: SnapshotItem = { question: ['Accounts', key], object: { value: new Uint8Array(3) }, more: true }
    expect(verifier.take(piece)).toBeUndefined()
    expect(() => verifier.take(piece)).toThrow(/6 bytes so far, at most 5/u)
  })

  test('without an end: one object more than is taken', () => {
    const listings = sent('Listings')
    const bytes = listings.reduce(
      (sum, { question, object }) => sum + question[1].length + object.value.length + 256,
      0,
    )
    const takes = (bytesMax: number) => {
      const claim: SnapshotClaim = { shopId, stateRoot, selected: { Listings: 'whole' }, bytesMax }
      const verifier = new SnapshotVerifier(claim, level, salts)
      for (const one of listings) verifier.take(one)
      verifier.end()
    }
    takes(bytes)
    const message = new RegExp(
      `^snapshot: Listings/\\w+: ${bytes} bytes of all objects so far, at most ${bytes - 1} `,
      'u',
    )
    expect(() => takes(bytes - 1)).toThrow(message)
  })
})
