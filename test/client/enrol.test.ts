import { describe, expect, it } from 'vitest'
import { isPublicKey, publicKeyOf } from '../../src/bytes/signature.node.js'
import { makeKeyCard } from '../../src/client/enrol.js'
import { fromHex, toHex } from '../../src/bytes/hex.js'

const CURVE_ORDER = 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141'

describe('a new key card', () => {
  it('is of random bytes, and its public key is of its secret', () => {
    const [first, second] = [makeKeyCard(), makeKeyCard()]
    expect(first.secret).toHaveLength(32)
    expect(toHex(first.secret)).not.toBe(toHex(second.secret))
    expect(first.publicKey).toEqual(publicKeyOf(first.secret))
    expect(isPublicKey(first.publicKey)).toBe(true)
  })

  it.each([
    ['0', '0'.repeat(64)],
    ["the curve's order", CURVE_ORDER],
    ['all ones', 'f'.repeat(64)],
  ])('is not of %s, which is no secret key', (_what, refused) => {
    const largest = `${CURVE_ORDER.slice(0, -1)}0`
    const draws = [refused, largest, '1'.repeat(64)]
    const { secret } = makeKeyCard((bytes) => bytes.set(fromHex(draws.shift()!)))
    expect(toHex(secret)).toBe(largest)
    expect(draws).toHaveLength(1)
  })
})
