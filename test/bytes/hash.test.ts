import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { utf8 } from '../../src/bytes/bytes.js'
import * as portable from '../../src/bytes/hash.js'
import * as native from '../../src/bytes/hash.node.js'
import { toHex } from '../../src/bytes/hex.js'

/** FIPS 180-4 examples; Keccak-256 as in Ethereum (the empty code's hash, the selector source of `transfer`). */
const sha256Vectors: readonly (readonly [string, string])[] = [
  ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  [
    'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq',
    '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
  ],
]
const keccakVectors: readonly (readonly [string, string])[] = [
  ['', 'c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470'],
  ['abc', '4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45'],
  ['transfer(address,uint256)', 'a9059cbb2ab09eb219583f4a59a5d0623ade346d962bcd4e46b11da047c9049b'],
]

describe.each([
  ['portable', portable],
  ['native', native],
])('%s', (_, { sha256, sha256Into, keccak256 }) => {
  test('SHA-256 is written to where it is wanted, also over what is hashed', () => {
    const text = utf8('0123456789'.repeat(7))
    const digest = sha256(text)
    sha256Into(text, text, 33)
    expect(toHex(text)).toBe(toHex(utf8('0123456789'.repeat(3) + '012')) + toHex(digest) + toHex(utf8('56789')))
  })

  test.each(sha256Vectors)('SHA-256 of %j', (text, digest) => {
    expect(toHex(sha256(utf8(text)))).toBe(digest)
  })

  test.each(keccakVectors)('Keccak-256 of %j', (text, digest) => {
    expect(toHex(keccak256(utf8(text)))).toBe(digest)
  })

  test.each([
    ['SHA-256', sha256],
    ['Keccak-256', keccak256],
  ])('%s gives a plain array that stays as it is', (_, hash) => {
    const first = hash(utf8('a'))
    const text = toHex(first)
    const second = hash(utf8('b'))
    expect(first.constructor).toBe(Uint8Array)
    expect(first.buffer).not.toBe(second.buffer)
    expect(toHex(first)).toBe(text)
    second.fill(0)
    expect(toHex(hash(utf8('a')))).toBe(text)
  })
})

describe('both implementations agree', () => {
  test('on anything', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 1_000 }), agree), { numRuns: 300 })
  })

  test('at the edges of blocks and buffers', () => {
    for (const block of [55, 56, 64, 72, 135, 136, 137, 272, 16_384, 300_000])
      for (const length of [block - 1, block, block + 1]) agree(new Uint8Array(length).fill(length & 255))
  })

  test('on views, Buffers and shared memory', () => {
    const whole = Uint8Array.from({ length: 100 }, (_, i) => i)
    agree(whole.subarray(3, 60))
    agree(Buffer.from(whole))
    agree(new Uint8Array(new SharedArrayBuffer(50)))
    expect(native.sha256(whole.subarray(3, 60))).toEqual(native.sha256(whole.slice(3, 60)))
    expect(native.keccak256(whole.subarray(3, 60))).toEqual(native.keccak256(whole.slice(3, 60)))
  })
})

function agree(data: Uint8Array): void {
  expect(toHex(native.sha256(data))).toBe(toHex(portable.sha256(data)))
  expect(toHex(native.keccak256(data))).toBe(toHex(portable.keccak256(data)))
}
