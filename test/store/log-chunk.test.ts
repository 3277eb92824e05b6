import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes } from '../../src/bytes/bytes.js'
import { fromHex } from '../../src/bytes/hex.js'
import { patchLeafHash, PatchTree } from '../../src/merkle/patch-proof.js'
import { bitOf } from '../../src/patches/object-name.js'
import { encodeChange } from '../../src/patches/patch.js'
import { CHUNK_BYTES_TARGET, packChunks, pickFromChunk, runOf, unpackChunk } from '../../src/store/log-chunk.js'
import { StoreError } from '../../src/store/store-error.js'
import type { LogRecord } from '../../src/store/store.js'
import { encodeSet } from '../../src/wire/pushed-set.js'
import { bodies, bytesOf, readable, recordOf } from '../fixtures/store.arbitrary.js'

/** A chunk of one small record. */
const small = () => packChunks([recordOf(5, 10)])[0]!.bytes

function codeOf(bytes: Uint8Array): string {
  try {
    unpackChunk(bytes)
    return 'accepted'
  } catch (error) {
    return error instanceof StoreError ? error.code : String(error)
  }
}

function changed(at: number, value: number): Uint8Array {
  const bytes = small()
  bytes[at] = value
  return bytes
}

const NAMES = ['Manifest', 'Accounts', 'Tags', 'Listings', 'Orders', 'Inventory']
const changes = fc.array(
  fc.oneof(
    fc.tuple(fc.constantFrom('Listings', 'Orders', 'Inventory'), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
    fc.tuple(fc.constant('Tags'), fc.string({ maxLength: 20 })),
    fc.tuple(fc.constant('Accounts'), fc.uint8Array({ minLength: 20, maxLength: 20 })),
    fc.tuple(fc.constant('Manifest'), fc.constantFrom('Payees', 'ShippingRegions')),
  ),
  { minLength: 1, maxLength: 3 },
)
const patchOf = (path: readonly [string, string | bigint | Uint8Array]) =>
  encodeChange({ op: 'remove', path: [...path] })
const or = (some: number, more: number) => some | more

/** What a push of all patches has of the record. */
function pushed({ seq, header, signature, patches }: LogRecord): Uint8Array {
  const tree = new PatchTree(patches.map(patchLeafHash))
  const proofs = patches.map((_, place) => tree.proof(place))
  return encodeSet({ seq: BigInt(seq), leafIndex: 0, header, signature, patches, proofs })
}

/** As the version before wrote it. */
const VERSION_2 = fromHex(
  [
    '0200000002000000cf00000000000000070000018bcfe5680700000e17010000002107070707070707070707070707070707',
    '0707070707070707070707070707070707000000140707070707070707070707070707070707070707070707070707070707',
    '0707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707',
    '0707070707070707070707070707070707070707070707070707070707070707070707070707000000090707070707070707',
    '070000000200000003010101000000000000009800000000000000080000018bcfe5680800000e1803000000000000000008',
    '0808080808080808080808080808080808080808080808080808080808080808080808080808080808080808080808080808',
    '0808080808080808080808080808080808080808080808080808080808080808080808080808080808080808080800000009',
    '08080808080808080800000001000000050202020202',
  ].join(''),
)

describe('log chunks', () => {
  it('give the records back, in order, within the size', () => {
    fc.assert(
      fc.property(fc.array(bodies, { maxLength: 12 }), fc.integer({ min: 1, max: 2 ** 40 }), (list, first) => {
        const records = list.map((body, i) => ({ ...body, seq: first + i }))
        const chunks = packChunks(records)
        expect(readable(chunks.flatMap(({ bytes }) => unpackChunk(bytes)))).toEqual(readable(records))
        for (const { firstSeq, bytes } of chunks) {
          const held = unpackChunk(bytes)
          expect(held[0]!.seq).toBe(firstSeq)
          expect(bytes.length <= CHUNK_BYTES_TARGET || held.length === 1).toBe(true)
        }
      }),
      { numRuns: 60 },
    )
  })

  it('are filled up to the last byte', () => {
    const pair = (second: number) => packChunks([recordOf(1, 1_000), recordOf(2, second)])
    const [sample] = pair(60_000)
    const room = CHUNK_BYTES_TARGET - sample!.bytes.length
    expect(pair(60_000 + room).map(({ bytes }) => bytes.length)).toEqual([CHUNK_BYTES_TARGET])
    expect(pair(60_000 + room + 1)).toHaveLength(2)
  })

  it('are refused when cut short or followed by something', () => {
    const bytes = small()
    expect(codeOf(bytes)).toBe('accepted')
    for (let length = 0; length < bytes.length; length++) expect(codeOf(bytes.slice(0, length))).toBe('damaged')
    expect(codeOf(Uint8Array.of(...bytes, 0))).toBe('damaged')
  })

  it('are refused with another version, count, length, role or an unsafe number', () => {
    expect(codeOf(changed(0, 4))).toBe('version')
    expect(codeOf(changed(4, 2))).toBe('damaged')
    expect(codeOf(changed(4, 0))).toBe('damaged')
    // The first seq, where rows and sets begin, the end of the set.
    for (const at of [12, 16, 20, 32]) expect(codeOf(changed(at, small()[at]! + 1))).toBe('damaged')
    expect(codeOf(changed(5, 0xff))).toBe('damaged')
    // A role that there is not, and patches that are not there.
    expect(codeOf(changed(small()[16]! + 12, 4))).toBe('damaged')
    expect(codeOf(changed(37, 2))).toBe('damaged')
  })

  it('have each set of one patch as a push has it, and what of the others it takes', () => {
    fc.assert(
      fc.property(
        fc.array(changes, { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 2 ** 40 }),
        (list, first) => {
          const records = list.map((paths, i) => ({ ...recordOf(first + i), patches: paths.map(patchOf) }))
          const [chunk] = packChunks(records)
          const run = runOf(chunk!.bytes)!
          expect([run.first, run.last]).toEqual([first, first + list.length - 1])
          for (const [i, record] of records.entries()) {
            const { seq, header, signature, patches } = record
            expect(run.set(seq)).toEqual({ seq, header, signature, patches })
            expect(run.patches(seq)).toBe(patches.length)
            expect(run.collections(seq)).toBe(list[i]!.map(([name]) => bitOf(name)).reduce(or, 0))
            expect(run.isProven(seq)).toBe(patches.length === 1)
            if (patches.length === 1) expect(run.sets(seq, seq)).toEqual(pushed(record))
          }
          const runs = records.filter(({ patches }, i) => patches.length === 1 && records[i + 1]?.patches.length === 1)
          for (const { seq } of runs)
            expect(run.sets(seq, seq + 1)).toEqual(concatBytes(run.sets(seq, seq), run.sets(seq + 1, seq + 1)))
        },
      ),
      { numRuns: 100 },
    )
  })

  it('count the patches of each collection, from one chunk to the next', () => {
    fc.assert(
      fc.property(fc.array(changes, { minLength: 2, maxLength: 12 }), fc.nat(), (list, at) => {
        const records = list.map((paths, i) => ({ ...recordOf(10 + i), patches: paths.map(patchOf) }))
        const cut = 1 + (at % (list.length - 1))
        const [before] = packChunks(records.slice(0, cut))
        const [chunk] = packChunks(records.slice(cut), before!.totals)
        const run = runOf(chunk!.bytes)!
        for (let seq = 9 + cut; seq <= run.last; seq++)
          for (const name of NAMES) {
            const counted = list
              .slice(0, seq - 9)
              .flat()
              .filter(([collection]) => collection === name)
            expect(run.totalsUpTo(seq)[Math.log2(bitOf(name))]).toBe(counted.length)
          }
        expect(chunk!.totals).toEqual({ from: 10, counts: run.totalsUpTo(run.last) })
      }),
      { numRuns: 100 },
    )
  })

  it('of version 2 are read as they were written', () => {
    const of = (seq: number, patches: Uint8Array[], who: object) => ({
      seq,
      committedAtMs: 1_700_000_000_000 + seq,
      reservationSeconds: 3_600 + seq,
      ...who,
      stateHash: bytesOf(32, seq),
      signature: bytesOf(65, seq),
      header: bytesOf(9, seq),
      patches,
    })
    const clerk = { role: 'clerk', signer: bytesOf(33, 7), account: bytesOf(20, 7) }
    const relay = { role: 'relay', signer: bytesOf(0, 0), account: bytesOf(0, 0) }
    const records = [of(7, [bytesOf(3, 1), bytesOf(0, 0)], clerk), of(8, [bytesOf(5, 2)], relay)]
    expect(readable(unpackChunk(VERSION_2))).toEqual(readable(records))
    expect(readable(pickFromChunk(VERSION_2, [8]))).toEqual(readable(records.slice(1)))
    expect(runOf(VERSION_2)).toBeUndefined()
    for (let length = 1; length < VERSION_2.length; length++) expect(codeOf(VERSION_2.slice(0, length))).toBe('damaged')
  })

  it('never fail otherwise than as damaged', () => {
    const damage = fc.tuple(fc.nat({ max: small().length - 1 }), fc.nat({ max: 255 }))
    fc.assert(
      fc.property(damage, ([at, value]) => {
        expect(['accepted', 'damaged', 'version']).toContain(codeOf(changed(at, value)))
      }),
    )
  })
})
