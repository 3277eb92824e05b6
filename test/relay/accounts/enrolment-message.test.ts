import { privateKeyToAccount } from 'viem/accounts'
import { createSiweMessage } from 'viem/siwe'
import { describe, expect, test } from 'vitest'
import { addressOf, publicKeyOf, sign } from '#signature'
import { utf8 } from '../../../src/bytes/bytes.js'
import { personalMessageDigest } from '../../../src/bytes/eip191.js'
import { fromHex, toHex } from '../../../src/bytes/hex.js'
import type { EnrolmentExpectation } from '../../../src/relay/accounts/enrolment-message.js'
import { checkEnrolment, publicHosts, parseSiwe } from '../../../src/relay/accounts/enrolment-message.js'
import { enrolmentStatement } from '../../../src/wire/enrolment-statement.js'

const SECRET = new Uint8Array(32).fill(7)
const WALLET = addressOf(publicKeyOf(SECRET))
const ADDRESS = `0x${toHex(WALLET)}`
const CARD = publicKeyOf(new Uint8Array(32).fill(9))
const NOW = 1_700_000_000n

const EXPECTED: EnrolmentExpectation = {
  publicHosts: ['relay.example:4444'],
  requestPath: '/v4/enroll_key_card',
  guest: false,
  relayTokenId: 77n,
  registryChainId: 31337n,
  nowSeconds: NOW,
}

const LINES = [
  'relay.example:4444 wants you to sign in with your Ethereum account:',
  ADDRESS,
  '',
  '',
  'URI: http://relay.example:4444/v4/enroll_key_card',
  'Version: 1',
  'Chain ID: 1',
  'Nonce: 00000000',
  'Issued At: 2023-11-14T22:13:20.123Z',
  'Resources:',
  '- mass-relayid:77',
  '- mass-shopid:12345678901234567890123',
  `- mass-keycard:${toHex(CARD)}`,
] as const
const [DOMAIN_LINE, URI_LINE, ISSUED_LINE] = [0, 4, 8]

/** LINES with the line `at` replaced by `lines`. */
function withLine(at: number, ...lines: string[]): string {
  return LINES.toSpliced(at, 1, ...lines).join('\n')
}

function check(message: string, change: Partial<EnrolmentExpectation> = {}, secret = SECRET) {
  return checkEnrolment(message, sign(personalMessageDigest(utf8(message)), secret), { ...EXPECTED, ...change })
}

const ACCEPTED = { ok: true, wallet: WALLET, shopId: 12345678901234567890123n, card: CARD }

