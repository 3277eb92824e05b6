/**
 * Enrolment messages: EIP-4361 ("Sign-In with Ethereum") line by line, and the checks that need neither chain nor store
 * (PROTOCOL §9). Strict: a line that the standard does not put there is refused, wherever it stands.
 */

import { addressOf, isPublicKey, recoverPublicKey } from '#signature'
import type { ChainId, Seconds, ShopId } from '../../brands.js'
import { readCalendarTime } from '../../codec/time.js'
import { equalBytes, utf8 } from '../../bytes/bytes.js'
import { personalMessageDigest } from '../../bytes/eip191.js'
import { fromHex } from '../../bytes/hex.js'
import type { EnrolledBy } from '../../store/store.js'
import { enrolmentStatement } from '../../wire/enrolment-statement.js'

export interface EnrolmentExpectation {
  /** What `publicHosts` gives for the relay: at least one. */
  readonly publicHosts: readonly string[]
  /** The path that was asked for. */
  readonly requestPath: string
  /** Whether a guest's card is to be enrolled. */
  readonly guest: boolean
  /** The Referer header, if there was one. */
  readonly referer?: string | undefined
  /** The Origin header, if there was one. */
  readonly origin?: string | undefined
  readonly relayTokenId: bigint
  readonly registryChainId: ChainId
  readonly nowSeconds: Seconds
}

interface CheckedEnrolment {
  readonly ok: true
  /** 20 bytes: who signed. */
  readonly wallet: Uint8Array
  readonly shopId: ShopId
  /** 33 bytes: the key card, a point on the curve. */
  readonly card: Uint8Array
  readonly message: EnrolledBy
}

interface RefusedEnrolment {
  readonly ok: false
  /** One clause for the client. */
  readonly reason: string
}

/**
 * The relay's public `host` or `host:port`, lower case, default ports left out; in development mode the names of a
 * loopback host are one.
 */
export function publicHosts(publicUrl: string, isDevelopment: boolean): readonly string[] {
  const { host, hostname, port } = new URL(publicUrl)
  if (!isDevelopment || !LOOPBACK_NAMES.includes(hostname)) return [host]
  const names = LOOPBACK_NAMES.map((name) => (port === '' ? name : `${name}:${port}`))
  return [host, ...names.filter((name) => name !== host)]
}

const LOOPBACK_NAMES: readonly string[] = ['127.0.0.1', 'localhost', '[::1]']

/** `signature` may have any length; 65 bytes are expected. */
export function checkEnrolment(
  message: string,
  signature: Uint8Array,
  expectation: EnrolmentExpectation,
): CheckedEnrolment | RefusedEnrolment {
  try {
    const parsed = parseSiwe(message)
    checkPlace(parsed, expectation)
    checkTerms(parsed, expectation)
    const { shopId, card } = resourcesOf(parsed.resources, expectation.relayTokenId)
    checkRole(parsed.statement, shopId, expectation.guest)
    const digest = personalMessageDigest(utf8(message))
    checkSigner(digest, signature, parsed.address)
    const { address: wallet, issuedAt } = parsed
    return { ok: true, wallet, shopId, card, message: { digest, issuedAt } }
  } catch (error) {
    if (error instanceof SiweError) return { ok: false, reason: error.message }
    throw error
  }
}

interface SiweMessage {
  /** With the optional `scheme://` before it taken off. */
  readonly domain: string
  readonly scheme: string | undefined
  /** 20 bytes. */
  readonly address: Uint8Array
  readonly statement: string | undefined
  readonly uri: string
  readonly chainId: ChainId
  readonly nonce: string
  /** Seconds since 1970, fractions cut off. */
  readonly issuedAt: bigint
  readonly expirationTime: bigint | undefined
  readonly notBefore: bigint | undefined
  readonly requestId: string | undefined
  readonly resources: readonly string[]
}

