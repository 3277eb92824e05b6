import { encodeAbiParameters, toEventSelector, toFunctionSelector } from 'viem/utils'
import { expect, it } from 'vitest'
import { addressWord, eventTopic, readAddress, readWord, selector, word } from '../../src/bytes/abi.js'
import { prefixedHex } from '../../src/bytes/hex.js'

const ADDRESS = Uint8Array.from({ length: 20 }, (_, i) => 200 + i)

it.each(['ownerOf(uint256)', 'mint(uint256,address)', 'Transfer(address,address,uint256)'])(
  'names %s as another library does',
  (signature) => {
    expect(prefixedHex(selector(signature))).toBe(toFunctionSelector(signature))
    expect(prefixedHex(eventTopic(signature))).toBe(toEventSelector(signature))
  },
)

it.each([0n, 1n, 255n, 2n ** 64n, 2n ** 256n - 1n])('%s is the word of another library, and is read back', (value) => {
  expect(prefixedHex(word(value))).toBe(encodeAbiParameters([{ type: 'uint256' }], [value]))
  expect(readWord(word(value))).toBe(value)
})

it('writes addresses as another library does, and reads them back', () => {
  const address = prefixedHex(ADDRESS)
  expect(prefixedHex(addressWord(ADDRESS))).toBe(encodeAbiParameters([{ type: 'address' }], [address]))
  expect(readAddress(addressWord(ADDRESS))).toEqual(ADDRESS)
})

it('refuses a number that has no word', () => {
  expect(() => word(2n ** 256n)).toThrow(RangeError)
  expect(() => word(-1n)).toThrow(RangeError)
})

it.each([undefined, new Uint8Array(0), new Uint8Array(31), new Uint8Array(64)])('reads nothing of %s', (result) => {
  expect(readWord(result)).toBeUndefined()
  expect(readAddress(result)).toBeUndefined()
})