describe('accepted', () => {
  const uri = (text: string) => withLine(URI_LINE, `URI: ${text}`)
  const table: [string, string, Partial<EnrolmentExpectation>?][] = [
    ['as it stands', LINES.join('\n')],
    [
      'a statement',
      withLine(3, "Enrol_this ~card~: at (shop) #1, [you] & me; 100 + 1 = $*! - isn't it? yes/no @here.", ''),
    ],
    ['https', uri('https://relay.example:4444/v4/enroll_key_card')],
    ['a query string', uri('http://relay.example:4444/v4/enroll_key_card?guest=1')],
    ['upper case in the host', uri('http://RELAY.example:4444/v4/enroll_key_card')],
    ['the scheme before the domain', withLine(DOMAIN_LINE, `http://${LINES[0]}`)],
    ['address in upper case', withLine(1, `0x${toHex(WALLET).toUpperCase()}`)],
    ['the chain of the registry', withLine(6, 'Chain ID: 31337')],
    ['a time with a zone', withLine(ISSUED_LINE, 'Issued At: 1999-02-28t23:59:59+13:45')],
    ['a far future Issued At', withLine(ISSUED_LINE, 'Issued At: 9999-12-31T00:00:00Z')],
    ['expiring now', withLine(ISSUED_LINE, LINES[8], 'Expiration Time: 2023-11-14T22:13:20Z')],
    ['valid from now', withLine(ISSUED_LINE, LINES[8], 'Not Before: 2023-11-14T22:13:20Z')],
    ['valid from now, elsewhere', withLine(ISSUED_LINE, LINES[8], 'Not Before: 2023-11-15T00:13:20+02:00')],
    ['a request id', withLine(ISSUED_LINE, LINES[8], 'Request ID: a-b_c~%20:@')],
    ['an empty request id', withLine(ISSUED_LINE, LINES[8], 'Request ID: ')],
    [
      'all optional lines',
      withLine(
        ISSUED_LINE,
        LINES[8],
        'Expiration Time: 2024-01-01T00:00:00Z',
        'Not Before: 2023-01-01T00:00:00Z',
        'Request ID: 1',
      ),
    ],
    ['a card with 0x', withLine(12, `- mass-keycard:0x${toHex(CARD)}`)],
    ['a card in upper case', withLine(12, `- mass-keycard:${toHex(CARD).toUpperCase()}`)],
    [
      'a referer, the path unchecked',
      uri('http://relay.example:4444/other'),
      { referer: 'http://relay.example:4444/shop?x=1' },
    ],
    [
      'a referer of another host',
      LINES.join('\n'),
      { publicHosts: ['elsewhere'], referer: 'http://relay.example:4444/' },
    ],
    [
      'without a referer the origin of a page',
      LINES.join('\n'),
      { publicHosts: ['elsewhere'], origin: 'http://relay.example:4444' },
    ],
    ['an opaque origin', LINES.join('\n'), { origin: 'null' }],
    [
      'a referer before an origin',
      LINES.join('\n'),
      { publicHosts: ['elsewhere'], referer: 'http://relay.example:4444/', origin: 'http://shop.example' },
    ],
    ['an empty path where that was asked for', uri('http://relay.example:4444'), { requestPath: '/' }],
    [
      'a default port written out',
      LINES.join('\n').replaceAll('relay.example:4444', 'relay.example:80'),
      { publicHosts: ['relay.example'] },
    ],
  ]
  test.each(table)('%s', (_what, message, change = {}) => {
    expect(check(message, change)).toMatchObject(ACCEPTED)
  })

  test('the largest shop id', () => {
    const shopId = (1n << 256n) - 1n
    expect(check(withLine(11, `- mass-shopid:${shopId}`))).toMatchObject({ ok: true, shopId })
    expect(check(withLine(11, '- mass-shopid:0'))).toMatchObject({ ok: true, shopId: 0n })
  })

  test.each([0, 1, 27, 28])('v %i, in one of two messages that has it', (v) => {
    for (let i = 0; ; i++) {
      const message = withLine(ISSUED_LINE, LINES[8], `Request ID: ${i}`)
      const signature = sign(personalMessageDigest(utf8(message)), SECRET)
      if (signature.at(-1) !== (v % 27) + 27) continue
      signature[64] = v
      expect(checkEnrolment(message, signature, EXPECTED)).toMatchObject(ACCEPTED)
      signature[64] = v === 27 || v === 0 ? v + 1 : v - 1
      expect(checkEnrolment(message, signature, EXPECTED).ok).toBe(false)
      return
    }
  })
})

