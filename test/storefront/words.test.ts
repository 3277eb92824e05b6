import { CheckpointError, ClientError, VerificationError } from 'cairn-relay/client'
import { describe, expect, test } from 'vitest'
import { NO_HASH, WRONG_CHAIN } from '../../web/storefront/paying.js'
import { ERROR_REMEDIES, type ErrorCatalogueCode } from '../../src/wire/error-remedies.js'
import {
  blameFor,
  isOfConnection,
  connectionWords,
  futureOf,
  isOfAddress,
  isOfNoShop,
  isOfUnknownCard,
  problemWords,
  refusalWords,
} from '../../web/storefront/words.js'

const titleOf = (id: bigint) => (id === 7n ? 'Wool socks' : undefined)
const words = (error: unknown) => problemWords(error, titleOf)

describe('what went wrong', () => {
  test.each<[code: ConstructorParameters<typeof ClientError>[0], id: bigint | undefined, said: RegExp]>([
    ['OUT_OF_STOCK', 7n, /^Wool socks: there are not as many left/u],
    ['OUT_OF_STOCK', 8n, /^Something that you want: there are not as many left/u],
    ['OUT_OF_STOCK', undefined, /^Something that you want/u],
    ['NOT_FOUND', 7n, /^Wool socks: it is not sold any more/u],
    ['VARIATION_MISSING', 7n, /^Wool socks: choose which kind/u],
    ['VARIATION_MISSING', undefined, /several kinds/u],
    ['VARIATION_TWICE', 7n, /^Wool socks: two kinds/u],
    ['CHECKOUT_PENDING', 5n, /^You have ordered this already\./u],
    ['UNREACHABLE', undefined, /^The shop does not answer/u],
    ['CHAIN_UNREACHABLE', undefined, /^The shop cannot reach its chain/u],
    ['TOTAL_MISMATCH', undefined, /Do not pay\.$/u],
    ['LISTING_MISMATCH', undefined, /Do not pay\.$/u],
    ['VERIFICATION_FAILED', undefined, /Do not buy here\.$/u],
  ])('%s of %s', (code, objectId, said) => {
    expect(words(new ClientError(code, 'no such wire words', { objectId }))).toMatch(said)
  })

  test.each(Object.keys(ERROR_REMEDIES) as ErrorCatalogueCode[])('%s has a sentence without raw words', (code) => {
    for (const objectId of [undefined, 7n, 8n]) {
      const said = words(new ClientError(code, 'Orders/5: patch 3', { objectId, remedy: 'Mend path.' }))
      expect(said).toMatch(/^[A-Z].*\.$/u)
      expect(said).not.toMatch(/Orders|patch|Mend path/u)
    }
  })

  test('of a shop that cannot, nobody says why who does not know', () => {
    expect(words(new ClientError('UNAVAILABLE', 'the disk is full'))).not.toMatch(/too much|chain/u)
  })

  test('a country that the shop does not know is told as that', () => {
    const of = (path: string) => words(new ClientError('USAGE', `${path}: “Switzerland”`, { path }))
    expect(of('address.Country')).toMatch(/does not know this country/u)
    expect(of('address.City')).toMatch(/in the address/u)
  })

  test('another address may mend what is of the address', () => {
    for (const code of ['NO_ADDRESS', 'NO_REGION', 'COUNTRY_UNKNOWN'] as const) expect(isOfAddress(code)).toBe(true)
    for (const code of ['VARIATION_MISSING', 'LISTING_GONE', 'NO_PRICE'] as const) expect(isOfAddress(code)).toBe(false)
  })

  test('a wallet that says much is quoted in a line', () => {
    expect(words(new Error(`${'x'.repeat(300)}\nRequest Arguments:`))).toMatch(/^The wallet says: x{160}…$/u)
  })

  test('a relay that is asked too often says when', () => {
    expect(words(new ClientError('RATE_LIMITED', 'no', { retryAfter: 9 }))).toContain('in 9 s')
  })

  test.each<[error: unknown, said: RegExp]>([
    [{ code: 4001, message: 'User rejected the request.' }, /You declined/u],
    [{ code: -32_002, message: 'Already processing' }, /asking you already/u],
    [new Error('insufficient funds for gas * price + value'), /not enough money/u],
    [new Error('execution reverted: paid already'), /paid already: wait/u],
    [new Error('execution reverted: too late'), /time to pay is over/u],
    [new Error(`${WRONG_CHAIN} 1, and so on`), /stays on another chain, and nothing was sent/u],
    [new Error(NO_HASH), /does not say what it sent/u],
    [new Error('nonce too low'), /^The wallet says: nonce too low$/u],
    [undefined, /does not say what went wrong/u],
  ])('a wallet: %s', (error, said) => {
    expect(words(error)).toMatch(said)
  })

  test('a write that was refused while nobody looked names its listing too', () => {
    const refused = { code: 'OUT_OF_STOCK', message: 'listing 7: 2 of 3 are left' } as const
    expect(refusalWords(refused, titleOf)).toMatch(/^Wool socks: /u)
  })
})

