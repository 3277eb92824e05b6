import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { concatBytes, utf8 } from '../../src/bytes/bytes.js'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { encode } from '../../src/codec/encode.js'
import {
  PADDING_LEAF,
  readLeafProof,
  verifyLeafHashWithoutItsPatch,
  type ProvenLeaf,
} from '../../src/merkle/leaf-hash-proof.js'
import type { NodeIndex } from '../../src/merkle/mmr-index.js'
import { includedRoot } from '../../src/merkle/mmr-proof.js'
import { NodeValueError } from '../../src/merkle/node-hash.js'
import {
  NoPatchesError,
  patchLeafHash,
  PatchPlaceError,
  patchProof,
  patchProofs,
  patchRoot,
  PatchTree,
  verifyPatchProof,
  verifyPatchProofs,
} from '../../src/merkle/patch-proof.js'
import { ProofError, type ProofErrorCode } from '../../src/merkle/proof-error.js'
import { kat, referenceProofs, type KatNegative, type KatPatchCase } from '../fixtures/mmr-kat.js'
import { digest, oraclePath, oracleRange } from '../fixtures/mmr-oracle.js'

const leavesOf = (row: KatPatchCase) =>
  kat.patch_cases.raw_leaves.slice(0, row.n).map((raw) => patchLeafHash(utf8(raw)))
const proofBytes = (node: bigint | number | string, size: bigint | number | string, path: readonly string[]) =>
  encode([BigInt(node), BigInt(size), path.map(fromHex)])

function verifyLeafHash(proof: Uint8Array, leafHash: Uint8Array, root: Uint8Array): ProvenLeaf {
  return verifyLeafHashWithoutItsPatch(readLeafProof(proof), leafHash, root)
}

function verifyRow(row: KatNegative): ProvenLeaf {
  return verifyLeafHash(proofBytes(row.node_index, row.tree_size, row.path), fromHex(row.leaf_hash), fromHex(row.root))
}

function expectCode(code: ProofErrorCode, verify: () => void): void {
  expect(verify).toThrow(ProofError)
  expect(verify).toThrow(expect.objectContaining({ code }))
}

describe.each(kat.patch_cases.cases)('$n patches', (row) => {
  const leaves = leavesOf(row)

  test('root', () => {
    expect(leaves.map(toHex)).toEqual(row.leaf_hashes)
    expect(toHex(patchRoot(leaves))).toBe(row.root)
    const padded = [...row.leaf_hashes.map(fromHex), ...Array(row.padded_leaf_count - row.n).fill(PADDING_LEAF)]
    expect(oracleRange(padded).nodes.map(({ value }) => toHex(value))).toEqual(row.node_hashes)
  })

  test('proofs, byte for byte', () => {
    expect(patchProofs(leaves).map(toHex)).toEqual(row.proofs_cbor_as_masslbs_go)
    const tree = new PatchTree(leaves)
    expect(toHex(tree.root)).toBe(row.root)
    for (const [place, expected] of row.proofs_cbor_as_masslbs_go.entries()) {
      expect(toHex(tree.proof(place))).toBe(expected)
      expect(toHex(patchProof(leaves, place))).toBe(expected)
    }
  })

  test('proofs hold', () => {
    for (const [place, [nodeIndex, treeSize, path]] of row.proofs.entries()) {
      const proven = { nodeIndex: BigInt(nodeIndex), treeSize: BigInt(treeSize), leafIndex: place }
      const root = fromHex(row.root)
      for (const proof of [fromHex(row.proofs_cbor_as_masslbs_go[place]!), proofBytes(nodeIndex, treeSize, path)])
        expect(verifyLeafHash(proof, leaves[place]!, root)).toEqual(proven)
    }
  })

  test('each leaf only at its own place', () => {
    const proofs = patchProofs(leaves)
    for (const [place, proof] of proofs.entries())
      for (const [other, leaf] of leaves.entries())
        if (other !== place) expectCode('root', () => verifyLeafHash(proof, leaf, fromHex(row.root)))
  })

  test('padding has proofs that lead to the root, and is refused', () => {
    expect(row.padding_proofs).toHaveLength(row.padded_leaf_count - row.n)
    for (const [nodeIndex, treeSize, path] of row.padding_proofs) {
      const end = includedRoot(BigInt(nodeIndex) as NodeIndex, PADDING_LEAF, path.map(fromHex))
      expect(toHex(end.value)).toBe(row.root)
      const proof = proofBytes(nodeIndex, treeSize, path)
      expectCode('padding-leaf', () => verifyLeafHash(proof, PADDING_LEAF, fromHex(row.root)))
    }
  })
})