describe('refused', () => {
  const uri = (text: string) => withLine(URI_LINE, `URI: ${text}`)
  const after = (at: number, ...lines: string[]) => withLine(at, ...LINES.slice(at, at + 1), ...lines)
  const off = `02${'ff'.repeat(32)}`
  const table: [string, string, string, Partial<EnrolmentExpectation>?][] = [
    ['nothing', '', 'line 1'],
    ['another domain', withLine(0, LINES[0].replace('4444', '4445')), 'domain is not relay.example:4444'],
    ['a domain with a path', withLine(0, LINES[0].replace('4444', '4444/x')), 'line 1'],
    ['a domain with a user', withLine(0, `me@${LINES[0]}`), 'line 1'],
    ['another scheme before the domain', withLine(0, `https://${LINES[0]}`), 'scheme'],
    ['other words', withLine(0, LINES[0].replace('wants', 'asks')), 'line 1'],
    ['the colon missing', withLine(0, LINES[0].slice(0, -1)), 'line 1'],
    ['a short address', withLine(1, ADDRESS.slice(0, -1)), 'line 2'],
    ['a long address', withLine(1, `${ADDRESS}0`), 'line 2'],
    ['an address without 0x', withLine(1, ADDRESS.slice(2)), 'line 2'],
    ['a space behind the address', withLine(1, `${ADDRESS} `), 'line 2'],
    ['one empty line', LINES.toSpliced(2, 1).join('\n'), 'line 5'],
    ['three empty lines', after(2, ''), 'line 5'],
    ['a statement without an empty line behind', withLine(3, 'statement'), 'line 5'],
    ['a statement without an empty line before', LINES.toSpliced(2, 2, 'statement', '').join('\n'), 'line 3'],
    ['two statement lines', withLine(3, 'one', 'two', ''), 'line 5'],
    ['two empty lines behind the statement', withLine(3, 'one', '', ''), 'line 6'],
    ['a carriage return', LINES.join('\r\n'), 'printable ASCII'],
    ['a control character in the statement', withLine(3, 'one\u0000', ''), 'printable ASCII'],
    ['a statement that turns the direction of reading', withLine(3, 'one\u202Eowt', ''), 'printable ASCII'],
    ['a statement with another line end', withLine(3, 'one\u0085two', ''), 'printable ASCII'],
    ['a statement of other letters', withLine(3, 'Grüße', ''), 'printable ASCII'],
    ...['"', '%', '<', '>', '\\', '^', '`', '{', '|', '}'].map((character): [string, string, string] => [
      `a statement with ${character}`,
      withLine(3, `one ${character} two`, ''),
      'line 4',
    ]),
    ['a domain with a soft hyphen', withLine(0, LINES[0].replace('relay', 're\u00ADlay')), 'printable ASCII'],
    ['a domain with a wide dot', withLine(0, LINES[0].replace('relay.', 'relay\u3002')), 'printable ASCII'],
    ['a URI with a wide letter', uri('http://\uFF52elay.example:4444/v4/enroll_key_card'), 'printable ASCII'],
    ['no URI', LINES.toSpliced(URI_LINE, 1).join('\n'), 'line 5'],
    ['a URI of another host', uri('http://other.example:4444/v4/enroll_key_card'), "URI's host"],
    ['a URI of another port', uri('http://relay.example/v4/enroll_key_card'), "URI's host"],
    ['a URI of another path', uri('http://relay.example:4444/v4/enroll'), "URI's path"],
    ['a URI with a longer path', uri('http://relay.example:4444/v4/enroll_key_card/'), "URI's path"],
    ['a URI with a dotted path', uri('http://relay.example:4444/x/../v4/enroll_key_card'), "URI's path"],
    ['a URI without a path', uri('http://relay.example:4444'), "URI's path"],
    ['a URI with a fragment', uri('http://relay.example:4444/v4/enroll_key_card#x'), 'not an http'],
    ['a URI with a user', uri('http://a@relay.example:4444/v4/enroll_key_card'), 'not an http'],
    ['a URI with a backslash', uri('http://relay.example:4444\\@x/v4/enroll_key_card'), 'not an http'],
    ['a URI of another scheme', uri('ftp://relay.example:4444/v4/enroll_key_card'), 'not an http'],
    ['a URI of words', uri('http://relay.example:4444/v4 enroll'), 'line 5'],
    ['version 2', withLine(5, 'Version: 2'), 'line 6'],
    ['version 1.0', withLine(5, 'Version: 1.0'), 'line 6'],
    ['another chain', withLine(6, 'Chain ID: 2'), 'chain ID'],
    ['a chain in another form', withLine(6, 'Chain ID: 01'), 'line 7'],
    ['a hexadecimal chain', withLine(6, 'Chain ID: 0x1'), 'line 7'],
    ['another nonce', withLine(7, 'Nonce: 00000001'), 'nonce'],
    ['a longer nonce', withLine(7, 'Nonce: 000000000'), 'nonce'],
    ['a short nonce', withLine(7, 'Nonce: 0000000'), 'line 8'],
    ['no Issued At', LINES.toSpliced(8, 1).join('\n'), 'line 9'],
    ['an Issued At of words', withLine(8, 'Issued At: yesterday'), 'RFC 3339'],
    ['an Issued At without a zone', withLine(8, 'Issued At: 2023-11-14T22:13:20'), 'RFC 3339'],
    ['a 30th of February', withLine(8, 'Issued At: 2023-02-30T00:00:00Z'), 'calendar'],
    ['month 0', withLine(8, 'Issued At: 2023-00-10T00:00:00Z'), 'calendar'],
    ['month 13', withLine(8, 'Issued At: 2023-13-10T00:00:00Z'), 'calendar'],
    ['hour 24', withLine(8, 'Issued At: 2023-11-14T24:00:00Z'), 'calendar'],
    ['minute 60', withLine(8, 'Issued At: 2023-11-14T23:60:00Z'), 'calendar'],
    ['second 61', withLine(8, 'Issued At: 2023-11-14T23:00:61Z'), 'calendar'],
    ['second 60', withLine(8, 'Issued At: 2016-12-31T23:59:60Z'), 'calendar'],
    ['expiring in second 60', after(8, 'Expiration Time: 2026-12-31T23:59:60Z'), 'calendar'],
    ['valid from second 60', after(8, 'Not Before: 2016-12-31T23:59:60Z'), 'calendar'],
    ['a zone of 24 hours', withLine(8, 'Issued At: 2023-11-14T23:00:00+24:00'), 'calendar'],
    ['expired', after(8, 'Expiration Time: 2023-11-14T22:13:19Z'), 'expired'],
    ['expired elsewhere', after(8, 'Expiration Time: 2023-11-14T23:13:19+01:00'), 'expired'],
    ['not valid yet', after(8, 'Not Before: 2023-11-14T22:13:21Z'), 'not valid yet'],
    ['a Not Before of words', after(8, 'Not Before: now'), 'RFC 3339'],
    [
      'optional lines in another order',
      after(8, 'Not Before: 2023-01-01T00:00:00Z', 'Expiration Time: 2024-01-01T00:00:00Z'),
      'line 11',
    ],
    [
      'Expiration Time twice',
      after(8, ...Array.from({ length: 2 }, () => 'Expiration Time: 2024-01-01T00:00:00Z')),
      'line 11',
    ],
    ['a request id with a space', after(8, 'Request ID: a b'), 'line 10'],
    ['garbage between the lines', after(5, 'Colour: red'), 'line 7'],
    ['garbage before the resources', after(8, 'Colour: red'), 'line 10'],
    ['an empty line before the resources', after(8, ''), 'line 10'],
    ['no resources', LINES.slice(0, 9).join('\n'), '0 resources'],
    ['an empty list', LINES.slice(0, 10).join('\n'), '0 resources'],
    ['two resources', LINES.slice(0, 12).join('\n'), '2 resources'],
    ['four resources', after(12, '- mass-shopid:1'), '4 resources'],
    ['a line end at the end', `${LINES.join('\n')}\n`, 'line 14'],
    ['text behind the resources', after(12, 'more'), 'line 14'],
    [
      'resources in another order',
      withLine(10, LINES[11]).replace(`${LINES[11]}\n${LINES[11]}`, `${LINES[11]}\n${LINES[10]}`),
      'mass-relayid',
    ],
    ['a resource without its dash', withLine(10, LINES[10].slice(2)), 'line 11'],
    ['another relay', withLine(10, '- mass-relayid:78'), 'relay id is not 77'],
    ['a hexadecimal relay', withLine(10, '- mass-relayid:0x4d'), 'mass-relayid'],
    ['a relay with a leading zero', withLine(10, '- mass-relayid:077'), 'mass-relayid'],
    ['a shop of 257 bits', withLine(11, `- mass-shopid:${1n << 256n}`), 'mass-shopid'],
    ['a negative shop', withLine(11, '- mass-shopid:-1'), 'mass-shopid'],
    ['no shop', withLine(11, '- mass-shopid:'), 'mass-shopid'],
    ['a short card', withLine(12, LINES[12].slice(0, -2)), 'mass-keycard'],
    ['a long card', withLine(12, `${LINES[12]}00`), 'mass-keycard'],
    ['a card that is not hexadecimal', withLine(12, `${LINES[12].slice(0, -1)}g`), 'mass-keycard'],
    ['a card off the curve', withLine(12, `- mass-keycard:${off}`), 'curve'],
    ['an uncompressed head', withLine(12, `- mass-keycard:04${toHex(CARD).slice(2)}`), 'curve'],
    [
      'a referer of another host',
      LINES.join('\n'),
      'domain is not shop.example',
      { referer: 'https://shop.example/path' },
    ],
    [
      'a referer of another port',
      LINES.join('\n'),
      'domain is not relay.example',
      { referer: 'http://relay.example/' },
    ],
    ['an origin of another host', LINES.join('\n'), 'domain is not shop.example', { origin: 'https://shop.example' }],
    ['an origin that is none', LINES.join('\n'), 'Origin', { origin: 'shop' }],
    [
      'the path of a page that tells its origin alone',
      uri('http://relay.example:4444/other'),
      'path',
      { origin: 'http://relay.example:4444' },
    ],
    ['a referer that is none', LINES.join('\n'), 'Referer', { referer: 'about' }],
    ['an empty referer', LINES.join('\n'), 'Referer', { referer: '' }],
  ]
  test.each(table)('%s', (_what, message, reason, change = {}) => {
    const verdict = check(message, change)
    expect(verdict).toMatchObject({ ok: false })
    expect(verdict).toHaveProperty('reason', expect.stringContaining(reason))
  })

  test('every line missing, and every line twice', () => {
    for (let at = 0; at < LINES.length; at++) {
      expect(check(LINES.toSpliced(at, 1).join('\n')).ok, `without line ${at + 1}`).toBe(false)
      expect(check(LINES.toSpliced(at, 0, ...LINES.slice(at, at + 1)).join('\n')).ok, `line ${at + 1} twice`).toBe(
        false,
      )
    }
  })

  test('a signature of somebody else, of another message, of another length, with a high s or another v', () => {
    const message = LINES.join('\n')
    const good = sign(personalMessageDigest(utf8(message)), SECRET)
    const verdict = (signature: Uint8Array) => checkEnrolment(message, signature, EXPECTED)
    expect(verdict(good)).toMatchObject(ACCEPTED)
    expect(check(message, {}, new Uint8Array(32).fill(8))).toMatchObject({
      reason: 'the signature is not of the address',
    })
    expect(verdict(sign(personalMessageDigest(utf8(`${message} `)), SECRET)).ok).toBe(false)
    expect(verdict(good.subarray(0, 64))).toMatchObject({ reason: 'the signature has 64 bytes, not 65' })
    expect(verdict(new Uint8Array(66)).ok).toBe(false)
    const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
    const high = good.slice()
    high.set(fromHex((order - BigInt(`0x${toHex(good.subarray(32, 64))}`)).toString(16).padStart(64, '0')), 32)
    high[64] = good[64] === 27 ? 28 : 27
    expect(verdict(high).ok).toBe(false)
    for (const v of [2, 26, 29, 37]) expect(verdict(good.with(64, v)).ok, `v ${v}`).toBe(false)
  })
})

