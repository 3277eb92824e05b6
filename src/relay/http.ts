/**
 * The relay's HTTP face (PROTOCOL §13, §9) as a function from a request value to a response value; no socket is needed
 * to try it. Upgrades to WebSocket are decided elsewhere, metrics have a listener of their own.
 */

import type { ChainId, ListingId, Seconds, ShopId } from '../brands.js'
import { isJsonObject, readJson } from '../bytes/json.js'
import { isRawCid } from '../bytes/raw-cid.js'
import type { Listing } from '../objects/listing.js'
import { isId } from '../state/shop-state.js'
import { encodeHandOvers, type SignedHandOver } from '../proofs/hand-over.js'
import { BLOB_BYTES_MAX, ENROLMENT_BODY_BYTES_MAX, FORM_BYTES_MAX } from '../limits.js'
import type { EnrolmentOutcome, EnrolmentRequest } from './accounts/enrolment.js'
import { BlobsUnavailable, type BlobAccess } from './blobs/blob-access.js'
import { uploadBlob } from './blobs/upload.js'
import { serveBlob } from './blobs/served-blob.js'
import { isCidV0 } from './blobs/cid.js'
import { MultipartError } from './blobs/multipart.js'
import type { AllowedOrigins } from './transport/allowed-origins.js'
import { strangeHost } from './transport/host-header.js'
import type { RateLimiter } from './transport/rate-limit.js'
import { BodyTooLarge, RequestAborted } from './transport/request-body.js'
import { PROOFS_PREFIX } from './proofs/http-proofs.js'
import { checkEnrolment, publicHosts } from './accounts/enrolment-message.js'
import {
  RETRY_HEADERS,
  type HttpRequest,
  type HttpResponse,
  type UpgradeDecision,
  type UpgradeRequest,
} from './transport/transport.js'
import {
  builtPage,
  developmentConsole,
  prefersHtml,
  storefrontPageFor,
  verifyPageFor,
  type StorefrontFacts,
} from './pages.js'

export interface HttpDependencies {
  readonly relay: RelayFacts
  readonly origins: AllowedOrigins
  /** Whether /testing/discovery is served; asked each time. */
  discovery(): boolean
  /** All that are hosted: told in development only. */
  shops(): readonly ShopId[]
  /** What the page of a development relay is told. */
  readonly storefront: StorefrontFacts
  /** As it is now; undefined where there is none. */
  listing(shop: ShopId, id: ListingId): Listing | undefined
  readonly enrolmentRate: Pick<RateLimiter, 'take'>
  nowSeconds(): Seconds
  /** What is wrong with store or event loop, or undefined. Has its own time limit. */
  health(): Promise<string | undefined>
  /** What the relay can do without: a chain that cannot be reached, prices that are too old. One line each. */
  warnings(): readonly string[]
  /** Why the relay does not serve yet or any more, or undefined. */
  readiness(): string | undefined
  /** What of its data the relay can neither write nor believe, or undefined; what is left of it is served. */
  trouble(): string | undefined
  /** The checks that need chain and store, then the enrolment itself; it is durable when this resolves. */
  enrol(request: EnrolmentRequest): Promise<EnrolmentOutcome>
  /** What an upgrade of the same head would be answered; it counts as one. */
  decideUpgrade(request: UpgradeRequest): UpgradeDecision
  readonly blobs: BlobAccess
  /** Of a request below PROOFS_PREFIX. */
  prove(request: HttpRequest): Promise<HttpResponse>
  /** Something threw that must not: it is reported, the client gets a 500. */
  onBug(error: unknown): void
}

interface RelayFacts {
  readonly name: string
  readonly version: string
  /** The relay's wallet, 0x and 40 digits. */
  readonly address: string
  /** Those before its key was changed, in the same form. */
  readonly earlierAddresses: readonly string[]
  /** By which its key came from the first one, that first. */
  readonly handOvers: readonly SignedHandOver[]
  readonly tokenId: bigint
  /** Of the registry. */
  readonly chainId: ChainId
  /** Scheme, host and possibly a path, without a slash at the end. */
  readonly publicUrl: string
  /** Without a chain, or on one whose keys are known to all. */
  readonly isDevelopment: boolean
  /** As `GET /` tells them, unit in the name. */
  readonly limits: Readonly<Record<string, number>>
}

/** Told of a development relay's: a person chooses among them. */
const DISCOVERED_SHOPS_MAX = 100

