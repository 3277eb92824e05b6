/**
 * State proofs as an answer (PROOFS §4): who may ask for what, and as much as one frame holds. Made in pieces: what is
 * asked for is read first, a few objects at a time, which also brings the nodes into memory that the proof goes
 * through.
 *
 * Tests: test/e2e/state-proofs.test.ts
 */

import { equalBytes, fromBigEndian } from '../../bytes/bytes.js'
import { FRAME_OUT_BYTES_MAX_5, NAME_BYTES_MAX } from '../../limits.js'
import { makeStateProofs, type StateSource } from '../../merkle/state-proof-maker.js'
import type { StateQuestion } from '../../merkle/state-question.js'
import { ownsOrder } from '../../state/access.js'
import type { ShopState } from '../../state/shop-state.js'
import { treeOf } from '../../state/state-root.js'
import { encodeStateProofAnswer, type StateProofAnswer } from '../../wire/proof-payloads.js'
import { isGuestsAccount } from '../../wire/snapshot-payloads.js'
import { unreadable, type Reader } from '../shops/reader.js'

/** Why it cannot be answered to this reader; undefined if it can. `state`: the newest. */
export function refusal(reader: Reader, question: StateQuestion, state: ShopState): string | undefined {
  const [collection, key] = question
  const problem = unreadable(reader, collection) ?? unfitKey(question)
  if (problem !== undefined || collection !== 'Orders' || reader.role !== 'guest') return problem
  const isOwn = key.length === 8 ? ownsOrder(state, reader.card!, fromBigEndian(key)) : equalBytes(key, reader.card!)
  return isOwn ? undefined : key.length === 8 ? `order ${fromBigEndian(key)} is not yours` : 'the card is not yours'
}

/** The lengths of keys, and that of the one account that is too large. */
function unfitKey(question: StateQuestion): string | undefined {
  const [collection, key] = question
  if (isGuestsAccount(question)) return "the guests' account is in no state proof: a snapshot has it"
  const fits = KEY_LENGTHS[collection]
  return fits(key.length)
    ? undefined
    : `${collection} has no keys of ${key.length} bytes${ID_KEYS.includes(collection) ? AN_ID : ''}`
}

const ID_KEYS: readonly StateQuestion[0][] = ['Inventory', 'Listings', 'Orders']
const AN_ID = ': an id is 8 bytes, the most significant first'

const KEY_LENGTHS: Readonly<Record<StateQuestion[0], (length: number) => boolean>> = {
  Manifest: (length) => length === 0,
  Accounts: (length) => length === 20,
  Cards: (length) => length === 33,
  Inventory: (length) => length >= 8,
  Listings: (length) => length === 8,
  Orders: (length) => length === 8 || length === 33,
  Tags: (length) => length >= 1 && length <= NAME_BYTES_MAX,
}

/** Objects that are read in one piece. */
const PIECE_OBJECTS = 32
/** What the frame has beside the answer: ids, lengths. */
const FRAME_HEADS_BYTES = 64

/**
 * The answer with proofs of the questions, in their order as far as they fit one frame, and how many these are. Yields
 * between pieces. `answer`: all but Proofs.
 */
export function* stateProofAnswer(
  state: ShopState,
  source: StateSource,
  asked: readonly StateQuestion[],
  answer: Omit<StateProofAnswer, 'Proofs'>,
): Generator<undefined, { readonly payload: Uint8Array; readonly count: number }> {
  const empty = new Uint8Array(0)
  const room = FRAME_OUT_BYTES_MAX_5 - FRAME_HEADS_BYTES - encodeStateProofAnswer({ ...answer, Proofs: empty }).length
  let count = 0
  for (let bytes = 0; count < asked.length; count++) {
    bytes += valueLength(state, asked[count]!)
    if (bytes > room) break
    if (count % PIECE_OBJECTS === PIECE_OBJECTS - 1) yield
  }
  const made = (objects: number) => makeStateProofs(source, asked.slice(0, objects))
  let proofs = made(count)
  if (proofs.length > room) {
    // Of `low` objects it is known that they fit, of `high` that they do not.
    let [low, high] = [0, count]
    while (high - low > 1) {
      yield
      const middle = (low + high) >> 1
      if (made(middle).length > room) high = middle
      else low = middle
    }
    count = low
    proofs = made(low)
  }
  return { payload: encodeStateProofAnswer({ ...answer, Proofs: proofs }), count }
}

function valueLength(state: ShopState, [collection, key]: StateQuestion): number {
  if (collection === 'Manifest') return state.manifest?.length ?? 0
  const value = collection === 'Orders' ? state.collections.Orders.get(key) : treeOf(state, collection).get(key)
  return value?.length ?? 0
}
