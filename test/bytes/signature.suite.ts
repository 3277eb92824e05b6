/** What every implementation of `#signature` has to do: one suite, the same verdicts. */

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { concatBytes, toBigEndian } from '../../src/bytes/bytes.js'
import { sha256 } from '../../src/bytes/hash.js'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import type * as Signature from '../../src/bytes/signature.js'

export type Implementation = Pick<typeof Signature, keyof typeof Signature>

export const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
const FIELD_PRIME = 2n ** 256n - 2n ** 32n - 977n
const GENERATOR_X = 0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798n

export const word = (value: bigint) => toBigEndian(value, 32)
export const signatureOf = (r: bigint, s: bigint, v: number) => concatBytes(word(r), word(s), new Uint8Array([v]))
export const scalarOf = (bytes: Uint8Array) => BigInt(`0x${toHex(bytes)}`)

/** Cases of ECDSA with SHA-256 on this curve, those of wrong DER left out: number, digest, r‖s, key, whether valid. */
const { cases: WYCHEPROOF } = JSON.parse(readFileSync(new URL('wycheproof-ecdsa.json', import.meta.url), 'utf8')) as {
  cases: [id: number, digest: string, numbers: string, key: string, isValid: boolean][]
}
/** Valid, but r is x less the curve's order: only v 29 or 30 could say so. */
const LARGE_X = 346

const digest = sha256(new Uint8Array([1]))
const secret = sha256(new Uint8Array([2]))

