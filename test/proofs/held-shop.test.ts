/** What a client holds after random sets against the state that the relay's own rules make. */

import { expect, test } from 'vitest'
import { toHex } from '../../src/bytes/hex.js'
import { checkForm } from '../../src/codec/span.js'
import { STATE_COLLECTIONS } from '../../src/merkle/state-level.js'
import { objectName } from '../../src/patches/object-name.js'
import { encodeChange, readPatch, type Change } from '../../src/patches/patch.js'
import { HeldShop } from '../../src/proofs/held-shop.js'
import { applyPatches } from '../../src/state/apply.js'
import { keyOfPath, nameOfKey, writeObject } from '../../src/state/object-key.js'
import { emptyShop } from '../../src/state/shop-state.js'
import { treeOf } from '../../src/state/state-root.js'
import { Random, randomStep, SHOP_ID, shopSteps, sizesOf } from '../fixtures/random-shop.js'

const SETS = 3_000
const OBJECTS = 400
const COMPARED_EVERY = 250

function received(change: Change) {
  const bytes = encodeChange(change)
  checkForm(bytes)
  return readPatch(bytes)
}

test(`after ${SETS} random sets its tree is the state's, compared late too, and in one go`, () => {
  const random = new Random(11)
  const sizes = sizesOf(OBJECTS)
  const { manifest, listings, stock, rest } = shopSteps(random, sizes)
  const steps = [manifest, ...listings, ...stock, ...rest]
  let state = emptyShop(SHOP_ID)
  const shop = new HeldShop({ hasTree: true })
  const late = new HeldShop({ hasTree: true })
  let accepted = 0
  for (let i = 0; accepted < SETS; i++) {
    const { change, context } = steps[i] ?? randomStep(random, sizes)
    const patches = [received(change)]
    const applied = applyPatches(state, patches, { ...context, seq: accepted + 1 })
    if (!applied.ok) continue
    accepted++
    state = applied.state
    const set = { seq: BigInt(accepted), signer: context.author.card ?? ('relay' as const), patches }
    const { changed } = shop.apply(set)
    late.apply(set)
    expect([...changed]).toEqual([objectName(patches[0]!.path)])
    if (accepted % COMPARED_EVERY !== 0) continue
    shop.advance(BigInt(accepted))
    for (const name of STATE_COLLECTIONS) expect(toHex(shop.root(name)), name).toBe(toHex(treeOf(state, name).root()))
    expect(shop.treeObject(['Manifest', new Uint8Array(0)])?.value).toEqual(state.manifest)
    expect([shop.treeSeq, late.treeSeq]).toEqual([BigInt(accepted), 0n])
  }
  // Left after each few sets, and gone on with: it is as of a set wherever it is left.
  for (let left = 0; late.treeSeq < BigInt(accepted); left++) {
    const steps = late.advanceSteps(BigInt(accepted))
    for (let i = 0; i < 1 + (left % 40); i++) steps.next()
    expect(late.treeSeq).toBeGreaterThan(BigInt(left))
  }
  const objects = (held: HeldShop) => [...held.treeObjects()].map((object) => JSON.stringify(shown(object)))
  expect(objects(late)).toEqual(objects(shop))

  const again = new HeldShop({ hasTree: true })
  for (const object of shop.treeObjects()) again.put(object, BigInt(accepted))
  for (const name of STATE_COLLECTIONS) expect(toHex(again.root(name))).toBe(toHex(shop.root(name)))
  const sliced = new HeldShop({ hasTree: true })
  for (const object of shop.treeObjects()) sliced.put(object, BigInt(accepted))
  // Left in the middle, begun again, and asked for before it is through.
  for (let left = 1; left < 40; left++) for (const steps = sliced.foldSteps(); left % 7 > 0; left++) steps.next()
  for (const name of STATE_COLLECTIONS) {
    sliced.hashSteps(name).next()
    expect(toHex(sliced.root(name))).toBe(toHex(shop.root(name)))
    expect([...sliced.hashSteps(name)]).toEqual([])
  }
  for (const name of ['Listings', 'Orders', 'Inventory', 'Tags', 'Accounts'] as const)
    expect(new Map([...again.objects.names(name)].map((key) => [key, writeObject(name, again.get(key))]))).toEqual(
      new Map([...shop.objects.names(name)].map((key) => [key, writeObject(name, shop.get(key))])),
    )
  for (const name of ['Listings', 'Orders'] as const)
    expect([...again.objects.values(name)]).toEqual([...again.objects.names(name)].map((key) => again.get(key)))
})

function shown({ question, object }: { question: readonly [string, Uint8Array]; object: object }): unknown {
  const texts = (value: unknown) => (value instanceof Uint8Array ? toHex(value) : value)
  return [
    question[0],
    toHex(question[1]),
    JSON.stringify(object, (_key, value) => (typeof value === 'bigint' ? String(value) : texts(value))),
  ]
}

test('a key of a path and a name of a key are of one object', () => {
  for (const path of [
    ['Manifest'],
    ['Listings', 42n, 'Price'],
    ['Orders', 2n ** 64n - 1n],
    ['Inventory', 7n],
    ['Inventory', 7n, 'red', 'XL', 'ärmel', '🧵', 'ｚ'],
    ['Tags', 'schön'],
    ['Accounts', new Uint8Array(20).fill(3), 'KeyCards', 0n],
  ] as const)
    expect(nameOfKey(path[0], keyOfPath(path))).toBe(objectName(path))
})
