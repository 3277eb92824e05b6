/**
 * Notes and bindings over HTTP (PROOFS §4, §8), below `/v5/shops/<id>/`: nobody has to log in, third parties compare.
 *
 * Tests: test/relay/notes/note-http.test.ts
 */

import type { ShopId } from '../../brands.js'
import { encodeSignedBinding } from '../../notes/forms.js'
import type { HttpResponse } from '../transport/transport.js'
import type { ShopNotes } from './shop-notes.js'

const SEQ = /^[1-9][0-9]{0,14}$/u

/** Answers what stands behind `/v5/shops/<id>/`; undefined for what is not of notes. */
export async function answerNotes(
  notes: Pick<ShopNotes, 'binding' | 'newestSeq' | 'note'>,
  shopId: ShopId,
  rest: string,
  query: URLSearchParams,
): Promise<HttpResponse | undefined> {
  if (rest === 'note-key') return answerBinding(notes, shopId)
  return rest === 'checkpoint.note' ? answerNote(notes, shopId, query.get('seq')) : undefined
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
