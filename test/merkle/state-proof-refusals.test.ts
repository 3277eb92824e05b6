/** Each rule of the verifier by itself, and the attacks that it is there for. */

import { describe, expect, it } from 'vitest'
import { toHex } from '../../src/bytes/hex.js'
import { encode } from '../../src/codec/encode.js'
import type { Cbor } from '../../src/codec/value.js'
import { readLevel } from '../../src/merkle/state-level.js'
import { StateProofError, type StateProofErrorCode } from '../../src/merkle/state-proof-error.js'
import {
  encodeStateProofs,
  readStateProofs,
  type ProofItem,
  type ProofPart,
  type StateProofs,
} from '../../src/merkle/state-proof-form.js'
import { makeStateProofs } from '../../src/merkle/state-proof-maker.js'
import { verifyStateProofs, type StateQuestion } from '../../src/merkle/state-proof.js'
import { stateLeafDigest, type TreeLeaf, type TreePlace } from '../../src/merkle/state-tree.js'
import { listedState, manifestOf, objectOf, withTree, type ListedState } from '../fixtures/state-source.js'
import { bitsOf, byKeyHash, hashOf, oracleLeaf, oracleRoot, u64 } from '../fixtures/state-tree-oracle.js'

const ids = Array.from({ length: 30 }, (_, i) => BigInt(i + 1))
const history = { lastSeq: 5n, trail: new Uint8Array(32).fill(3) }
const card = new Uint8Array(33).fill(2)
const none = new Uint8Array(0)
const state = listedState({
  Listings: ids.map((id) => [u64(id), { value: objectOf(id) }]),
  Orders: ids.map((id) => [u64(id), { value: objectOf(id), history }]),
  Inventory: ids.map((id) => [u64(id), { value: encode(id) }]),
})
/** The 7 siblings of this one are not empty. */
const listing: StateQuestion = ['Listings', u64(9n)]
const order: StateQuestion = ['Orders', u64(9n)]

/** The error that a proof is refused with; fails where it is taken. */
function refusal(proofs: StateProofs | Uint8Array, asked: readonly StateQuestion[], of: ListedState = state) {
  const bytes = proofs instanceof Uint8Array ? proofs : encodeStateProofs(proofs)
  try {
    verifyStateProofs(bytes, { shopId: of.shopId, stateRoot: of.stateRoot, asked })
  } catch (error) {
    if (error instanceof StateProofError) return error
    throw error
  }
  throw new Error('the proof was taken')
}

function proofsOf(asked: readonly StateQuestion[], of: ListedState = state): StateProofs {
  return readStateProofs(makeStateProofs(of.source, asked), asked.length)
}

/** The proof of one object with its part, or its item, changed. */
function changed(asked: StateQuestion, part: Partial<ProofPart>, item: Partial<ProofItem> = {}): StateProofs {
  const proofs = proofsOf([asked])
  const [first] = proofs.parts
  return { ...proofs, parts: [{ ...first!, items: [{ ...first!.items[0]!, ...item }], ...part }] }
}