export function signatureSuite(implementation: Implementation): void {
  const { recoverPublicKey, sign, publicKeyOf, isPublicKey, addressOf } = implementation
  const key = publicKeyOf(secret)
  const signature = sign(digest, secret)
  const r = scalarOf(signature.subarray(0, 32))
  const s = scalarOf(signature.subarray(32, 64))
  const v = signature[64]!

  test('keys and addresses of known secrets', () => {
    expect(toHex(publicKeyOf(word(1n)))).toBe(`02${GENERATOR_X.toString(16)}`)
    expect(toHex(publicKeyOf(word(CURVE_ORDER - 1n)))).toBe(`03${GENERATOR_X.toString(16)}`)
    expect(toHex(addressOf(publicKeyOf(word(1n))))).toBe('7e5f4552091a69125d5dfcb7b8c2659029395bdf')
    const test = fromHex('ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80')
    expect(toHex(addressOf(publicKeyOf(test)))).toBe('f39fd6e51aad88f6f4ce6ab8827279cfffb92266')
  })

  test('a signature leads to its key and to no other', () => {
    expect(signature).toHaveLength(65)
    expect([27, 28]).toContain(v)
    expect(recoverPublicKey(digest, signature)).toEqual(key)
    expect(recoverPublicKey(sha256(digest), signature)).not.toEqual(key)
    expect(recoverPublicKey(digest, signatureOf(r, s, v === 27 ? 28 : 27))).not.toEqual(key)
  })

  test('is deterministic, and low s', () => {
    expect(sign(digest, secret)).toEqual(signature)
    for (let i = 0; i < 16; i++) {
      const other = sha256(new Uint8Array([3, i]))
      const signed = sign(other, secret)
      expect(scalarOf(signed.subarray(32, 64))).toBeLessThanOrEqual(CURVE_ORDER / 2n)
      expect(recoverPublicKey(other, signed)).toEqual(key)
    }
  })

  test('v is 0, 1, 27 or 28', () => {
    expect(recoverPublicKey(digest, signatureOf(r, s, v - 27))).toEqual(key)
    for (const other of [2, 3, 4, 26, 29, 30, 31, 35, 54, 255])
      expect(recoverPublicKey(digest, signatureOf(r, s, other))).toBeUndefined()
  })

  test('a high s is refused, though it would lead to the same key', () => {
    for (const recovery of [0, 1, 27, 28])
      expect(recoverPublicKey(digest, signatureOf(r, CURVE_ORDER - s, recovery))).toBeUndefined()
    const half = CURVE_ORDER / 2n
    expect(recoverPublicKey(digest, signatureOf(r, half, 27))).toHaveLength(33)
    expect(recoverPublicKey(digest, signatureOf(r, half + 1n, 27))).toBeUndefined()
  })

  test('r and s are in range', () => {
    for (const outside of [0n, CURVE_ORDER, CURVE_ORDER + 1n, FIELD_PRIME, 2n ** 256n - 1n]) {
      expect(recoverPublicKey(digest, signatureOf(outside, s, v))).toBeUndefined()
      expect(recoverPublicKey(digest, signatureOf(r, outside, v))).toBeUndefined()
    }
    expect(recoverPublicKey(digest, new Uint8Array(65))).toBeUndefined()
    expect(recoverPublicKey(digest, new Uint8Array(65).fill(255))).toBeUndefined()
  })

  test('an r off the curve, or a point at infinity, leads to no key', () => {
    expect(recoverPublicKey(digest, signatureOf(1n, 1n, 27))).toHaveLength(33)
    expect(recoverPublicKey(digest, signatureOf(5n, 1n, 27))).toBeUndefined()
    // With k = 1 and s = z the key would be (s·R − z·G)/r = 0.
    expect(recoverPublicKey(word(7n), signatureOf(GENERATOR_X, 7n, 27))).toBeUndefined()
    expect(recoverPublicKey(word(7n), signatureOf(GENERATOR_X, 8n, 27))).toHaveLength(33)
  })

  test('any digest of 32 bytes', () => {
    for (const each of [word(0n), word(CURVE_ORDER), word(CURVE_ORDER + 5n), word(2n ** 256n - 1n)])
      expect(recoverPublicKey(each, sign(each, secret))).toEqual(key)
  })

  test('a public key is a compressed point', () => {
    expect(isPublicKey(key)).toBe(true)
    const otherHalf = concatBytes(new Uint8Array([key[0]! ^ 1]), key.subarray(1))
    expect(isPublicKey(otherHalf)).toBe(true)
    for (const prefix of [0, 1, 4, 5, 6, 7, 255]) {
      const wrong = concatBytes(new Uint8Array([prefix]), key.subarray(1))
      expect(isPublicKey(wrong)).toBe(false)
      expect(() => addressOf(wrong)).toThrow(Error)
    }
    for (const x of [0n, 5n, FIELD_PRIME, FIELD_PRIME + 1n, 2n ** 256n - 1n]) {
      const off = concatBytes(new Uint8Array([2]), word(x))
      expect(isPublicKey(off)).toBe(false)
      expect(() => addressOf(off)).toThrow(Error)
    }
    for (const length of [0, 32, 34, 64, 65]) expect(isPublicKey(new Uint8Array(length).fill(2))).toBe(false)
  })

  test('as Project Wycheproof says: forged signatures lead to other keys or to none', () => {
    for (const [id, hash, numbers, own, isValid] of WYCHEPROOF) {
      const leads = [27, 28].map((end) => {
        const signed = concatBytes(fromHex(numbers), new Uint8Array([end]))
        return toHex(recoverPublicKey(fromHex(hash), signed) ?? new Uint8Array(0))
      })
      expect([id, leads.includes(own)]).toEqual([id, isValid && id !== LARGE_X])
    }
  })

  test('an uncompressed key is none here', () => {
    const uncompressed = fromHex(
      '0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798' +
        '483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8',
    )
    expect(isPublicKey(uncompressed)).toBe(false)
    expect(() => addressOf(uncompressed)).toThrow(RangeError)
  })

  test('a secret outside 1 … n − 1 is refused', () => {
    for (const outside of [0n, CURVE_ORDER, 2n ** 256n - 1n]) {
      expect(() => publicKeyOf(word(outside))).toThrow(Error)
      expect(() => sign(digest, word(outside))).toThrow(Error)
    }
  })

  test('arguments of a wrong length throw RangeError', () => {
    for (const length of [0, 31, 33, 64]) {
      const wrong = new Uint8Array(length).fill(1)
      expect(() => recoverPublicKey(wrong, signature)).toThrow(RangeError)
      expect(() => sign(wrong, secret)).toThrow(RangeError)
      expect(() => sign(digest, wrong)).toThrow(RangeError)
      expect(() => publicKeyOf(wrong)).toThrow(RangeError)
    }
    for (const length of [0, 64, 66]) expect(() => recoverPublicKey(digest, new Uint8Array(length))).toThrow(RangeError)
    for (const length of [0, 20, 32, 34]) expect(() => addressOf(new Uint8Array(length).fill(2))).toThrow(RangeError)
  })

  test('views and Buffers serve as well, and nothing given is changed', () => {
    const frame = concatBytes(new Uint8Array(3), digest, signature, secret, key)
    const before = frame.slice()
    const part = (start: number, length: number) => frame.subarray(start, start + length)
    expect(recoverPublicKey(part(3, 32), part(35, 65))).toEqual(key)
    expect(sign(part(3, 32), part(100, 32))).toEqual(signature)
    expect(addressOf(part(132, 33))).toEqual(addressOf(key))
    expect(recoverPublicKey(Buffer.from(digest), Buffer.from(signature))).toEqual(key)
    expect(frame).toEqual(before)
  })
}