describe('adversarial proofs', () => {
  const codes: Record<string, ProofErrorCode> = {
    'path bit flipped': 'root',
    'leaf bit flipped': 'root',
    'root bit flipped': 'root',
    'other leaf index': 'root',
    'leaf index of other subtree': 'root',
    'path reversed': 'root',
    'path truncated': 'path-length',
    'path extended': 'path-length',
    'tree size too small': 'path-length',
    'tree size too large': 'path-length',
    'tree size incomplete': 'tree-size',
    'tree size complete but not 2^k-1': 'tree-size',
    'tree size zero': 'tree-size',
    'interior node passed as leaf': 'node-index',
    'root passed as leaf, root index': 'node-index',
    'root passed as leaf, arbitrary index': 'node-index',
    'node index >= tree size': 'node-index',
    'padding leaf': 'padding-leaf',
    "64 byte 'leaf' with zero-length sibling": 'element-length',
    '33/31 byte split': 'element-length',
  }
  const { cases } = kat.inclusion_negative
  test('every row has a verdict of its own', () => {
    const refused = cases.filter((row) => row.strict_verifier === 'reject').map(({ name }) => name)
    expect(refused).toEqual(Object.keys(codes))
    expect(cases).toHaveLength(refused.length + 2)
  })

  test.each(cases)('$name: $strict_verifier', (row) => {
    if (row.strict_verifier === 'accept') expect(verifyRow(row)).toHaveProperty('nodeIndex', BigInt(row.node_index))
    else expectCode(codes[row.name]!, () => verifyRow(row))
  })

  test.each(cases)('$name: what the bare path says', (row) => {
    const recompute = () =>
      includedRoot(BigInt(row.node_index) as NodeIndex, fromHex(row.leaf_hash), row.path.map(fromHex)).value
    if (codes[row.name] === 'element-length') expect(recompute).toThrow(NodeValueError)
    else expect(toHex(recompute()) === row.root).toBe(row.plain_included_root_equals_root)
  })
})

describe('what a patch is', () => {
  const { raw_leaf, leaf_hash, equals_root_of_patch_case_n: n } = kat.second_preimage
  const patches = [encode(new Map([['Op', 'a']])), encode(new Map([['Op', 'b']]))]
  const root = patchRoot(patches.map(patchLeafHash))

  test('not the preimage of an interior node, whose hash alone would pass', () => {
    const twoLeafRoot = fromHex(kat.patch_cases.cases.find((row) => row.n === n)!.root)
    const proof = fromHex('830001f6')
    expect(toHex(patchLeafHash(fromHex(raw_leaf)))).toBe(leaf_hash)
    expect(verifyLeafHash(proof, fromHex(leaf_hash), twoLeafRoot).leafIndex).toBe(0)
    expectCode('not-a-patch', () => verifyPatchProof(proof, fromHex(raw_leaf), twoLeafRoot))
  })

  test('not nothing: explicit empty leaves share a root with padding', () => {
    const { list_a, list_b, root } = kat.padding_ambiguity
    for (const list of [list_a, list_b])
      expect(toHex(patchRoot(list.map((raw) => patchLeafHash(utf8(raw)))))).toBe(root)
    const proof = patchProof(
      list_b.map((raw) => patchLeafHash(utf8(raw))),
      3,
    )
    expectCode('not-a-patch', () => verifyPatchProof(proof, new Uint8Array(0), fromHex(root)))
  })

  test('one well-formed map', () => {
    const [patch, other] = [patches[0]!, patches[1]!]
    const notPatches = [encode(['Op', 'a']), encode('a'), concatBytes(patch, other), patch.subarray(1), fromHex('bfff')]
    for (const bytes of notPatches) {
      const leaves = [patchLeafHash(bytes), patchLeafHash(other)]
      const proof = patchProof(leaves, 0)
      verifyLeafHash(proof, leaves[0]!, patchRoot(leaves))
      expectCode('not-a-patch', () => verifyPatchProof(proof, bytes, patchRoot(leaves)))
    }
    expect(verifyPatchProof(patchProof(patches.map(patchLeafHash), 0), patch, root).leafIndex).toBe(0)
  })

  test('the bytes received, however they are encoded', () => {
    const [short, long] = [fromHex('a1614f00'), fromHex('b90001614f1800')]
    const proof = fromHex('830001f6')
    for (const patch of [short, long]) verifyPatchProof(proof, patch, patchLeafHash(patch))
    expectCode('root', () => verifyPatchProof(proof, short, patchLeafHash(long)))
  })
})

