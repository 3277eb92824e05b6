/**
 * Notes, bindings and proofs for other people's tools over HTTP (PROOFS §4, §8): nobody has to log in, third parties
 * compare. Proofs have nothing of an order in them; whoever has its receipt puts that beside them.
 *
 *     /v5/shops/<id>/note-key
 *     /v5/shops/<id>/checkpoint.note?seq=<Seq>
 *     /v5/shops/<id>/tlog-proof/<seq>?at=<Seq>
 *     /v5/shops/<id>/cose-receipt/<seq>?at=<Seq>
 *
 * Tests: test/relay/notes/note-http.test.ts
 */

import type { ShopId } from '../../brands.js'
import { encodeSignedBinding } from '../../notes/forms.js'
import type { HttpRequest, HttpResponse } from '../transport/transport.js'
import type { ShopNotes } from './shop-notes.js'

type Notes = Pick<ShopNotes, 'binding' | 'newestSeq' | 'note' | 'tlogProof' | 'coseReceipt'>

const PATH = /^\/v5\/shops\/(0|[1-9][0-9]{0,77})\/(note-key|checkpoint\.note|tlog-proof|cose-receipt)(?:\/([^/]*))?$/u
const SEQ = /^[1-9][0-9]{0,14}$/u

/** Answers a request for one of these; undefined for any other. `take`: whether its address may ask now. */
export async function answerNotes(
  notes: Notes,
  { path, query, address }: Pick<HttpRequest, 'path' | 'query' | 'address'>,
  take: (address: string) => boolean,
): Promise<HttpResponse | undefined> {
  const [, id, name, seq] = PATH.exec(path) ?? []
  const isProof = name === 'tlog-proof' || name === 'cose-receipt'
  if (id === undefined || isProof !== (seq !== undefined)) return undefined
  if (!take(address)) return refusal(429, 'too many proofs in a short time')
  if (name === 'note-key') return answerBinding(notes, BigInt(id))
  if (isProof) return answerProof(notes, BigInt(id), name, { seq: seq!, at: query.get('at') })
  return answerNote(notes, BigInt(id), query.get('seq'))
}

async function answerBinding(notes: Notes, shopId: ShopId): Promise<HttpResponse> {
  const binding = await notes.binding(shopId)
  if (binding === undefined) return refusal(404, NO_CHECKPOINT)
  return { status: 200, headers: headersOf('application/cbor'), body: encodeSignedBinding(binding) }
}

async function answerNote(notes: Notes, shopId: ShopId, asked: string | null): Promise<HttpResponse> {
  if (asked !== null && !SEQ.test(asked)) return refusal(400, `seq ${NO_NUMBER}`)
  const seq = asked === null ? notes.newestSeq(shopId) : Number(asked)
  const note = seq === undefined ? undefined : await notes.note(shopId, seq)
  if (note === undefined) return refusal(404, asked === null ? NO_CHECKPOINT : `set ${asked} has no checkpoint here`)
  return { status: 200, headers: headersOf(TEXT), body: note }
}

/** At the newest checkpoint, or at that of `at`. */
async function answerProof(
  notes: Notes,
  shopId: ShopId,
  form: 'tlog-proof' | 'cose-receipt',
  asked: { readonly seq: string; readonly at: string | null },
): Promise<HttpResponse> {
  if (!SEQ.test(asked.seq) || (asked.at !== null && !SEQ.test(asked.at))) return refusal(400, `a set ${NO_NUMBER}`)
  const size = asked.at === null ? notes.newestSeq(shopId) : Number(asked.at)
  if (size === undefined) return refusal(404, NO_CHECKPOINT)
  const seq = Number(asked.seq)
  if (seq > size) return refusal(404, `set ${seq} lies beyond the checkpoint, that of set ${size}`)
  if (form === 'cose-receipt' && size === 1) return refusal(404, 'a log of one set has no COSE receipts')
  const made =
    form === 'tlog-proof' ? await notes.tlogProof(shopId, seq, size) : await notes.coseReceipt(shopId, seq, size)
  if (made === undefined) return refusal(404, `set ${size} has no checkpoint here`)
  if ('proof' in made) return { status: 200, headers: headersOf(TEXT), body: made.proof }
  return { status: 200, headers: headersOf('application/cose'), body: made.receipt }
}

const TEXT = 'text/plain; charset=utf-8'
const NO_NUMBER = 'is a number from 1, without leading zeros'
const NO_CHECKPOINT = 'this shop has no checkpoint here'

/** Witnesses may add to a note, and a new key of the relay signs bindings again. */
function headersOf(type: string): Record<string, string> {
  return { 'Content-Type': type, 'Cache-Control': 'max-age=1' }
}

function refusal(status: number, error: string): HttpResponse {
  return { status, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ error }) }
}
