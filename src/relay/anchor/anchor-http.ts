/**
 * What was anchored, over HTTP: for receipts, and for clients that begin with what stands in the registry (PROOFS §5,
 * §6). Answered from what is kept: no chain is asked.
 *
 *     /v5/shops/<id>/anchor?covers=<seq>&at=<Seq>    the newest final anchor of a checkpoint of set <seq> or later, as
 *                                                    a receipt carries it beside the checkpoint of <Seq>; where
 *                                                    there is none 404, or with &absent=204 that: of each 404
 *                                                    browsers tell in red
 *     /v5/shops/<id>/anchor/<digest>?nonce=<nonce>   the checkpoint with this digest, CBOR [checkpoint, signature];
 *                                                    nonce: beside which the registry holds it
 *
 * Tests: test/relay/anchor/anchor-http.test.ts, test/e2e/rotated-relay.test.ts
 */

import type { Seq, ShopId } from '../../brands.js'
import { equalBytes } from '../../bytes/bytes.js'
import { fromHex, prefixedHex } from '../../bytes/hex.js'
import { encode } from '../../codec/encode.js'
import { ANCHORS_SEARCHED_MAX } from '../../limits.js'
import type { SignedCheckpoint } from '../../proofs/checkpoint-form.js'
import type { RelayIdentity } from '../../proofs/hand-over.js'
import { ReceiptAnchor } from '../../proofs/receipt-form.js'
import type { ShopProofs } from '../proofs/shop-proofs.js'
import { isDamage } from '../shops/damage.js'
import type { HttpRequest, HttpResponse } from '../transport/transport.js'
import { digestOf, type AnchorHistory } from './anchor-history.js'
import { checkpointOfNonce, type Registered } from './anchored-checkpoint.js'

export interface ServedAnchors {
  readonly relay: Pick<RelayIdentity, 'ChainID' | 'Registry'>
  readonly history: Pick<AnchorHistory, 'entries'>
  readonly proofs: Pick<ShopProofs, 'shop' | 'consistency'> & {
    readonly checkpoints: Pick<ShopProofs['checkpoints'], 'newest' | 'firstSigned'>
  }
}

const PATH = /^\/v5\/shops\/(0|[1-9][0-9]{0,77})\/anchor(?:\/([0-9a-f]{64}))?$/u
const SEQ = /^[1-9][0-9]{0,14}$/u

/** Answers a request for one of these; undefined for any other. `take`: whether its address may ask now. */
export function answerAnchors(
  anchors: ServedAnchors,
  { path, query, address }: Pick<HttpRequest, 'path' | 'query' | 'address'>,
  take: (address: string) => boolean,
): HttpResponse | undefined {
  const [, id, digest] = PATH.exec(path) ?? []
  if (id === undefined) return undefined
  const shopId = BigInt(id)
  if (anchors.proofs.shop(shopId) === undefined) return refusal(404, `shop ${id} is not known here`)
  if (!take(address)) return refusal(429, 'too many proofs in a short time')
  try {
    if (digest === undefined) return answerCovering(anchors, shopId, query)
    return answerDigest(anchors, shopId, { digest: fromHex(digest), nonce: nonceIn(query.get('nonce')) })
  } catch (error) {
    if (isDamage(error)) return refusal(503, `it cannot be shown now: ${error.message}`)
    throw error
  }
}

function answerCovering(
  { relay, history, proofs }: ServedAnchors,
  shopId: ShopId,
  query: HttpRequest['query'],
): HttpResponse {
  const [covers, at] = [query.get('covers') ?? '', query.get('at') ?? '']
  if (!SEQ.test(covers) || !SEQ.test(at)) return refusal(400, 'covers and at are sets, numbers from 1 on')
  const [seq, head] = [Number(covers), Number(at)]
  if (proofs.checkpoints.firstSigned(shopId, head) === undefined) return refusal(404, `set ${head} has no checkpoint`)
  const anchor = newestFinal(history, shopId, seq)
  if (anchor === undefined && query.get('absent') === '204') return { status: 204, headers: {} }
  if (anchor === undefined) return refusal(404, `no anchor of set ${seq} or a later one is final`)
  const { Checkpoint, Tx, Block } = anchor
  const Consistency = proofs.consistency(shopId, Math.min(anchor.seq, head), Math.max(anchor.seq, head))
  const place = { ChainID: relay.ChainID, Contract: relay.Registry }
  return cbor(encode(ReceiptAnchor.write({ ...place, Tx, Block, Checkpoint, ...(Consistency && { Consistency }) })))
}

/** Of one whose transaction is known. */
function newestFinal(history: ServedAnchors['history'], shopId: ShopId, from: Seq) {
  let searched = 0
  for (const { seq, status, tx: Tx, block, checkpoint: Checkpoint } of history.entries(shopId)) {
    if (++searched > ANCHORS_SEARCHED_MAX) return undefined
    // An owner may anchor an older one after a newer one.
    if (seq >= from && status === 'final' && Tx !== undefined && block !== undefined)
      return { seq, Tx, Block: block.number, Checkpoint }
  }
  return undefined
}

function answerDigest(
  { history, proofs: { checkpoints } }: ServedAnchors,
  shopId: ShopId,
  registered: Registered,
): HttpResponse {
  const firstSigned = (shop: ShopId, seq: Seq) => checkpoints.firstSigned(shop, seq)
  const found = checkpointOfNonce(firstSigned, shopId, registered)?.checkpoint ?? inHistory(history, shopId, registered)
  if (found !== undefined) return cbor(encode([...found]))
  const newest = checkpoints.newest(shopId)
  const shown =
    newest === undefined ? 'it has none' : `the newest, of set ${newest.seq}, has ${prefixedHex(newest.digest)}`
  return refusal(404, `no checkpoint of digest ${prefixedHex(registered.digest)} is known; ${shown}`)
}

function inHistory(
  history: ServedAnchors['history'],
  shopId: ShopId,
  { digest }: Registered,
): SignedCheckpoint | undefined {
  let searched = 0
  for (const entry of history.entries(shopId)) {
    if (++searched > ANCHORS_SEARCHED_MAX) return undefined
    if (equalBytes(digestOf(entry), digest)) return entry.checkpoint
  }
  return undefined
}

/** 0 where it is none: a checkpoint of set 0 there is not. */
function nonceIn(text: string | null): bigint {
  return text !== null && /^[0-9]{1,20}$/u.test(text) ? BigInt(text) : 0n
}

/** What is final today may be taken back, and a newer one comes. */
function cbor(body: Uint8Array): HttpResponse {
  return { status: 200, headers: { 'Content-Type': 'application/cbor', 'Cache-Control': 'max-age=1' }, body }
}

function refusal(status: number, error: string): HttpResponse {
  return { status, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ error }) }
}
