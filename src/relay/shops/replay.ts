/**
 * A set of the log applied again.
 *
 * Tests: test/relay/shops/keeper.test.ts, test/relay/shops/set-check.test.ts
 */

import type { Seq, ShopId } from '../../brands.js'
import { equalBytes } from '../../bytes/bytes.js'
import { toHex } from '../../bytes/hex.js'
import { patchKey, type PatchKey } from '../../patches/object-name.js'
import { readPatch, type Patch } from '../../patches/patch.js'
import type { Author } from '../../state/access.js'
import { applyPatches } from '../../state/apply.js'
import { stateHash, type ShopState } from '../../state/shop-state.js'
import type { LogRecord } from '../../store/store.js'

/** The log does not lead to the states that it says it does. */
export class ReplayError extends Error {
  override readonly name = 'ReplayError'
  readonly shopId: ShopId
  readonly seq: Seq
  readonly problem: string
  /** That follows, 32 bytes, where it is another than the log says. */
  readonly stateHash: Uint8Array | undefined

  constructor(shopId: ShopId, seq: Seq, problem: string, stateHash?: Uint8Array) {
    super(`shop ${shopId}, set ${seq}: ${problem}`)
    this.shopId = shopId
    this.seq = seq
    this.problem = problem
    this.stateHash = stateHash
  }
}

interface ReplayedSet {
  readonly state: ShopState
  readonly keys: PatchKey[]
  /** Whether the set asks for payment. */
  readonly asks: boolean
}

/**
 * The state after the set, and what its patches touch. A record that does not say which state hash follows is not asked
 * for it. Throws ReplayError.
 */
export function replay(
  state: ShopState,
  record: Omit<LogRecord, 'stateHash'> & { readonly stateHash?: Uint8Array | undefined },
): ReplayedSet {
  const replayed = applyAgain(state, record)
  if (record.stateHash !== undefined) requireStateHash(replayed.state, record.seq, record.stateHash)
  return replayed
}

/** The same, whatever state hash the record says. */
export function applyAgain(state: ShopState, record: Omit<LogRecord, 'stateHash'>): ReplayedSet {
  const { shopId } = state
  const patches = record.patches.map((bytes) => patchOf(shopId, record.seq, bytes))
  const author: Author =
    record.role === 'relay' ? { role: 'relay' } : { role: record.role, card: record.signer, account: record.account }
  const committedAt = BigInt(Math.floor(record.committedAtMs / 1_000))
  const reservationSeconds = BigInt(record.reservationSeconds)
  const applied = applyPatches(state, patches, { author, committedAt, reservationSeconds, seq: record.seq })
  if (!applied.ok)
    throw new ReplayError(shopId, record.seq, `the log holds a set that is refused: ${applied.verdict.message}`)
  const { state: after, effects } = applied
  return { state: after, keys: patches.map(({ path }) => patchKey(path)), asks: effects.payments.length > 0 }
}

/** `wanted`: of the state after set `seq`, 32 bytes, as the log says. Throws ReplayError. */
export function requireStateHash(state: ShopState, seq: Seq, wanted: Uint8Array): void {
  const hash = stateHash(state)
  if (equalBytes(hash, wanted)) return
  const text = `its state hash is ${toHex(hash)}, the log says ${toHex(wanted)}`
  throw new ReplayError(state.shopId, seq, text, hash)
}

/**
 * `made` and `stored`: what a set adds to the trees over its log, as the log leads to it and as it was kept with the
 * set. Throws ReplayError.
 */
export function requireSameTrees(shopId: ShopId, seq: Seq, made: Uint8Array, stored: Uint8Array): void {
  if (equalBytes(made, stored)) return
  const [ours, theirs] = [made, stored].map((added) => toHex(added.subarray(0, 32)))
  const nodes = 'it leads to other nodes of the trees over the log than were kept with it'
  const problem = ours === theirs ? nodes : `it leads to state root ${ours}, ${theirs} was kept with it`
  throw new ReplayError(shopId, seq, problem)
}

/** An audit takes sets of a relay that it does not trust. */
function patchOf(shopId: ShopId, seq: Seq, bytes: Uint8Array): Patch {
  try {
    return readPatch(bytes)
  } catch (error) {
    throw new ReplayError(shopId, seq, `the log holds a patch that cannot be read: ${(error as Error).message}`)
  }
}