describe('form of a proof', () => {
  const patch = encode(new Map([['Op', 'a']]))
  const leaf = patchLeafHash(patch)
  const pair = [leaf, digest(utf8('b'))]
  const sibling = `5820${toHex(pair[1]!)}`
  const verifyOne = (hex: string) => verifyPatchProof(fromHex(hex), patch, leaf)
  const verifyTwo = (hex: string) => verifyPatchProof(fromHex(hex), patch, patchRoot(pair))

  test('of one patch: 83 00 01 f6', () => {
    expect(toHex(patchProof([leaf], 0))).toBe('830001f6')
    expect(verifyOne('830001f6')).toEqual({ nodeIndex: 0n, treeSize: 1n, leafIndex: 0 })
  })

  test('empty array or null for an empty path, heads of any length', () => {
    for (const proof of ['83000180', '8300019800', '98031800190001f6']) expect(verifyOne(proof).treeSize).toBe(1n)
    expect(verifyTwo(`83000381${sibling}`).treeSize).toBe(3n)
    expect(verifyTwo(`8300039a00000001${sibling}`).treeSize).toBe(3n)
  })

  test.each([
    ['nothing', ''],
    ['truncated', '830001'],
    ['bytes behind it', '830001f600'],
    ['two proofs', '830001f6830001f6'],
    ['an array of two', '820001'],
    ['an array of four', '84000180f6'],
    ['a map', 'a30001010202f6'],
    ['wrapped in a byte string', '44830001f6'],
    ['indefinite length', '9f0001f6ff'],
    ['negative node index', '832001f6'],
    ['negative tree size', '830020f6'],
    ['node index as text', '83613001f6'],
    ['node index as a byte string', '83410001f6'],
    ['tree size null', '8300f680'],
    ['path false', '830001f4'],
    ['path a byte string', '83000140'],
    ['path a map', '830001a0'],
  ])('%s', (_, hex) => {
    expectCode('proof-form', () => verifyOne(hex))
  })

  test.each([
    ['element null', '83000381f6'],
    ['element a text', '8300038161'.concat('61')],
    ['element an array', `8300038181${sibling}`],
    ['path nested', `830003${sibling}`],
  ])('%s', (_, hex) => {
    expectCode('proof-form', () => verifyTwo(hex))
  })

  test('a path of nothing does not stand for a longer one', () => {
    expectCode('path-length', () => verifyTwo('830003f6'))
    expectCode('path-length', () => verifyOne(`83000181${sibling}`))
  })

  test('tree sizes up to the safe integers, and beyond', () => {
    expectCode('path-length', () => verifyPatchProof(proofBytes(0n, 2n ** 53n - 1n, []), patch, leaf))
    for (const size of [2n ** 53n, 2n ** 54n - 1n, 2n ** 63n - 1n, 2n ** 64n - 1n, 2n ** 65n - 1n])
      expectCode('tree-size', () => verifyPatchProof(proofBytes(0n, size, []), patch, leaf))
    expectCode('node-index', () => verifyPatchProof(proofBytes(2n ** 64n - 1n, 3n, []), patch, leaf))
  })

  test('the root is 32 bytes', () => {
    for (const root of [leaf.subarray(1), concatBytes(leaf, leaf), new Uint8Array(0)])
      expectCode('element-length', () => verifyPatchProof(fromHex('830001f6'), patch, root))
  })

  test('an error carries what was claimed', () => {
    const claim = { nodeIndex: 2n, treeSize: 3n, pathLength: 1 }
    const interior = `83020381${sibling}`
    expect(() => verifyTwo(interior)).toThrow(expect.objectContaining({ code: 'node-index', claim, place: undefined }))
    expect(() => verifyTwo('ff')).toThrow(expect.objectContaining({ code: 'proof-form', claim: undefined }))
    expect(() => verifyTwo('ff')).toThrow(
      expect.objectContaining({ cause: expect.objectContaining({ name: 'CborError' }) }),
    )
  })
})