export function makeHttp(dependencies: HttpDependencies): (request: HttpRequest) => Promise<HttpResponse> {
  return async (request) => {
    const response = await answer(dependencies, request)
    const waiting = response.status === 429 ? RETRY_HEADERS : {}
    const origins = dependencies.origins.answerHeaders(request.headers, response.headers['Vary'])
    return { ...response, headers: { ...response.headers, ...waiting, ...origins } }
  }
}

async function answer(dependencies: HttpDependencies, request: HttpRequest): Promise<HttpResponse> {
  const { publicUrl, isDevelopment } = dependencies.relay
  const strange = isDevelopment ? strangeHost(request.headers, publicUrl) : undefined
  if (strange !== undefined) return json(421, { error: strange })
  if (request.method === 'OPTIONS') return PREFLIGHT
  const refusal = dependencies.origins.refusal(request.headers)
  return refusal === undefined ? route(dependencies, request) : failure(403, refusal, routeOf(request.path)?.handler)
}

/** Of origins that are refused too: what follows it tells why. */
const PREFLIGHT: HttpResponse = {
  status: 204,
  headers: { 'Access-Control-Allow-Methods': 'GET, POST', 'Access-Control-Allow-Headers': '*' },
}

/** Answers name the handler where existing clients expect it. */
const ENROL_HANDLER = 'enrollKeyCard'
const UPLOAD_HANDLER = 'getBlobUpload'

type Handler = (dependencies: HttpDependencies, request: HttpRequest) => Promise<HttpResponse> | HttpResponse

interface Route {
  readonly method: 'GET' | 'POST'
  readonly handle: Handler
  readonly handler?: string
}

const ROUTES: ReadonlyMap<string, Route> = new Map<string, Route>([
  ['/', { method: 'GET', handle: showRelay }],
  ['/health', { method: 'GET', handle: tellHealth }],
  ['/livez', { method: 'GET', handle: () => json(200, { status: 'ok' }) }],
  [
    '/readyz',
    { method: 'GET', handle: (dependencies) => tellStatus(dependencies.readiness() ?? dependencies.trouble()) },
  ],
  ['/verify', { method: 'GET', handle: readVerifyPage }],
  ['/console', { method: 'GET', handle: readConsole }],
  ['/testing/discovery', { method: 'GET', handle: tellDiscovery }],
  ['/v4/sessions', { method: 'GET', handle: tellUpgrade }],
  ['/v5/sessions', { method: 'GET', handle: tellUpgrade }],
  ['/v5/hand-overs', { method: 'GET', handle: tellHandOvers }],
  ['/v4/enroll_key_card', { method: 'POST', handle: enrol, handler: ENROL_HANDLER }],
  ['/v4/upload_blob', { method: 'POST', handle: upload, handler: UPLOAD_HANDLER }],
])
const BLOB_PREFIX = '/ipfs/'
const BLOB_ROUTE: Route = { method: 'GET', handle: readBlob }
const PROOF_ROUTE: Route = { method: 'GET', handle: prove }

async function route(dependencies: HttpDependencies, request: HttpRequest): Promise<HttpResponse> {
  const found = routeOf(request.path)
  if (found === undefined) return json(404, { error: 'not found' })
  // The transport leaves the body out.
  const method = request.method === 'HEAD' ? 'GET' : request.method
  if (method !== found.method) {
    const refusal = failure(405, `${request.method} is not allowed here`, found.handler)
    const allowed = found.method === 'GET' ? 'GET, HEAD, OPTIONS' : 'POST, OPTIONS'
    return { ...refusal, headers: { ...refusal.headers, Allow: allowed } }
  }
  const unready = request.method === 'POST' ? dependencies.readiness() : undefined
  if (unready !== undefined) return failure(503, unready, found.handler)
  try {
    return await found.handle(dependencies, request)
  } catch (error) {
    if (error instanceof RequestAborted) throw error
    dependencies.onBug(error)
    return failure(500, 'internal error', found.handler)
  }
}

function routeOf(path: string): Route | undefined {
  if (path.startsWith(BLOB_PREFIX)) return BLOB_ROUTE
  return path.startsWith(PROOFS_PREFIX) ? PROOF_ROUTE : ROUTES.get(path)
}

/** A page is not told why its WebSocket did not open, and asks here. */
function tellUpgrade(dependencies: HttpDependencies, request: HttpRequest): HttpResponse {
  const decision = dependencies.decideUpgrade(request)
  if (!decision.accept) return json(decision.status, { error: decision.body.trim() })
  return json(426, { error: 'a WebSocket upgrade is needed here' })
}

