import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CHUNK_BYTES_TARGET, packChunks, recordBytes, unpackChunk } from '../../src/store/log-chunk.js'
import { StoreError } from '../../src/store/store-error.js'
import { bodies, readable, recordOf } from '../fixtures/store.arbitrary.js'

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
    const head = 5 + 2 * (4 + recordBytes(recordOf(1, 0)))
    const room = CHUNK_BYTES_TARGET - head
    const pair = (second: number) => packChunks([recordOf(1, 1_000), recordOf(2, second)])
    expect(pair(room - 1_000).map(({ bytes }) => bytes.length)).toEqual([CHUNK_BYTES_TARGET])
    expect(pair(room - 999)).toHaveLength(2)
  })

  it('are refused when cut short or followed by something', () => {
    const bytes = small()
    expect(codeOf(bytes)).toBe('accepted')
    for (let length = 0; length < bytes.length; length++) expect(codeOf(bytes.slice(0, length))).toBe('damaged')
    expect(codeOf(Uint8Array.of(...bytes, 0))).toBe('damaged')
  })

  it('are refused with another version, count, length, role or an unsafe number', () => {
    expect(codeOf(changed(0, 3))).toBe('version')
    expect(codeOf(changed(4, 2))).toBe('damaged')
    expect(codeOf(changed(4, 0))).toBe('damaged')
    expect(codeOf(changed(8, small()[8]! + 1))).toBe('damaged')
    expect(codeOf(changed(9, 0xff))).toBe('damaged')
    expect(codeOf(changed(5 + 4 + 20, 4))).toBe('damaged')
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
