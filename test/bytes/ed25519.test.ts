/** Ed25519 against OpenSSL and the first test of RFC 8032 §7.1. */

import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { concatBytes, utf8 } from '../../src/bytes/bytes.js'
import { ed25519PublicKey, ed25519Sign, ed25519Verify } from '../../src/bytes/ed25519.js'
import { fromHex, toHex } from '../../src/bytes/hex.js'

const secret = fromHex('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60')
const key = ed25519PublicKey(secret)
const message = utf8('a text\n')
const signature = ed25519Sign(message, secret)
/** DER heads of the two kinds of keys (RFC 8410). */
const PRIVATE = fromHex('302e020100300506032b657004220420')
const PUBLIC = fromHex('302a300506032b6570032100')

describe('Ed25519', () => {
  test('of the RFC', () => {
    expect(toHex(key)).toBe('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a')
    expect(toHex(ed25519Sign(new Uint8Array(0), secret))).toBe(
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155' +
        '5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    )
  })

  test('as OpenSSL makes and reads it', () => {
    const der = Buffer.from(concatBytes(PRIVATE, secret))
    const theirs = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    expect(toHex(signature)).toBe(sign(null, message, theirs).toString('hex'))
    const spki = Buffer.from(concatBytes(PUBLIC, key))
    expect(verify(null, message, createPublicKey({ key: spki, format: 'der', type: 'spki' }), signature)).toBe(true)
  })

  test('of this message, key and signature alone', () => {
    expect(ed25519Verify(signature, message, key)).toBe(true)
    expect(ed25519Verify(signature, utf8('a text'), key)).toBe(false)
    expect(ed25519Verify(signature, message, ed25519PublicKey(new Uint8Array(32)))).toBe(false)
    for (const at of signature.keys())
      expect(ed25519Verify(signature.with(at, signature[at]! ^ 1), message, key), `byte ${at}`).toBe(false)
    expect(ed25519Verify(signature.subarray(1), message, key)).toBe(false)
    expect(ed25519Verify(signature, message, new Uint8Array(32).fill(0xff))).toBe(false)
  })

  test('lengths', () => {
    expect(() => ed25519PublicKey(new Uint8Array(31))).toThrow('31 bytes')
    expect(() => ed25519Sign(message, new Uint8Array(33))).toThrow('33 bytes')
    expect(() => ed25519Verify(signature, message, new Uint8Array(33))).toThrow('33 bytes')
  })
})
