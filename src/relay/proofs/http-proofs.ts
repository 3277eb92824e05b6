/**
 * Proofs over HTTP, of what anybody may read (PROOFS §4): bodies are the payloads that sessions get, named by their
 * checkpoint, so that caches and third parties can keep and compare them.
 *
 *     /v5/shops/<id>/checkpoint
 *     /v5/shops/<id>/proof/<collection>/<key>
 *     /v5/shops/<id>/log/<seq>?at=<Seq>
 *     /v5/shops/<id>/level/<seq>?signature=<hex>     of a set that asks for payment, for those who have the set: what a
 *                                                    receipt needs of the state after it
 *
 * Tests: test/e2e/http-proofs.test.ts
 */

import { sha256 } from '#hash'
import type { ShopId } from '../../brands.js'
import { fromHex, toHex } from '../../bytes/hex.js'
import { checkpointDigest } from '../../proofs/checkpoint-form.js'
import { STATE_COLLECTIONS } from '../../merkle/state-level.js'
import type { StateQuestion } from '../../merkle/state-question.js'
import type { HttpRequest, HttpResponse } from '../transport/transport.js'
import { askedLevel } from '../shops/asked-levels.js'
import { isDamage } from '../shops/damage.js'
import type { KeptCheckpoint } from '../checkpoints/signed-shop.js'
import type { ShopProofs } from './shop-proofs.js'
import { refusal, stateProofAnswer } from './state-proof-answer.js'
import type { Shop } from '../shops/shop.js'

export const PROOFS_PREFIX = '/v5/shops/'

interface ProvenBody {
  /** Of the checkpoint, 32 bytes. */
  readonly digest: Uint8Array
  /** Whether it never changes. */
  readonly forEver?: boolean
  readonly body: Uint8Array
}

type Route = (proofs: ShopProofs, shop: Shop, parts: readonly string[], query: URLSearchParams) => Promise<ProvenBody>

/** By what stands behind the shop's id; `parts`: how many may follow. */
const ROUTES: ReadonlyMap<string, { readonly parts: readonly number[]; readonly answer: Route }> = new Map([
  ['checkpoint', { parts: [0], answer: checkpoint }],
  ['proof', { parts: [1, 2], answer: proof }],
  ['log', { parts: [1], answer: logProof }],
  ['level', { parts: [1], answer: levelThen }],
])

/** What a request below PROOFS_PREFIX is answered. `take`: whether its address may ask once more now. */
export async function answerProof(
  proofs: ShopProofs,
  request: HttpRequest,
  take: (address: string) => boolean,
): Promise<HttpResponse> {
  try {
    const [shopText, name = '', ...parts] = request.path.slice(PROOFS_PREFIX.length).split('/')
    const route = ROUTES.get(name)
    if (route?.parts.includes(parts.length) !== true) throw new Refused(404, 'not found')
    const shop = proofs.shop(shopIn(shopText!))
    if (shop === undefined) throw new Refused(404, `shop ${shopText} is not known here`)
    if (!take(request.address)) throw new Refused(429, 'too many proofs in a short time')
    const response = served(await route.answer(proofs, shop, parts, request.query), request)
    proofs.given()
    return response
  } catch (error) {
    if (error instanceof Refused) return refused(error.status, error.message)
    if (isDamage(error)) return refused(503, `it cannot be proven now: ${error.message}`)
    throw error
  }
}

async function checkpoint(proofs: ShopProofs, { shopId }: Shop): Promise<ProvenBody> {
  const newest = await newestOf(proofs, shopId)
  return { digest: newest.digest, body: proofs.checkpointAnswer(newest, 0) }
}