async function prove(dependencies: HttpDependencies, request: HttpRequest): Promise<HttpResponse> {
  const unready = dependencies.readiness()
  return unready === undefined ? dependencies.prove(request) : json(503, { error: unready })
}

/** A browser that comes to a development relay is shown a shop; everybody else what the relay is. */
function showRelay(dependencies: HttpDependencies, request: HttpRequest): HttpResponse {
  if (!dependencies.relay.isDevelopment) return describeRelay(dependencies)
  const built = prefersHtml(request.headers) ? builtPage('storefront') : undefined
  const response = built === undefined ? describeRelay(dependencies) : storefrontPage(dependencies, request, built)
  return { ...response, headers: { ...response.headers, Vary: 'Accept' } }
}

/** Its shop may be known and not be made yet: a browser looks again by itself. */
function storefrontPage(dependencies: HttpDependencies, request: HttpRequest, built: string): HttpResponse {
  const { shop } = dependencies.storefront
  if (shop === undefined || dependencies.shops().includes(shop))
    return page(storefrontPageFor(built, storefrontFacts(dependencies), linkedListing(dependencies, request)))
  const headers = { 'Content-Type': 'text/plain; charset=utf-8', 'Retry-After': '1', Refresh: '1' }
  return { status: 503, headers, body: 'the demo shop is being made: this page looks again in a second\n' }
}

function storefrontFacts({ storefront, relay }: HttpDependencies): StorefrontFacts {
  return { ...storefront, relay: relay.address }
}

/** Of a link to one: `/?listing=42`, with `shop=` where several are here. */
function linkedListing(dependencies: HttpDependencies, { query }: HttpRequest): Listing | undefined {
  const known = dependencies.storefront.shop ?? dependencies.shops()[0]
  const [shop, id] = [query.get('shop') ?? String(known ?? ''), query.get('listing') ?? '']
  const isWhole = /^\d{1,78}$/u.test(shop) && /^\d{1,20}$/u.test(id) && isId(BigInt(id))
  return isWhole ? dependencies.listing(BigInt(shop), BigInt(id)) : undefined
}

function describeRelay({ relay, origins }: HttpDependencies): HttpResponse {
  const { name, version, limits } = relay
  return json(200, {
    name,
    version,
    relay_address: relay.address,
    relay_token_id: tokenIdText(relay.tokenId),
    chain_id: Number(relay.chainId),
    limits,
    allowed_origins: origins.told,
  })
}

/** A client that knows an earlier key follows them to the one that signs now. */
function tellHandOvers({ relay }: HttpDependencies): HttpResponse {
  const headers = { 'Content-Type': 'application/cbor', 'Cache-Control': 'no-cache' }
  return { status: 200, headers, body: encodeHandOvers(relay.handOvers) }
}

/** The page names this relay's addresses, for receipts of all times, and says that it is this relay that does. */
function readVerifyPage({ relay }: HttpDependencies): HttpResponse {
  const built = builtPage('verify')
  const addresses = [relay.address, ...relay.earlierAddresses].join(' ')
  return page(built && verifyPageFor(built, { addresses, namedBy: 'relay', registries: '' }))
}

function readConsole({ relay, storefront }: HttpDependencies): HttpResponse {
  const built = builtPage('console')
  return page(built !== undefined && relay.isDevelopment ? developmentConsole(built, storefront.shop) : built)
}

function page(body: string | undefined): HttpResponse {
  if (body === undefined) return json(404, { error: 'the page is not built here: npm run build' })
  return { status: 200, headers: PAGE_HEADERS, body }
}

const PAGE_HEADERS = {
  'Content-Type': 'text/html; charset=utf-8',
  'Cache-Control': 'no-cache',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  // Of what the page says itself, only who may show it in a frame cannot be said there.
  'Content-Security-Policy': "frame-ancestors 'none'",
}

async function tellHealth(dependencies: HttpDependencies): Promise<HttpResponse> {
  const reason = dependencies.trouble() ?? (await dependencies.health())
  const warnings = dependencies.warnings()
  return reason !== undefined || warnings.length === 0 ? tellStatus(reason) : json(200, { status: 'ok', warnings })
}

function tellStatus(reason: string | undefined): HttpResponse {
  return reason === undefined ? json(200, { status: 'ok' }) : json(503, { status: 'unavailable', reason })
}

function tellDiscovery(dependencies: HttpDependencies): HttpResponse {
  const { relay } = dependencies
  if (!dependencies.discovery()) return json(404, { error: 'not found' })
  const shops = relay.isDevelopment ? { shops: dependencies.shops().slice(0, DISCOVERED_SHOPS_MAX).map(String) } : {}
  const facts = { status: 'ok', relay_token_id: tokenIdText(relay.tokenId), chain_id: Number(relay.chainId) }
  return json(200, { ...facts, ...shops })
}

