import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { concatBytes, utf8 } from '../../src/bytes/bytes.js'
import { personalMessageDigest } from '../../src/bytes/eip191.js'
import { keccak256 } from '../../src/bytes/hash.js'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { addressOf, recoverPublicKey, sign } from '../../src/bytes/signature.js'

/** The examples of viem's `hashMessage` and of web3.js's `accounts.sign`. */
test.each([
  ['hello world', 'd9eba16ed0ecae432b71fe008c98cc872bb4cc214d3220a36f365326cf807d68'],
  ['Some data', '1da44b586eb0729ff70a73c326926f6ed5a25f5b056e7f47fbc6e58d86871655'],
])('digest of %j', (text, digest) => {
  expect(toHex(personalMessageDigest(utf8(text)))).toBe(digest)
})

describe("web3.js's example", () => {
  const digest = personalMessageDigest(utf8('Some data'))
  const secret = fromHex('4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318')
  const signature = fromHex(
    'b91467e570a6466aa9e9876cbcd013baba02900b8979d43fe208a4a4f339f5fd' +
      '6007e74cd82e037b800186422fc2da167c747ef045e5d18a5f5d4300f8e1a0291c',
  )

  test('is signed the same', () => {
    expect(toHex(sign(digest, secret))).toBe(toHex(signature))
  })

  test('leads to its address, another message does not', () => {
    expect(signerOf('Some data', signature)).toBe('2c7536e3605d9c16a7a3d7b1898e529396a65c23')
    expect(signerOf('Some data.', signature)).not.toBe('2c7536e3605d9c16a7a3d7b1898e529396a65c23')
  })
})

test('the length is that of the bytes, in decimal', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), (message) => {
      const prefix = concatBytes(new Uint8Array([0x19]), utf8('Ethereum Signed Message:\n'), utf8(`${message.length}`))
      expect(personalMessageDigest(message)).toEqual(keccak256(concatBytes(prefix, message)))
    }),
  )
  expect(personalMessageDigest(utf8('é'))).toEqual(keccak256(utf8('\x19Ethereum Signed Message:\n2é')))
})

function signerOf(message: string, signature: Uint8Array): string {
  return toHex(addressOf(recoverPublicKey(personalMessageDigest(utf8(message)), signature)!))
}