describe('the connection', () => {
  const told = (state: string, code?: ConstructorParameters<typeof ClientError>[0], isHere = true, isGuest = true) =>
    connectionWords({ state, error: code && new ClientError(code, 'why') }, { isHere, isGuest })

  test('of which nothing is to be said', () => {
    expect([told('connected'), told('connecting'), told('failed', 'VERIFICATION_FAILED')]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })

  test('that is gone: a guest is told that his orders wait, a visitor that his cart stays', () => {
    expect(told('disconnected', 'UNREACHABLE')).toMatch(/does not answer.*sent once/u)
    expect(told('connecting', 'UNREACHABLE', true, false)).toMatch(/does not answer.*cart is kept/u)
    expect(told('disconnected', 'UNAVAILABLE')).toMatch(/cannot be used just now/u)
    expect(told('disconnected', 'RATE_LIMITED')).toMatch(/asked too often/u)
  })

  test('to a relay that has no such shop is a visitor’s: of a guest it is his card that is not known', () => {
    const of = (state: string, code: ConstructorParameters<typeof ClientError>[0], card?: Uint8Array) =>
      isOfNoShop({ state, error: new ClientError(code, 'why') }, card)
    expect([of('needs-auth', 'NOT_FOUND'), of('failed', 'NOT_FOUND')]).toEqual([true, true])
    expect(of('needs-auth', 'NOT_FOUND', new Uint8Array(32))).toBe(false)
    expect([of('disconnected', 'UNREACHABLE'), of('needs-auth', 'ORIGIN_REFUSED')]).toEqual([false, false])
    const codes = ['NOT_FOUND', 'UNLINKED_KEYCARD', 'UNREACHABLE', 'UNAVAILABLE'] as const
    const unknown = codes.map((code) => isOfUnknownCard(new ClientError(code, 'why')))
    expect(unknown).toEqual([true, true, false, false])
  })

  test('that another tab or another device has', () => {
    expect(told('disconnected', undefined, false)).toMatch(/another tab/u)
    expect(told('disconnected', 'ALREADY_CONNECTED')).toMatch(/another device/u)
  })
})

test.each([
  ['UNREACHABLE', true],
  ['DISCONNECTED', true],
  ['OUT_OF_STOCK', false],
  ['PRICE_CHANGED', false],
] as const)('%s is over once the shop answers: %s', (code, expected) => {
  expect(isOfConnection(new ClientError(code, 'as it says'))).toBe(expected)
})

describe('who is to blame', () => {
  const found = '2026-01-01T10:10:00Z'
  const future = new CheckpointError('future', 'it is ahead', { at: 'Timestamp', found })
  const unverified = (cause: Error) => new ClientError('VERIFICATION_FAILED', 'it does not verify', { cause })

  test.each<[what: string, error: unknown, blamed: string]>([
    ['a false set', new VerificationError(3n, 'not signed'), 'relay'],
    ['what does not verify', unverified(new CheckpointError('signer', 'another key')), 'relay'],
    ['a checkpoint of the future', unverified(future), 'clock'],
    ['what this page asked wrongly', new ClientError('USAGE', 'options.key: it is no secret'), 'nobody'],
    ['a relay for development alone', new ClientError('NOT_DEVELOPMENT', 'no'), 'nobody'],
  ])('for %s', (_what, error, blamed) => {
    expect(blameFor(error)).toBe(blamed)
  })

  test('a clock that may be wrong is named, with the time that the shop says', () => {
    expect(futureOf(unverified(future))).toBe(found)
    expect(words(unverified(future))).toMatch(/clock of this device may be wrong/u)
  })
})
