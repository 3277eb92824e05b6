// The hashing core's benchmarks. Each case makes its data from a fixed seed and returns a function that does the work
// once and gives bytes of its result: their hash shows that the work was done, and was the same.

import { be64, utf8 } from '../dist/bytes/bytes.js'
import { sha256 } from '../dist/bytes/hash.node.js'
import * as native from '../dist/bytes/signature.node.js'
import * as noble from '../dist/bytes/signature.js'
import { decodeChecked } from '../dist/codec/decode-checked.js'
import { encode } from '../dist/codec/encode.js'
import { checkForm } from '../dist/codec/span.js'
import { Hamt } from '../dist/merkle/hamt.js'
import { patchLeafHash, PatchTree } from '../dist/merkle/patch-proof.js'
import { encodeChange } from '../dist/patches/patch.js'

/** Numbers below `below` from a fixed seed (mulberry32). */
export function random(seed) {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

function listing(id, next) {
  const text = (fields) => new Map(Object.entries(fields))
  return text({
    ID: id,
    Price: BigInt(next(1_000_000)),
    ViewState: 1n,
    Metadata: text({
      Title: `Listing ${next(1_000)}`,
      Description: 'Two sentences of description. They give the object the size that one has in a shop.',
      Images: [`https://example.com/images/${next(10_000)}.jpg`],
    }),
    Options: text({
      size: text({
        Title: 'Size',
        Variations: text({ s: text({ VariationInfo: text({ Title: 'Small', Description: 'Small size' }) }) }),
      }),
    }),
  })
}

function patches(count, next) {
  return Array.from({ length: count }, (_, i) => {
    const id = BigInt(i + 1)
    return encodeChange({ op: 'add', path: ['Listings', id], value: listing(id, next) })
  })
}

function trie(size, next) {
  let hamt = Hamt.empty
  for (let i = 0; i < size; i++) hamt = hamt.set(be64(BigInt(i + 1)), utf8(`value ${i} ${'x'.repeat(80)}`))
  hamt.digest()
  let turn = 0
  return () => {
    hamt = hamt.set(be64(BigInt(next(size) + 1)), utf8(`value ${turn++} ${'y'.repeat(80)}`))
    return hamt.digest()
  }
}

const digest = sha256(utf8('a digest'))
const secret = sha256(utf8('a secret'))

function recovery(implementation) {
  const signature = implementation.sign(digest, secret)
  return () => implementation.recoverPublicKey(digest, signature)
}

/** `times` calls a round; `large` cases are left out of quick runs. */
export const CASES = [
  { name: 'encode a listing', times: 20_000, make: (next) => () => encode(listing(7n, next)) },
  {
    name: 'decode a listing',
    times: 20_000,
    make: (next) => {
      const bytes = encode(listing(7n, next))
      return () => (decodeChecked(bytes), bytes)
    },
  },
  {
    name: 'span walk of a patch',
    times: 50_000,
    make: (next) => {
      const [patch] = patches(1, next)
      return () => (checkForm(patch), patch)
    },
  },
  {
    name: 'leaf hash of a patch',
    times: 50_000,
    make: (next) => {
      const [patch] = patches(1, next)
      return () => patchLeafHash(patch)
    },
  },
  ...[1, 16, 64, 250].flatMap((count) => [
    {
      name: `MMR root of ${count} patches`,
      times: Math.ceil(20_000 / count),
      make: (next) => {
        const leaves = patches(count, next).map(patchLeafHash)
        return () => new PatchTree(leaves).root
      },
    },
    {
      name: `MMR proofs of ${count} patches`,
      times: Math.ceil(10_000 / count),
      make: (next) => {
        const tree = new PatchTree(patches(count, next).map(patchLeafHash))
        return () => {
          let last
          for (let i = 0; i < count; i++) last = tree.proof(i)
          return last
        }
      },
    },
  ]),
  { name: 'HAMT update and digest, 1 k entries', times: 5_000, make: (next) => trie(1_000, next) },
  { name: 'HAMT update and digest, 100 k entries', times: 5_000, large: true, make: (next) => trie(100_000, next) },
  { name: 'HAMT update and digest, 1 M entries', times: 5_000, large: true, make: (next) => trie(1_000_000, next) },
  { name: 'signature recovery, native', times: 4_000, make: () => recovery(native) },
  { name: 'signature recovery, noble', times: 300, make: () => recovery(noble) },
]