describe('hoisting', () => {
  const leaves = ids.map((id) => oracleLeaf(u64(id), { value: objectOf(id) }))
  const target = leaves[8]!

  /** What a fold that hoists makes of a way: a lone leaf, or nothing, stands for the place above it. */
  function hoisted(end: Uint8Array | undefined, { siblings, emptySiblings }: ProofPart, depth: number): Uint8Array {
    let digest = end
    let isLeaf = true
    let at = 0
    for (let up = depth - 1; up >= 0; up--) {
      const i = depth - 1 - up
      const isEmpty = ((emptySiblings[i >> 3]! >> (7 - (i & 7))) & 1) === 1
      const sibling = isEmpty ? undefined : siblings.subarray(at, (at += 32))
      if (isLeaf && (digest === undefined || sibling === undefined)) {
        digest ??= sibling
        continue
      }
      isLeaf = false
      const sides = [digest ?? new Uint8Array(32), sibling ?? new Uint8Array(32)]
      digest = hashOf(1, ...(bitsOf(target.keyHash)[up] === '0' ? sides : sides.toReversed()))
    }
    return digest!
  }

  it('would let the absence of what is there be proven, and is not done', () => {
    const [part] = proofsOf([listing]).parts
    const { depth } = part!.items[0]!
    // An empty place below the object's own leaf, which is taken for its sibling.
    const attack: Partial<ProofPart> = {
      items: [{ key: listing[1], depth: depth + 1, answer: { kind: 'empty' } }],
      emptySiblings: new Uint8Array(Math.ceil((depth + 1) / 8)),
      siblings: Uint8Array.from([...stateLeafDigest(target), ...part!.siblings]),
    }
    expect([toHex(part!.emptySiblings), depth]).toEqual(['00', 7])
    expect(toHex(hoisted(undefined, { ...part!, ...attack }, depth + 1))).toBe(toHex(oracleRoot(leaves)))
    expect(refusal(changed(listing, attack), [listing])).toMatchObject({ code: 'state-root' })
  })

  it('of what is there one place too deep is refused', () => {
    const [part] = proofsOf([listing]).parts
    const item = part!.items[0]!
    const deeper = { ...part!, emptySiblings: Uint8Array.of(0x80), items: [{ ...item, depth: item.depth + 1 }] }
    expect(toHex(hoisted(stateLeafDigest(target), deeper, item.depth + 1))).toBe(toHex(oracleRoot(leaves)))
    expect(refusal(changed(listing, deeper), [listing])).toMatchObject({ code: 'not-hoisted' })
  })

  it('left undone by the relay that signed the tree is refused', () => {
    const leaf = leaves[0]!
    const place: TreePlace = { digest: stateLeafDigest(leaf), leaf }
    const isLeft = bitsOf(leaf.keyHash)[0] === '0'
    const above: TreePlace = {
      digest: isLeft ? hashOf(1, place.digest, new Uint8Array(32)) : hashOf(1, new Uint8Array(32), place.digest),
      ...(isLeft ? { left: place } : { right: place }),
    }
    const signed = withTree(state, 'Listings', above)
    const question: StateQuestion = ['Listings', u64(1n)]
    const error = refusal(proofsOf([question], signed), [question], signed)
    expect(error.message).toBe('Listings/0000000000000001: a place at depth 0 above a lone leaf')
    expect(error.code).toBe('not-hoisted')
  })

  it('of an empty place beside an empty one is refused, though signed', () => {
    const nothing: TreePlace = { digest: hashOf(1, new Uint8Array(64)) }
    const signed = withTree(state, 'Tags', nothing)
    const question: StateQuestion = ['Tags', Uint8Array.of(0x61)]
    expect(refusal(proofsOf([question], signed), [question], signed).message).toBe(
      'Tags/61: a place at depth 0 above nothing',
    )
  })
})

describe('another leaf', () => {
  const absent: StateQuestion = ['Listings', absentKey()]

  it('is refused where it is the key itself', () => {
    const [part] = proofsOf([listing]).parts
    const leaf = oracleLeaf(listing[1], { value: objectOf(9n) })
    const error = refusal(changed(listing, {}, { answer: { kind: 'other-leaf', leaf } }), [listing])
    expect([error.code, error.where]).toEqual(['other-leaf', 'Listings/0000000000000009'])
    expect(part!.items[0]!.depth).toBeGreaterThan(0)
  })

  it('is refused where it is not on the way, though the tree that was signed has it there', () => {
    const { answer } = proofsOf([absent]).parts[0]!.items[0]!
    const { leaf } = answer as Extract<ProofItem['answer'], { kind: 'other-leaf' }>
    const elsewhere: TreeLeaf = { ...leaf, object: { value: none }, keyHash: leaf.keyHash.map((byte) => byte ^ 0xff) }
    const place: TreePlace = { digest: stateLeafDigest(elsewhere), leaf: elsewhere }
    const isLeft = bitsOf(leaf.keyHash)[0] === '0'
    const side: TreePlace = { digest: hashOf(9) }
    const above: TreePlace = {
      digest: isLeft ? hashOf(1, place.digest, side.digest) : hashOf(1, side.digest, place.digest),
      left: isLeft ? place : side,
      right: isLeft ? side : place,
    }
    const signed = withTree(state, 'Listings', above)
    const error = refusal(proofsOf([absent], signed), [absent], signed)
    expect(error.message).toBe(`Listings/${toHex(absent[1])}: another leaf at depth 1, whose K shares 0 bits`)
  })

  /** Of a listing that would stand beside another one. */
  function absentKey(): Uint8Array {
    for (let id = 31n; ; id++) {
      const question: StateQuestion = ['Listings', u64(id)]
      if (proofsOf([question]).parts[0]!.items[0]!.answer.kind === 'other-leaf') return question[1]
    }
  }
})