describe('trees', () => {
  test('have at least one patch of 32 bytes each', () => {
    for (const make of [patchRoot, patchProofs]) expect(() => make([])).toThrow(NoPatchesError)
    expect(() => new PatchTree([])).toThrow(NoPatchesError)
    for (const length of [0, 31, 33]) expect(() => patchRoot([new Uint8Array(length)])).toThrow(NodeValueError)
  })

  test('have no proofs for padding or for what is no place', () => {
    const tree = new PatchTree([1, 2, 3].map((n) => digest(new Uint8Array([n]))))
    for (const place of [-1, 3, 4, 0.5, Number.NaN]) expect(() => tree.proof(place)).toThrow(PatchPlaceError)
    expect(tree.proof(2)).toEqual(tree.proof(2))
  })
})

describe('reference vectors', () => {
  test.each(referenceProofs)('$name', ({ patches, root, proofs }) => {
    const received = patches.map(fromHex)
    const leaves = received.map(patchLeafHash)
    expect(toHex(patchRoot(leaves))).toBe(root)
    const ours = patchProofs(leaves)
    const theirs = proofs.map(([node, size, path]) => proofBytes(node, size, path))
    for (const [place, proof] of ours.entries()) {
      const expected = { nodeIndex: BigInt(proofs[place]![0]), treeSize: BigInt(proofs[place]![1]), leafIndex: place }
      expect(verifyPatchProof(proof, received[place]!, fromHex(root))).toEqual(expected)
      expect(verifyPatchProof(theirs[place]!, received[place]!, fromHex(root))).toEqual(expected)
      if (proofs[place]![2].length > 0) expect(toHex(proof)).toBe(toHex(theirs[place]!))
    }
    expect(verifyPatchProofs(theirs, received, fromHex(root)).map(({ leafIndex }) => leafIndex)).toEqual([
      ...received.keys(),
    ])
    const tampered = received.map((patch) => changed(patch, patch.length - 1))
    for (const [place, proof] of ours.entries())
      expectCode('root', () => verifyLeafHash(proof, patchLeafHash(tampered[place]!), fromHex(root)))
  })
})

describe('a set', () => {
  const patches = Array.from({ length: 6 }, (_, n) => encode(new Map([['Op', `${n}`]])))
  const tree = new PatchTree(patches.map(patchLeafHash))
  const verify = (places: readonly number[], proofPlaces = places) =>
    verifyPatchProofs(
      proofPlaces.map((place) => tree.proof(place)),
      places.map((place) => patches[place]!),
      tree.root,
    )

  test('whole or a selection, in order', () => {
    for (const places of [[0], [5], [0, 1, 2, 3, 4, 5], [1, 4], [0, 5]])
      expect(verify(places).map(({ leafIndex }) => leafIndex)).toEqual(places)
  })

  test('not out of order, not twice', () => {
    expect(() => verify([0, 2, 1])).toThrow(expect.objectContaining({ code: 'set-order', place: 2 }))
    expect(() => verify([3, 3])).toThrow(expect.objectContaining({ code: 'set-order', place: 1 }))
  })

  test('as many proofs as patches, at least one', () => {
    expectCode('set-count', () => verify([]))
    expectCode('set-count', () => verify([0, 1], [0]))
    expectCode('set-count', () => verify([0], [0, 1]))
  })

  test('each with its own proof', () => {
    expect(() => verify([0, 1, 2], [0, 1, 3])).toThrow(expect.objectContaining({ code: 'root', place: 2 }))
  })

  test('all of one tree', () => {
    const smaller = new PatchTree(patches.slice(0, 4).map(patchLeafHash))
    const refused = () => verifyPatchProofs([smaller.proof(0), tree.proof(1)], patches.slice(0, 2), tree.root)
    expect(refused).toThrow(expect.objectContaining({ code: 'set-tree-size', place: 1 }))
  })

  test('a proof that cannot be read is named', () => {
    const proofs = [tree.proof(0), fromHex('80')]
    expect(() => verifyPatchProofs(proofs, patches.slice(0, 2), tree.root)).toThrow(
      expect.objectContaining({ code: 'proof-form', place: 1 }),
    )
  })
})