async function proof(
  proofs: ShopProofs,
  shop: Shop,
  [collection, keyText = '']: readonly string[],
): Promise<ProvenBody> {
  const found = (['Manifest', ...STATE_COLLECTIONS] as const).find((name) => name === collection)
  if (found === undefined) throw new Refused(404, 'there is no such collection')
  if (!/^(?:[0-9a-f]{2})*$/u.test(keyText)) throw new Refused(400, 'a key is lower-case hexadecimal')
  const question: StateQuestion = [found, fromHex(keyText)]
  const problem = refusal({ role: 'visitor' }, question, shop.current.state)
  if (problem !== undefined) throw new Refused(400, problem)
  const newest = await newestOf(proofs, shop.shopId)
  const { signed, last, state, digest } = newest
  const making = stateProofAnswer(state, proofs.source(newest), [question], { Checkpoint: signed, Last: last })
  for (;;) {
    const { value, done } = making.next()
    if (done === true) return { digest, body: value.payload }
  }
}

async function logProof(
  proofs: ShopProofs,
  { shopId }: Shop,
  [seqText]: readonly string[],
  query: URLSearchParams,
): Promise<ProvenBody> {
  const seq = numberIn('a set', seqText!)
  const at = query.get('at')
  if (at === null) {
    const newest = await newestOf(proofs, shopId)
    requireCovered(seq, newest.seq)
    return { digest: newest.digest, body: proofs.logProofAnswer(shopId, newest.signed, newest.seq, seq, 0) }
  }
  const head = numberIn('at', at)
  const signed = proofs.checkpoints.firstSigned(shopId, head)
  if (signed === undefined) throw new Refused(404, `set ${head} has no checkpoint`)
  requireCovered(seq, head)
  const digest = checkpointDigest(signed[0])
  return { digest, forEver: true, body: proofs.logProofAnswer(shopId, signed, head, seq, 0) }
}

/**
 * CBOR `[Level, Manifest bytes]`, which hash to the StateRoot of the set. Which sets ask for payment is nobody's but
 * those who may read the order: they know the set's signature, which nobody can guess.
 */
async function levelThen(
  { store }: ShopProofs,
  { shopId }: Shop,
  [seqText]: readonly string[],
  query: URLSearchParams,
): Promise<ProvenBody> {
  const seq = numberIn('a set', seqText!)
  const [record] = seq <= store.head(shopId) ? store.pickLog(shopId, [seq], 1) : []
  const isKnown = record !== undefined && toHex(record.signature) === query.get('signature')
  const body = isKnown ? askedLevel(store, shopId, seq) : undefined
  if (body === undefined)
    throw new Refused(404, `no level is kept of a set ${seq} that has this signature and asks for payment`)
  return { digest: sha256(body), forEver: true, body }
}

async function newestOf(proofs: ShopProofs, shopId: ShopId): Promise<KeptCheckpoint> {
  const newest = await proofs.newest(shopId)
  if (newest === undefined) throw new Refused(503, 'the shop has no checkpoint now: try again in a while')
  return newest
}

function requireCovered(seq: number, head: number): void {
  if (seq > head) throw new Refused(404, `set ${seq} lies beyond the checkpoint, that of set ${head}`)
}

/** Decimal, without leading zeros. */
function shopIn(text: string): ShopId {
  if (!/^(?:0|[1-9][0-9]{0,77})$/u.test(text)) throw new Refused(404, 'a shop is named by its id, a decimal number')
  return BigInt(text)
}

function numberIn(what: string, text: string): number {
  if (!/^[1-9][0-9]{0,14}$/u.test(text)) throw new Refused(400, `${what} is a decimal number from 1 on`)
  return Number(text)
}

function served({ digest, forEver, body }: ProvenBody, { headers }: HttpRequest): HttpResponse {
  const etag = `"${toHex(digest)}"`
  const caching = {
    ETag: etag,
    'Cache-Control': forEver === true ? 'public, max-age=31536000, immutable' : 'public, max-age=1',
    'Access-Control-Expose-Headers': 'ETag',
  }
  const known = (headers.get('if-none-match') ?? '').split(',').map((one) => one.trim().replace(/^W\//u, ''))
  if (known.includes(etag) || known.includes('*')) return { status: 304, headers: caching }
  return { status: 200, headers: { ...caching, 'Content-Type': 'application/cbor' }, body }
}

function refused(status: number, error: string): HttpResponse {
  return { status, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ error }) }
}

class Refused extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}