describe('the form', () => {
  const [part] = proofsOf([listing]).parts
  const item = part!.items[0]!
  const levelOf = (proofs: StateProofs, roots: object) => ({
    ...proofs,
    level: { ...proofs.level, roots: { ...proofs.level.roots, ...roots } },
  })
  const whole = makeStateProofs(state.source, [listing])
  const zero = new Uint8Array(32)

  it.each<[string, StateProofErrorCode, string, StateProofs | Uint8Array, readonly StateQuestion[]]>([
    ['no bytes', 'encoding', 'StateProofs: the item is cut off at byte 0', none, [listing]],
    ['no map', 'form', 'StateProofs: not a map at byte 0', Uint8Array.of(0x80), [listing]],
    [
      'bytes behind it',
      'encoding',
      `StateProofs: 1 bytes after the item at byte ${whole.length}`,
      Uint8Array.from([...whole, 0]),
      [listing],
    ],
    [
      'a digest that is yielded',
      'level-null',
      `Level: Listings is ${'00'.repeat(32)}, and the proof yields it`,
      levelOf(proofsOf([listing]), { Listings: zero }),
      [listing],
    ],
    [
      'a null too many',
      'level-null',
      'Level: Tags is null, and the proof does not yield it',
      levelOf(proofsOf([listing]), { Tags: null }),
      [listing],
    ],
    [
      'a part of nothing known',
      'part-order',
      'Parts: "Shoes" is none of Accounts, Cards, Inventory, Listings, Orders, Tags',
      changed(listing, { collection: 'Shoes' as 'Tags' }),
      [listing],
    ],
    [
      'a part twice',
      'part-order',
      'Parts: Listings stands after Listings',
      { ...proofsOf([listing]), parts: [part!, { ...part!, items: [{ ...item, key: u64(8n) }] }] },
      [listing, ['Listings', u64(8n)]],
    ],
    ['no salt', 'form', 'Orders: a part of 4 items, 5 are needed', changed(order, { salt: undefined }), [order]],
    [
      'a salt of nothing',
      'form',
      'Listings: a part of 5 items, 4 are needed',
      changed(listing, { salt: zero }),
      [listing],
    ],
    [
      'a short salt',
      'form',
      'Orders: Salt has 31 bytes, 32 are needed',
      changed(order, { salt: zero.subarray(1) }),
      [order],
    ],
    ['a wrong salt', 'state-root', 'StateRoot: the proof gives ', changed(order, { salt: zero }), [order]],
    [
      'an order without its history',
      'form',
      'StateProofs: not an array',
      changed(order, {}, { answer: { kind: 'object', object: { value: objectOf(9n) } } }),
      [order],
    ],
    [
      'a listing with a history',
      'form',
      'StateProofs: not a byte string',
      changed(listing, {}, { answer: { kind: 'object', object: { value: objectOf(9n), history } } }),
      [listing],
    ],
    [
      'Depth 257',
      'depth',
      'Listings: Depth 257, at most 256 is possible',
      changed(listing, {}, { depth: 257 }),
      [listing],
    ],
    [
      'a bitmap too long',
      'empty-siblings',
      'Listings/0000000000000009: 2 bytes for ',
      changed(listing, { emptySiblings: new Uint8Array(2) }),
      [listing],
    ],
    [
      'no bitmap',
      'empty-siblings',
      'Listings/0000000000000009: 0 bytes, sibling 0 is beyond',
      changed(listing, { emptySiblings: none }),
      [listing],
    ],
    [
      'an unused bit',
      'empty-siblings',
      'Listings/0000000000000009: 01 has a bit set behind its ',
      changed(listing, { emptySiblings: Uint8Array.of(1) }),
      [listing],
    ],
    [
      'a sibling too many',
      'siblings',
      'Listings/0000000000000009: ',
      changed(listing, { siblings: Uint8Array.from([...part!.siblings, ...history.trail]) }),
      [listing],
    ],
    [
      'a sibling missing',
      'siblings',
      'Listings/0000000000000009: ',
      changed(listing, { siblings: part!.siblings.subarray(32) }),
      [listing],
    ],
    [
      'half a sibling',
      'siblings',
      'Listings: 16 bytes of siblings, each has 32',
      changed(listing, { siblings: zero.subarray(16) }),
      [listing],
    ],
    [
      'a sibling of zeros',
      'zero-sibling',
      'Listings/0000000000000009: sibling 0 is all zeros and not in EmptySiblings',
      changed(listing, { siblings: part!.siblings.map((byte, i) => (i < 32 ? 0 : byte)) }),
      [listing],
    ],
    [
      'another object',
      'answers',
      'Listings/0000000000000008: it was asked and is not answered',
      whole,
      [['Listings', u64(8n)]],
    ],
    [
      'an object too few',
      'answers',
      'Listings/0000000000000008: it was asked and is not answered',
      whole,
      [listing, ['Listings', u64(8n)]],
    ],
    ['an object too many', 'answers', 'Listings: 1 items, at most 0 were asked', whole, []],
    [
      'a manifest too many',
      'answers',
      'Manifest/: it is answered and was not asked',
      proofsOf([listing, ['Manifest', none]]),
      [listing],
    ],
    [
      'a value in another form',
      'encoding',
      'Listings/0000000000000009: a head in longer form at byte 0',
      changed(listing, {}, { answer: { kind: 'object', object: { value: Uint8Array.of(0x18, 7) } } }),
      [listing],
    ],
    [
      'a manifest in another form',
      'encoding',
      'Manifest: ',
      { ...proofsOf([['Manifest', none]]), manifest: Uint8Array.of(0xf7) },
      [['Manifest', none]],
    ],
  ])('%s: %s', (_what, code, message, proofs, asked) => {
    const error = refusal(proofs, asked)
    expect([error.code, error.message.slice(0, message.length)]).toEqual([code, message])
  })

  it('with items not by K', () => {
    const asked: StateQuestion[] = [listing, ['Listings', u64(8n)]]
    const proofs = proofsOf(asked)
    const [both] = proofs.parts
    const turned = { ...proofs, parts: [{ ...both!, items: both!.items.toReversed() }] }
    const [first, second] = byKeyHash(both!.items.map(({ key }) => ({ keyHash: hashOf(key) })))
    expect(refusal(turned, asked)).toMatchObject({
      code: 'item-order',
      message: expect.stringContaining(`K ${toHex(first!.keyHash)} stands after ${toHex(second!.keyHash)}`) as string,
    })
  })

  it('of a level by itself', () => {
    const { level } = proofsOf([])
    const encoded = [4n, level.manifestHash, ...Object.values(level.roots)] as Cbor[]
    expect(readLevel(encode(encoded))).toEqual(level)
    const rows: [Cbor[], StateProofErrorCode][] = [
      [encoded.with(0, 5n), 'schema-version'],
      [encoded.with(3, null), 'level-null'],
      [encoded.with(3, zero.subarray(1)), 'form'],
      [encoded.slice(1), 'form'],
      [[...encoded, zero], 'form'],
    ]
    for (const [items, code] of rows) expect(() => readLevel(encode(items))).toThrow(expect.objectContaining({ code }))
  })
})