/** Throws SiweError. Form only: nothing is compared with anything. */
export function parseSiwe(message: string): SiweMessage {
  const lines = new Lines(message)
  const head = lines.match(
    /^(?:([a-z][a-z0-9+.-]*):\/\/)?([^\s/?#@\\]+) wants you to sign in with your Ethereum account:$/i,
    'domain',
  )
  const address = fromHex(lines.match(/^0x([0-9a-f]{40})$/i, 'address')[1]!)
  const statement = statementOf(lines)
  const uri = lines.match(/^URI: (\S+)$/, 'URI')[1]!
  lines.match(/^Version: 1$/, 'version 1')
  const chainId = BigInt(lines.match(/^Chain ID: (0|[1-9]\d{0,77})$/, 'chain ID')[1]!)
  const nonce = lines.match(/^Nonce: ([a-z0-9]{8,})$/i, 'nonce')[1]!
  const issuedAt = timeOf(lines.match(/^Issued At: (.*)$/, 'Issued At')[1]!, 'Issued At')
  const expirationTime = optionalTime(lines, 'Expiration Time')
  const notBefore = optionalTime(lines, 'Not Before')
  const requestId = lines.matchIf(/^Request ID: ((?:[\w.~!$&'()*+,;=:@-]|%[0-9a-f]{2})*)$/i)?.[1]
  const resources = resourceLines(lines)
  lines.end()
  return {
    scheme: head[1],
    domain: head[2]!,
    address,
    statement,
    uri,
    chainId,
    nonce,
    issuedAt,
    expirationTime,
    notBefore,
    requestId,
    resources,
  }
}

class SiweError extends Error {
  override readonly name = 'SiweError'
}

class Lines {
  private readonly lines: readonly string[]
  private next = 0

  constructor(message: string) {
    this.lines = message.split('\n')
    const other = this.lines.findIndex((line) => !/^[ -~]*$/u.test(line))
    if (other >= 0)
      throw new SiweError(`line ${other + 1} of the message holds a character that is not printable ASCII`)
  }

  /** The next line, which has to match. */
  match(pattern: RegExp, what: string): RegExpExecArray {
    const matched = this.matchIf(pattern)
    if (matched === undefined)
      throw new SiweError(`line ${this.next + 1} of the message is not as EIP-4361 wants it: ${what} expected`)
    return matched
  }

  /** The next line if it matches; otherwise nothing is consumed. */
  matchIf(pattern: RegExp): RegExpExecArray | undefined {
    const line = this.lines[this.next]
    const matched = line === undefined ? null : pattern.exec(line)
    if (matched === null) return undefined
    this.next++
    return matched
  }

  end(): void {
    if (this.next < this.lines.length) throw new SiweError(`line ${this.next + 1} of the message does not belong there`)
  }
}

/** Two empty lines, or between them the statement: reserved and unreserved characters of RFC 3986, and spaces. */
function statementOf(lines: Lines): string | undefined {
  lines.match(/^$/, 'an empty line')
  const statement = lines.matchIf(/^[\w.~:/?#[\]@!$&'()*+,;= -]+$/)?.[0]
  lines.match(/^$/, 'an empty line, or a statement of letters, digits, spaces and the punctuation of URIs')
  return statement
}

function optionalTime(lines: Lines, what: string): bigint | undefined {
  const text = lines.matchIf(new RegExp(`^${what}: (.*)$`))?.[1]
  return text === undefined ? undefined : timeOf(text, what)
}

function resourceLines(lines: Lines): string[] {
  if (lines.matchIf(/^Resources:$/) === undefined) return []
  const resources: string[] = []
  for (;;) {
    const resource = lines.matchIf(/^- (\S+)$/)?.[1]
    if (resource === undefined) return resources
    resources.push(resource)
  }
}

function timeOf(text: string, what: string): bigint {
  const time = readCalendarTime(text)
  if (time === undefined) throw new SiweError(`${what} is not an RFC 3339 time`)
  if (time.seconds === undefined || time.isLeapSecond) throw new SiweError(`${what} is not a time of the calendar`)
  return time.seconds
}

function checkPlace(message: SiweMessage, expectation: EnrolmentExpectation): void {
  const uri = /^(https?):\/\/([^\s/?#@\\]+)(\/[^\s?#\\]*)?(?:\?[^\s#]*)?$/i.exec(message.uri)
  if (uri === null) throw new SiweError('the URI is not an http or https address')
  const scheme = uri[1]!.toLowerCase()
  if (message.scheme !== undefined && message.scheme.toLowerCase() !== scheme) {
    throw new SiweError('the scheme before the domain is not that of the URI')
  }
  const hosts = expectedHosts(expectation)
  const isExpected = (authority: string) => hosts.includes(plainHost(scheme, authority) ?? '')
  if (!isExpected(message.domain)) throw new SiweError(`the domain is not ${hosts[0]}`)
  if (!isExpected(uri[2]!)) throw new SiweError(`the URI's host is not ${hosts[0]}`)
  const { referer } = expectation
  if (referer === undefined && (uri[3] ?? '/') !== expectation.requestPath) {
    throw new SiweError(`the URI's path is not ${expectation.requestPath}`)
  }
}

/** A page's own host where a browser tells of the page, else the relay's. An opaque origin (`null`) tells of none. */
function expectedHosts({ publicHosts, referer, origin }: EnrolmentExpectation): readonly string[] {
  if (referer !== undefined) return [hostOf('Referer', referer)]
  if (origin !== undefined && origin !== 'null') return [hostOf('Origin', origin)]
  return publicHosts
}

function hostOf(header: string, url: string): string {
  const host = URL.canParse(url) ? new URL(url).host : ''
  if (host === '') throw new SiweError(`the ${header} header names no host`)
  return host
}

/** Lower case, without a default port; undefined for what cannot be a host. */
function plainHost(scheme: string, authority: string): string | undefined {
  const address = `${scheme}://${authority}`
  return URL.canParse(address) ? new URL(address).host : undefined
}

function checkTerms(message: SiweMessage, expectation: EnrolmentExpectation): void {
  if (message.nonce !== '00000000') throw new SiweError('the nonce is not 00000000')
  if (message.chainId !== 1n && message.chainId !== expectation.registryChainId) {
    throw new SiweError(`the chain ID is neither 1 nor ${expectation.registryChainId}`)
  }
  const { expirationTime, notBefore } = message
  if (expirationTime !== undefined && expirationTime < expectation.nowSeconds)
    throw new SiweError('the message has expired')
  if (notBefore !== undefined && notBefore > expectation.nowSeconds) throw new SiweError('the message is not valid yet')
}

function resourcesOf(resources: readonly string[], relayTokenId: bigint): { shopId: ShopId; card: Uint8Array } {
  const [relay, shop, card] = resources
  if (relay === undefined || shop === undefined || card === undefined || resources.length !== 3) {
    throw new SiweError(`the message has ${resources.length} resources, not 3`)
  }
  if (tokenIdOf('mass-relayid', relay) !== relayTokenId) throw new SiweError(`the relay id is not ${relayTokenId}`)
  return { shopId: tokenIdOf('mass-shopid', shop), card: cardOf(card) }
}

function tokenIdOf(name: string, resource: string): bigint {
  const digits = new RegExp(`^${name}:(0|[1-9]\\d{0,77})$`).exec(resource)?.[1]
  const id = digits === undefined ? undefined : BigInt(digits)
  if (id === undefined || id >> 256n !== 0n)
    throw new SiweError(`the resource ${name} is missing or not a decimal uint256`)
  return id
}

function cardOf(resource: string): Uint8Array {
  const digits = /^mass-keycard:(?:0x)?([0-9a-f]{66})$/i.exec(resource)?.[1]
  if (digits === undefined) throw new SiweError('the resource mass-keycard is missing or not 33 bytes of hexadecimal')
  const card = fromHex(digits)
  if (!isPublicKey(card)) throw new SiweError('the key card is not a compressed point on the curve')
  return card
}

/** Messages of our client say whether they are for a guest or for staff; others count for both. */
function checkRole(statement: string | undefined, shopId: ShopId, guest: boolean): void {
  if (statement !== enrolmentStatement(shopId, !guest)) return
  const wanted = guest ? 'staff: enrol it without guest=1' : 'a guest: enrol it with guest=1'
  throw new SiweError(`the message is for a card of ${wanted}`)
}

function checkSigner(digest: Uint8Array, signature: Uint8Array, address: Uint8Array): void {
  if (signature.length !== 65) throw new SiweError(`the signature has ${signature.length} bytes, not 65`)
  const key = recoverPublicKey(digest, signature)
  if (key === undefined || !equalBytes(addressOf(key), address))
    throw new SiweError('the signature is not of the address')
}