describe("viem's messages", () => {
  const account = privateKeyToAccount(`0x${toHex(SECRET)}`)
  const form = {
    address: account.address,
    chainId: 1,
    domain: 'relay.example:4444',
    nonce: '00000000',
    uri: 'http://relay.example:4444/v4/enroll_key_card',
    version: '1' as const,
    resources: ['mass-relayid:77', 'mass-shopid:12345678901234567890123', `mass-keycard:0x${toHex(CARD)}`],
  }
  test.each([
    ['bare', {}],
    ['with a statement', { statement: 'keys for the shop' }],
    [
      'with every field',
      {
        statement: 's',
        expirationTime: new Date(Number(NOW + 9n) * 1000),
        notBefore: new Date(0),
        requestId: 'r',
        scheme: 'http',
      },
    ],
  ])('%s', async (_what, more) => {
    const message = createSiweMessage({ ...form, ...more })
    const signature = fromHex(await account.signMessage({ message }))
    expect(checkEnrolment(message, signature, EXPECTED)).toMatchObject(ACCEPTED)
    expect(checkEnrolment(message, signature, { ...EXPECTED, relayTokenId: 78n }).ok).toBe(false)
  })
})

describe('a message that says for whom it is', () => {
  const shop = 12345678901234567890123n
  const [guests, staffs] = [true, false].map((guest) => withLine(3, enrolmentStatement(shop, guest), ''))
  test('is shown in words that EIP-4361 has', () =>
    expect([guests, staffs].map((message) => message!.split('\n')[3])).toEqual([
      `Allow this key card to act for you as a guest of shop ${shop}.`,
      `Allow this key card to act for you as staff of shop ${shop}.`,
    ]))

  test.each([
    ['for a guest', guests!, true, /for a card of a guest: enrol it with guest=1/u],
    ['for staff', staffs!, false, /for a card of staff: enrol it without guest=1/u],
  ])('counts %s alone', (_whom, message, guest, refusal) => {
    expect(check(message, { guest })).toMatchObject(ACCEPTED)
    expect(check(message, { guest: !guest })).toEqual({ ok: false, reason: expect.stringMatching(refusal) })
  })

  test.each([
    ['says nothing', LINES.join('\n')],
    ['says something else', withLine(3, 'keys for the shop', '')],
  ])('and one that %s counts for both', (_what, message) => {
    for (const guest of [true, false]) expect(check(message, { guest })).toMatchObject(ACCEPTED)
  })
})

