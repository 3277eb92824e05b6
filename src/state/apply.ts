/**
 * The state machine: a list of patches on a shop (PROTOCOL §4 steps 3 and 4, §5, §10, §11). Pure and synchronous: it
 * asks no clock and no chain, and a refusal leaves the given state as it is, because nothing in it is ever changed in
 * place.
 *
 * Tests: test/state/patch-set.test.ts, test/state/order-of-checks.test.ts
 */

import type { Seconds, Seq } from '../brands.js'
import { refusingUnlisted, SchemaError } from '../codec/schema.js'
import type { Patch } from '../patches/patch.js'
import { refuseByRights, type Author } from './access.js'
import { applyToAccounts } from './accounts.js'
import { Draft, type Effects } from './draft.js'
import { checkedOp, placeOf } from './edit.js'
import { withCardMoves } from './card-moves.js'
import { applyToInventory } from './inventory.js'
import { applyToListings } from './listings.js'
import { applyToManifest } from './manifest.js'
import { applyToOrders, type PaymentRules } from './orders.js'
import type { ShopState } from './shop-state.js'
import { applyToTags } from './tags.js'
import { withTrails } from './trails.js'
import { invalid, Refusal, type Verdict } from './verdict.js'

export { encodeChange, readPatch, type Change, type Patch } from '../patches/patch.js'
export type { Author, Role } from './access.js'
export { emptyShop, stateHash, type ShopState } from './shop-state.js'
export type { Verdict, VerdictCode } from './verdict.js'

/** What decides whether a set is taken, beside its patches. */
export interface ApplyContext {
  readonly author: Author
  /** Commit time of the set, seconds: deadlines count from it. */
  readonly committedAt: Seconds
  /** How long a commit holds its items, seconds. */
  readonly reservationSeconds: Seconds
  /** Of the set in the shop's log, if it is to have a place there: then what proofs need of the log follows too. */
  readonly seq?: Seq
  /** What choosing payment asks of the configured chains and prices; undefined when a logged set is replayed. */
  readonly payments?: PaymentRules
  /** Whether a set with a field in a value that no object has is refused; by itself it is ignored (PROTOCOL §3). */
  readonly unlistedRefused?: boolean
}

/** A state and what else follows, or why the patch of this index is refused. */
export type Applied =
  | { readonly ok: true; readonly state: ShopState; readonly effects: Effects }
  | { readonly ok: false; readonly verdict: Verdict; readonly patchIndex: number }

/**
 * Applies all patches or none. `patches` come from readPatch, the author is known to have signed them.
 *
 * @example
 * ```ts
 * import { applyPatches, emptyShop, encodeChange, readPatch } from 'cairn-relay/state'
 *
 * const tag = encodeChange({ op: 'add', path: ['Tags', 'red'], value: new Map([['Name', 'red']]) })
 * const context = { author: { role: 'relay' }, committedAt: 1_700_000_000n, reservationSeconds: 86_400n } as const
 * const applied = applyPatches(emptyShop(1n), [readPatch(tag)], context)
 * console.log(applied.ok && applied.state.collections.Tags.size) // 1
 * ```
 */
export function applyPatches(state: ShopState, patches: readonly Patch[], context: ApplyContext): Applied {
  const refused = refuseByRights(state, context.author, patches)
  if (refused !== undefined) return refuse(refused.index, refused.refusal.verdict)
  const draft = new Draft(state)
  let index = 0
  let finished: ReturnType<Draft['finish']>
  try {
    const apply = () => {
      for (; index < patches.length; index++) applyPatch(draft, patches[index]!, context)
    }
    if (context.unlistedRefused === true) refusingUnlisted(apply)
    else apply()
    // What only the whole set shows is told of its last patch.
    index = patches.length - 1
    finished = draft.finish()
  } catch (error) {
    return refuse(index, verdictOn(error))
  }
  return { ok: true, effects: finished.effects, state: logged(finished, patches, context) }
}

/** With what the state tree holds of the log (PROOFS §1.3). */
function logged(
  { state, effects }: { state: ShopState; effects: Effects },
  patches: readonly Patch[],
  context: ApplyContext,
): ShopState {
  const { seq, author } = context
  if (seq === undefined) return state
  const { collections, indexes } = state
  const cards = withCardMoves(indexes.cards, effects.cardMoves, seq)
  const trails = withTrails(indexes.trails, collections.Orders, { seq, patches, card: author.card })
  if (cards === indexes.cards && trails === indexes.trails) return state
  return { ...state, indexes: { ...indexes, cards, trails } }
}

function applyPatch(draft: Draft, patch: Patch, context: ApplyContext): void {
  draft.patchBytes = patch.bytes.length
  const op = checkedOp(patch)
  switch (patch.path[0]) {
    case 'Manifest':
      return applyToManifest(draft, op, patch)
    case 'Accounts':
      return applyToAccounts(draft, op, patch)
    case 'Listings':
      return applyToListings(draft, op, patch)
    case 'Tags':
      return applyToTags(draft, op, patch)
    case 'Inventory':
      return applyToInventory(draft, op, patch)
    case 'Orders':
      return applyToOrders(draft, patch, context)
    default:
      throw invalid(`${placeOf(patch.path.slice(0, 1))}: there is no such collection`)
  }
}

/** Throws what is no refusal. */
function verdictOn(error: unknown): Verdict {
  if (error instanceof Refusal) return error.verdict
  if (error instanceof SchemaError)
    return { code: 'INVALID', message: error.message, ...(error.stricter && { stricter: true }) }
  throw error
}

function refuse(patchIndex: number, verdict: Verdict): Applied {
  return { ok: false, patchIndex, verdict: { ...verdict, message: `patch ${patchIndex}: ${verdict.message}` } }
}
