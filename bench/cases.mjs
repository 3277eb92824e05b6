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
import { makeStateProofs, readStateProofs, verifyStateProofs } from '../dist/merkle/state-proof.js'
import { interiorDigest } from '../dist/merkle/state-tree.js'
import { encodeChange } from '../dist/patches/patch.js'
import { stateOf } from './state-tree.mjs'

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

let lastState
/** An inventory: its values are small, what is measured is the proof. The last one is kept for cases of its size. */
function inventory(size) {
  if (lastState?.size !== size) {
    const entries = Array.from({ length: size }, (_, i) => [be64(BigInt(i + 1)), encode(BigInt(i))])
    lastState = { size, ...stateOf(entries) }
  }
  return lastState
}

/** Questions about as many objects, others every time. */
function questions(size, count, next) {
  return () => Array.from({ length: count }, () => ['Inventory', be64(BigInt(next(size) + 1))])
}

const PROOFS_KEPT = 256

/** `PROOFS_KEPT` proofs, with what was asked. */
function stateProofs(size, count, next) {
  const { source } = inventory(size)
  const ask = questions(size, count, next)
  return Array.from({ length: PROOFS_KEPT }, () => {
    const asked = ask()
    return { asked, bytes: makeStateProofs(source, asked) }
  })
}

/** How many hashes it takes to check the proof: three a key and object, one a place above them, salt and StateRoot. */
function hashesOf({ asked, bytes }) {
  const [{ items, siblings, emptySiblings }] = readStateProofs(bytes, asked.length).parts
  const empty = emptySiblings.reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0)
  // With their siblings the ends are the leaves of a binary tree.
  return 3 * items.length + (items.length + siblings.length / 32 + empty - 1) + 2
}

/** One state and proofs of single objects of it, for those who check them elsewhere. */
export function singleProofs(size, next) {
  return { state: inventory(size), proofs: stateProofs(size, 1, next) }
}

function verifying(size, count) {
  return (next) => {
    const state = inventory(size)
    const proofs = stateProofs(size, count, next)
    let turn = 0
    return () => {
      const { asked, bytes } = proofs[turn++ % PROOFS_KEPT]
      verifyStateProofs(bytes, { ...state, asked })
      return bytes
    }
  }
}

/** As many hashes as the proofs of the case before, and nothing else. */
function hashing(size, count) {
  return (next) => {
    const counts = stateProofs(size, count, next).map(hashesOf)
    let turn = 0
    return () => {
      let hash = digest
      for (let left = counts[turn++ % PROOFS_KEPT]; left > 0; left--) hash = interiorDigest(hash, digest)
      return hash
    }
  }
}

function stateCases(name, size, large) {
  return [1, 64].flatMap((count) => {
    const of = `${count === 1 ? 'a state proof' : `a state proof of ${count}`}, ${name} objects`
    const times = Math.ceil(10_000 / count)
    return [
      {
        name: `make ${of}`,
        times,
        large,
        make: (next) => {
          const { source } = inventory(size)
          const ask = questions(size, count, next)
          return () => makeStateProofs(source, ask())
        },
        note: (next) => `${averageBytes(stateProofs(size, count, next))} bytes`,
      },
      { name: `verify ${of}`, times, large, make: verifying(size, count) },
      {
        name: `hashes of ${of}`,
        times,
        large,
        make: hashing(size, count),
        note: (next) => `${average(stateProofs(size, count, next).map(hashesOf))} hashes`,
      },
    ]
  })
}

/** Of proofs without their values, which have one to five bytes. */
function averageBytes(proofs) {
  const values = ({ asked, bytes }) =>
    readStateProofs(bytes, asked.length).parts[0].items.reduce((sum, { answer }) => sum + answer.object.value.length, 0)
  return average(proofs.map((proof) => proof.bytes.length - values(proof)))
}

function average(numbers) {
  return Math.round(numbers.reduce((sum, number) => sum + number, 0) / numbers.length)
}

const digest = sha256(utf8('a digest'))
const secret = sha256(utf8('a secret'))

function recovery(implementation) {
  const signature = implementation.sign(digest, secret)
  return () => implementation.recoverPublicKey(digest, signature)
}

/** By the system's libsecp256k1; without one by what does it instead. */
async function systemLibrary() {
  const given = process.env['CAIRN_NATIVE']
  process.env['CAIRN_NATIVE'] = 'system'
  try {
    // Another instance than the one above.
    return await import(`${import.meta.resolve('../dist/bytes/signature.node.js')}?system`)
  } finally {
    if (given === undefined) delete process.env['CAIRN_NATIVE']
    else process.env['CAIRN_NATIVE'] = given
  }
}

const system = await systemLibrary()

/** `times` calls a round; `large` cases are left out of quick runs; `note` is told beside the times. */
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
  ...stateCases('1 k', 1_000, false),
  ...stateCases('1 M', 1_000_000, true),
  { name: 'signature recovery, native', times: 4_000, make: () => recovery(native) },
  ...(system.implementation === 'system'
    ? [{ name: 'signature recovery, system', times: 4_000, make: () => recovery(system) }]
    : []),
  { name: 'signature recovery, noble', times: 300, make: () => recovery(noble) },
]