test('what was signed and when it was issued goes with it', () => {
  const message = LINES.join('\n')
  const digest = personalMessageDigest(utf8(message))
  expect(check(message)).toMatchObject({ message: { digest, issuedAt: NOW } })
})

test('what a message says', () => {
  expect(parseSiwe(withLine(3, 'words', ''))).toEqual({
    scheme: undefined,
    domain: 'relay.example:4444',
    address: WALLET,
    statement: 'words',
    uri: 'http://relay.example:4444/v4/enroll_key_card',
    chainId: 1n,
    nonce: '00000000',
    issuedAt: 1_700_000_000n,
    expirationTime: undefined,
    notBefore: undefined,
    requestId: undefined,
    resources: ['mass-relayid:77', 'mass-shopid:12345678901234567890123', `mass-keycard:${toHex(CARD)}`],
  })
})

describe('the hosts of a relay', () => {
  const loopback = ['127.0.0.1:4444', 'localhost:4444', '[::1]:4444']
  test.each([
    ['http://127.0.0.1:4444', loopback],
    ['http://localhost:4444/x', ['localhost:4444', '127.0.0.1:4444', '[::1]:4444']],
    ['http://[::1]:4444', ['[::1]:4444', '127.0.0.1:4444', 'localhost:4444']],
    ['http://localhost', ['localhost', '127.0.0.1', '[::1]']],
    ['https://Relay.example:443', ['relay.example']],
  ])('of %s in development mode', (url, hosts) => expect(publicHosts(url, true)).toEqual(hosts))

  test('are one name otherwise', () => expect(publicHosts('http://127.0.0.1:4444', false)).toEqual(['127.0.0.1:4444']))
})
