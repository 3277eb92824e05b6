import makeCode from 'qrcode-generator'
import { describe, expect, it } from 'vitest'
import { exportCard, importCard } from '../../src/client/card-text.js'
import { makeKeyCard } from '../../src/client/enrol.js'
import { toHex } from '../../src/bytes/hex.js'

const card = makeKeyCard((bytes) => bytes.fill(0x5a))
const relay = new Uint8Array(20).fill(0xab)
const [SHOP_MAX, SHOP] = [(1n << 256n) - 1n, 77n]
const text = exportCard({ shop: SHOP, relay, secret: card.secret })

describe('a card as text', () => {
  it.each([SHOP, SHOP_MAX, 0n])('comes back whole, of shop %s', (shop) => {
    const written = exportCard({ shop, relay, secret: card.secret })
    expect(importCard(written, { shop })).toEqual({ shop, relay, ...card })
  })

  it('is as it ever was: cards on paper stay readable', () => {
    expect(text).toBe(`CAIRN-CARD:1:${'0'.repeat(62)}4D${'AB'.repeat(20)}${'5A'.repeat(32)}:${text.slice(-8)}`)
    expect(text.slice(-8)).toBe('46525840')
  })

  it('may have been typed: letter case, spaces and lines do not count', () => {
    const typed = `  ${text.toLowerCase().replaceAll(/(.{40})/gu, '$1 \n')}\n`
    expect(importCard(typed)).toEqual({ shop: SHOP, relay, ...card })
  })

  it('fits a QR code of 53 modules with the second level of correction', () => {
    const code = makeCode(0, 'M')
    code.addData(text, 'Alphanumeric')
    code.make()
    expect(code.getModuleCount()).toBeLessThanOrEqual(53)
  })

  it.each<[string, string, string]>([
    ['of something else', 'hello', 'no card'],
    ['nothing', '', 'no card'],
    ['of another version', text.replace(':1:', ':2:'), 'version 2, and 1 is known'],
    ['cut short', text.slice(0, 100), '87 digits where a card has 168'],
    ['without its checksum', text.slice(0, -9), 'its checksum is missing'],
    ['with one digit misread', text.replace('5A', '5B'), 'its checksum is'],
    ['with a letter that is no digit', text.replace('5A', 'O0'), 'or other letters'],
  ])('%s is refused and says why', (_what, wrong, why) => {
    expect(() => importCard(wrong)).toThrow(expect.objectContaining({ code: 'USAGE', path: 'text' }) as Error)
    expect(() => importCard(wrong)).toThrow(why)
    expect(() => importCard(wrong)).not.toThrow(toHex(card.secret))
  })

  it('of another shop is refused with both', () => {
    expect(() => importCard(text, { shop: 78n })).toThrow('it is a card of shop 77, not of shop 78')
  })

  it('is not made of what is no card', () => {
    const secret = new Uint8Array(32)
    expect(() => exportCard({ shop: SHOP, relay, secret })).toThrow('card.secret')
    expect(() => exportCard({ shop: SHOP, relay: new Uint8Array(19), ...card })).toThrow('card.relay')
    expect(() => exportCard({ shop: -1n, relay, ...card })).toThrow('card.shop')
  })
})
