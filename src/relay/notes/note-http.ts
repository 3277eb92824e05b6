/**
 * Notes and bindings over HTTP (PROOFS §4, §8), below `/v5/shops/<id>/`: nobody has to log in, third parties compare.
 *
 * Tests: test/relay/notes/note-http.test.ts
 */

import type { ShopId } from '../../brands.js'
import { encodeSignedBinding } from '../../notes/forms.js'
import type { HttpRequest, HttpResponse } from '../transport/transport.js'
import type { ShopNotes } from './shop-notes.js'

const PATH = /^\/v5\/shops\/(0|[1-9][0-9]{0,77})\/(note-key|checkpoint\.note)$/u
const SEQ = /^[1-9][0-9]{0,14}$/u

/** Answers a request for a note or a binding; undefined for any other. `take`: whether its address may ask now. */
export async function answerNotes(
  notes: Pick<ShopNotes, 'binding' | 'newestSeq' | 'note'>,
  { path, query, address }: Pick<HttpRequest, 'path' | 'query' | 'address'>,
  take: (address: string) => boolean,
): Promise<HttpResponse | undefined> {
  const [, id, name] = PATH.exec(path) ?? []
  if (id === undefined) return undefined
  if (!take(address)) return refusal(429, 'too many proofs in a short time')
  return name === 'note-key' ? answerBinding(notes, BigInt(id)) : answerNote(notes, BigInt(id), query.get('seq'))
}

async function answerBinding(notes: Pick<ShopNotes, 'binding'>, shopId: ShopId): Promise<HttpResponse> {
  const binding = await notes.binding(shopId)
  if (binding === undefined) return refusal(404, NO_CHECKPOINT)
  return { status: 200, headers: headersOf('application/cbor'), body: encodeSignedBinding(binding) }
}

async function answerNote(
  notes: Pick<ShopNotes, 'newestSeq' | 'note'>,
  shopId: ShopId,
  asked: string | null,
): Promise<HttpResponse> {
  if (asked !== null && !SEQ.test(asked)) return refusal(400, 'seq is a number from 1, without leading zeros')
  const seq = asked === null ? notes.newestSeq(shopId) : Number(asked)
  const note = seq === undefined ? undefined : await notes.note(shopId, seq)
  if (note === undefined) return refusal(404, asked === null ? NO_CHECKPOINT : `set ${asked} has no checkpoint here`)
  return { status: 200, headers: headersOf('text/plain; charset=utf-8'), body: note }
}

const NO_CHECKPOINT = 'this shop has no checkpoint here'

/** Witnesses may add to a note, and a new key of the relay signs bindings again. */
function headersOf(type: string): Record<string, string> {
  return { 'Content-Type': type, 'Cache-Control': 'max-age=1' }
}

function refusal(status: number, error: string): HttpResponse {
  return { status, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ error }) }
}