describe('what is signed and is not what it should be', () => {
  const signed = (entries: Parameters<typeof listedState>[0], asked: StateQuestion) => {
    const lying = listedState(entries)
    return refusal(proofsOf([asked], lying), [asked], lying)
  }
  const entry = (value: Cbor): StateProofErrorCode =>
    signed({ Orders: [[card, { value: encode(value), history }]] }, ['Orders', card]).code

  it('a listing or an order under the id of another', () => {
    const value = objectOf(8n)
    const wanted = 'ID 8, and the key is 0000000000000009'
    expect(signed({ Listings: [[listing[1], { value }]] }, listing).message).toBe(
      `Listings/0000000000000009: ${wanted}`,
    )
    expect(signed({ Orders: [[order[1], { value, history }]] }, order).message).toBe(
      `Orders/0000000000000009: ${wanted}`,
    )
  })

  it('a listing without an ID, with a text for one, or that is none', () => {
    for (const value of [new Map(), new Map([['ID', '7']]), new Map([['Id', 7n]]), [7n], 7n] as Cbor[])
      expect(signed({ Listings: [[listing[1], { value: encode(value) }]] }, listing).code).toBe('object-id')
    const short: StateQuestion = ['Listings', Uint8Array.of(7)]
    expect(signed({ Listings: [[short[1], { value: objectOf(7n) }]] }, short).code).toBe('object-id')
  })

  it("a card's entry that is no number from 1 on", () => {
    for (const value of [0n, -1n, 2n ** 64n, true, null, objectOf(1n), new Map()] as Cbor[])
      expect([value, entry(value)]).toEqual([value, 'card-entry'])
    const honest = listedState({ Orders: [[card, { value: encode(2n ** 64n - 1n), history }]] })
    const { shopId, stateRoot, source } = honest
    const asked: StateQuestion[] = [['Orders', card]]
    expect(verifyStateProofs(makeStateProofs(source, asked), { shopId, stateRoot, asked }).answers).toHaveLength(1)
  })

  it('a card without periods', () => {
    expect(signed({ Cards: [[card, { value: encode(new Map([['Periods', []]])) }]] }, ['Cards', card]).code).toBe(
      'card-periods',
    )
  })

  it("another shop's manifest", () => {
    const lying = listedState({}, { shopId: 7n, manifest: manifestOf(8n) })
    const asked: StateQuestion[] = [['Manifest', none]]
    expect(refusal(proofsOf(asked, lying), asked, lying).message).toBe('Manifest: ShopID 8, not 7')
    for (const manifest of [encode(7n), encode(new Map([['ShopID', '7']]))]) {
      const other = listedState({}, { manifest })
      expect(refusal(proofsOf(asked, other), asked, other).code).toBe('manifest-shop')
    }
  })
})