async function enrol(dependencies: HttpDependencies, request: HttpRequest): Promise<HttpResponse> {
  if (!dependencies.enrolmentRate.take(request.address)) return failure(429, 'too many enrolments', ENROL_HANDLER)
  const body = await smallBody(request)
  if (body === undefined) {
    return failure(413, `the body is larger than ${ENROLMENT_BODY_BYTES_MAX} bytes`, ENROL_HANDLER)
  }
  const form = enrolmentForm(body)
  if (form === undefined) return failure(400, 'the body is not JSON of a message and a base64 signature', ENROL_HANDLER)
  const { relay } = dependencies
  const guest = request.query.get('guest') === '1'
  const checked = checkEnrolment(form.message, form.signature, {
    publicHosts: publicHosts(relay.publicUrl, relay.isDevelopment),
    requestPath: request.path,
    guest,
    referer: request.headers.get('referer'),
    origin: request.headers.get('origin'),
    relayTokenId: relay.tokenId,
    registryChainId: relay.chainId,
    nowSeconds: dependencies.nowSeconds(),
  })
  if (!checked.ok) return failure(400, checked.reason, ENROL_HANDLER)
  const { wallet, shopId, card, message } = checked
  const outcome = await dependencies.enrol({ wallet, shopId, card, guest, message })
  if (outcome.status !== 201) {
    const { status, error, code } = outcome
    return json(status, { handler: ENROL_HANDLER, error, ...(code !== undefined && { code }) })
  }
  return json(201, { handler: ENROL_HANDLER, success: true })
}

/** Undefined when it is too large. */
async function smallBody(request: HttpRequest): Promise<Uint8Array | undefined> {
  try {
    return await request.body(ENROLMENT_BODY_BYTES_MAX)
  } catch (error) {
    if (error instanceof BodyTooLarge) return undefined
    throw error
  }
}

/** `signature` has the length that the client gave it. */
function enrolmentForm(body: Uint8Array): { message: string; signature: Uint8Array } | undefined {
  const value = readJson(
    () => new TextDecoder('utf-8', { fatal: true }).decode(body),
    () => undefined,
  )
  if (!isJsonObject(value)) return undefined
  const { message, signature } = value
  if (typeof message !== 'string' || typeof signature !== 'string') return undefined
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(signature)) return undefined
  return { message, signature: new Uint8Array(Buffer.from(signature, 'base64')) }
}

async function upload({ blobs, relay }: HttpDependencies, request: HttpRequest): Promise<HttpResponse> {
  const token = request.query.get('token')
  if (token === null || !blobs.takeToken(token)) return failure(400, 'the token is not valid', UPLOAD_HANDLER)
  try {
    const body = request.stream(BLOB_BYTES_MAX + FORM_BYTES_MAX)
    const contentType = request.headers.get('content-type')
    const { cid } = await uploadBlob(body, contentType, BLOB_BYTES_MAX, () => blobs.openSink())
    return json(201, { ipfs_path: BLOB_PREFIX + cid, url: relay.publicUrl + BLOB_PREFIX + cid })
  } catch (error) {
    if (error instanceof MultipartError) return failure(400, error.message, UPLOAD_HANDLER)
    if (error instanceof BodyTooLarge)
      return failure(413, `the file is larger than ${BLOB_BYTES_MAX} bytes`, UPLOAD_HANDLER)
    if (error instanceof BlobsUnavailable) return failure(503, error.message, UPLOAD_HANDLER)
    throw error
  }
}

async function readBlob({ blobs }: HttpDependencies, request: HttpRequest): Promise<HttpResponse> {
  const cid = request.path.slice(BLOB_PREFIX.length)
  if (!isCidV0(cid) && !isRawCid(cid))
    return json(400, { error: 'not a content identifier of a kind that is kept here' })
  const blob = await blobs.read(cid)
  return blob === undefined ? json(404, { error: 'no such blob' }) : serveBlob(cid, blob, request)
}

function json(status: number, value: unknown): HttpResponse {
  return { status, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(value) }
}

function failure(status: number, error: string, handler: string | undefined): HttpResponse {
  return json(status, handler === undefined ? { error } : { handler, error })
}

function tokenIdText(tokenId: bigint): string {
  return `0x${tokenId.toString(16).padStart(64, '0')}`
}