describe('agrees with the explicit tree', () => {
  const leaves = Array.from({ length: 2_000 }, (_, e) => digest(new Uint8Array([e >> 8, e & 255])))
  const counts = fc.oneof(
    fc.integer({ min: 1, max: 2_000 }),
    fc.integer({ min: 1, max: 70 }),
    fc.constantFrom(127, 128, 129, 255, 256, 257, 1_023, 1_024, 1_025, 2_000),
  )

  function padded(count: number): Uint8Array[] {
    const all = leaves.slice(0, count)
    while (!Number.isInteger(Math.log2(all.length))) all.push(digest())
    return all
  }

  test('root and all proofs', () => {
    fc.assert(
      fc.property(counts, (count) => {
        const expected = oracleRange(padded(count))
        const tree = new PatchTree(leaves.slice(0, count))
        expect(toHex(tree.root)).toBe(toHex(expected.peaks[0]!.value))
        for (let place = 0; place < count; place++) {
          const leaf = expected.leaves[place]!
          const path = oraclePath(leaf)
          const proof = encode([BigInt(leaf.index), BigInt(expected.nodes.length), path.length === 0 ? null : path])
          expect(toHex(tree.proof(place))).toBe(toHex(proof))
          expect(verifyLeafHash(proof, leaf.value, tree.root).leafIndex).toBe(place)
        }
      }),
      { numRuns: 40 },
    )
  })

  test('any other byte, and any other length, is refused', () => {
    fc.assert(
      fc.property(counts, fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), (count, p, at, difference) => {
        const tree = new PatchTree(leaves.slice(0, count))
        const place = p % count
        const leaf = leaves[place]!
        const proof = tree.proof(place)
        const verify = (bytes: Uint8Array, hash = leaf, root = tree.root) => verifyLeafHash(bytes, hash, root)
        verify(proof)
        const other = changed(proof, at % proof.length, difference)
        // f7 (undefined) reads as null, and 80 is the other empty path.
        if (!['830001f7', '83000180'].includes(toHex(other))) expect(() => verify(other)).toThrow(ProofError)
        expect(() => verify(proof.subarray(0, at % proof.length))).toThrow(ProofError)
        expect(() => verify(concatBytes(proof, new Uint8Array([difference])))).toThrow(ProofError)
        expectCode('root', () => verify(proof, changed(leaf, at % 32, difference)))
        expectCode('root', () => verify(proof, leaf, changed(tree.root, at % 32, difference)))
      }),
      { numRuns: 400 },
    )
  })

  test('a path made shorter or longer is refused', () => {
    fc.assert(
      fc.property(counts, fc.nat(), fc.nat(), (count, p, c) => {
        const all = oracleRange(padded(count))
        const leaf = all.leaves[p % count]!
        const path = oraclePath(leaf)
        const size = BigInt(all.nodes.length)
        const root = all.peaks[0]!.value
        const cut = c % (path.length + 1)
        const wrong = [path.slice(0, cut), path.slice(cut), path.toSpliced(cut, 0, leaf.value), [...path, root]]
        for (const each of wrong.filter(({ length }) => length !== path.length)) {
          const proof = encode([BigInt(leaf.index), size, each])
          expectCode('path-length', () => verifyLeafHash(proof, leaf.value, root))
        }
      }),
      { numRuns: 60 },
    )
  })
})

function changed(bytes: Uint8Array, at: number, difference = 1): Uint8Array {
  const copy = bytes.slice()
  copy[at]! ^= difference
  return copy
}
