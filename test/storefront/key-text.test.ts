import { exportCard } from 'cairn-relay/card'
import { expect, test } from 'vitest'
import { readKey } from '../../web/storefront/key-text.js'

const secret = new Uint8Array(32).fill(7)
const relay = new Uint8Array(20).fill(0xab)
const text = exportCard({ shop: 9n, relay, secret })
const place = { shop: 9n, relay: `0x${'AB'.repeat(20)}` }

test('a key of this shop opens it, also where it was pasted with spaces', () => {
  expect(readKey(` ${text.slice(0, 50)}\n${text.slice(50)} `, place)).toEqual({
    secret,
    told: '✓ This browser opens its orders now.',
  })
  expect(readKey(text, { ...place, relay: 'development' }).secret).toEqual(secret)
})

test('one of another shop or server, or none, does not, and says why', () => {
  expect(readKey(text, { ...place, shop: 8n })).toEqual({ told: expect.stringContaining('not of shop 8') })
  expect(readKey(text, { ...place, relay: `0x${'cd'.repeat(20)}` })).toEqual({
    told: 'This key is of a shop on another server.',
  })
  expect(readKey(`${text.slice(0, -1)}x`, place)).toEqual({ told: expect.stringContaining('checksum') })
  expect(readKey('hello', place)).toEqual({ told: expect.stringContaining('CAIRN-CARD') })
})
