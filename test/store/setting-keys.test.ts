/** Keys of rows that are on disk already: their bytes never change, and nobody else makes one. */

import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import * as keys from '../../src/store/setting-keys.js'

const [token, card, hash] = [20, 33, 32].map((length) => new Uint8Array(length).fill(0xab)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
]
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

const FORMS: Record<keyof typeof keys, [made: string, stored: string]> = {
  anchorCountKey: [keys.anchorCountKey(300n), 'anchor/300'],
  anchorKey: [keys.anchorKey(300n, 12), 'anchor/300/12'],
  registryBlocksKey: [keys.registryBlocksKey(31_337n), 'chain/31337/registry'],
  paymentBlocksKey: [keys.paymentBlocksKey(31_337n), 'chain/31337/payments'],
  checkedPaymentsKey: [keys.checkedPaymentsKey(31_337n), 'chain/31337/payments/checked'],
  decimalsKey: [keys.decimalsKey(31_337n, token), `chain/31337/decimals/${hex(token)}`],
  developmentOwnerKey: [keys.developmentOwnerKey(300n), 'development/owner/300'],
  noteBindingKey: [keys.noteBindingKey(300n), 'note-binding/300'],
  askedLevelKey: [keys.askedLevelKey(300n, 7), 'receipt/300/level/7'],
  askedManifestKey: [keys.askedManifestKey(300n, hash), `receipt/300/manifest/${hex(hash)}`],
  writtenSetsName: [keys.writtenSetsName(300n, card), `written/12c/${hex(card)}`],
  writtenSetsKey: [keys.writtenSetsKey(keys.writtenSetsName(300n, card), 3), `written/12c/${hex(card)}/3`],
}

it.each(Object.entries(FORMS))('%s is as it is stored', (_name, [made, stored]) => {
  expect(made).toBe(stored)
})

it('no other file of the source makes a key of these forms', () => {
  const prefixes = new Set(Object.values(FORMS).map(([, stored]) => stored.slice(0, stored.indexOf('/') + 1)))
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
  const others = files.filter((file) => file.endsWith('.ts') && !file.endsWith('setting-keys.ts'))
  const makes = (file: string) => {
    const text = readFileSync(`src/${file}`, 'utf8')
    return [...prefixes].some((prefix) => ['`', "'"].some((quote) => text.includes(`${quote}${prefix}`)))
  }
  expect(others.filter(makes)).toEqual([])
})