describe('questions that nothing answers', () => {
  it.each<[string, StateQuestion]>([
    ['an Orders key of no length', ['Orders', none]],
    ['an Orders key of 7 bytes', ['Orders', new Uint8Array(7)]],
    ['an Orders key of 32 bytes', ['Orders', new Uint8Array(32)]],
    ["the guests' account", ['Accounts', new Uint8Array(20)]],
    ['a manifest with a key', ['Manifest', Uint8Array.of(1)]],
  ])('%s: by maker and verifier', (_what, question) => {
    expect(refusal(makeStateProofs(state.source, []), [question])).toMatchObject({ code: 'question' })
    expect(() => makeStateProofs(state.source, [question])).toThrow(expect.objectContaining({ code: 'question' }))
  })
})

describe('hostile input', () => {
  const level = proofsOf([]).level
  /** A proof by hand, whose one part is these bytes behind its head. */
  const handmade = (part: string) => {
    const open = { ...level, roots: { ...level.roots, Listings: null } }
    const empty = encodeStateProofs({ level: open, parts: [] })
    return Uint8Array.from([...empty.subarray(0, -1), ...Buffer.from(`8184684c697374696e6773${part}`, 'hex')])
  }

  it('of counts beyond its bytes, and of more items than were asked, ends at the count', () => {
    expect(refusal(handmade('9affffffff'), [listing]).message).toContain('a count of 4294967295 beyond the input')
    const many = handmade(`99ffff${'8340'.repeat(65_535)}`)
    expect(refusal(many, [listing]).message).toBe('Listings: 65535 items, at most 1 were asked')
    expect(refusal(handmade('815affffffff'), [listing]).code).toBe('form')
  })

  it('of a key that is longer than any asked is refused before it is named', () => {
    const long = changed(listing, {}, { key: new Uint8Array(1_000_000) })
    expect(refusal(long, [listing]).message).toBe('Listings: a key of 1000000 bytes, at most 8 were asked')
  })

  it('of 256 ways to the very bottom costs a hash a step, and is refused', () => {
    const keys = Array.from({ length: 256 }, (_, i) => u64(BigInt(i + 1)))
    const asked = keys.map((key): StateQuestion => ['Tags', key])
    const sorted = byKeyHash(keys.map((key) => ({ key, keyHash: hashOf(key) })))
    const items = sorted.map(({ key }): ProofItem => ({ key, depth: 256, answer: { kind: 'empty' } }))
    const part: ProofPart = {
      collection: 'Tags',
      items,
      emptySiblings: new Uint8Array(8_192),
      siblings: new Uint8Array(2 ** 21).fill(1),
    }
    const open = { ...level, roots: { ...level.roots, Tags: null } }
    expect(refusal({ level: open, parts: [part] }, asked).code).toBe('empty-siblings')
  })

  it('of a value that nests deep, or has a million items, is walked and not decoded', () => {
    const nested = Uint8Array.from([...new Uint8Array(100).fill(0x81), 0])
    const answer = (value: Uint8Array): ProofItem['answer'] => ({ kind: 'object', object: { value } })
    expect(refusal(changed(listing, {}, { answer: answer(nested) }), [listing]).message).toContain('nested too deep')
    const wide = Uint8Array.from([0x9a, 0, 0x0f, 0xff, 0xff, ...new Uint8Array(0x0f_ffff)])
    expect(refusal(changed(listing, {}, { answer: answer(wide) }), [listing]).code).toBe('object-id')
  })
})
