/**
 * A set of the log applied again.
 *
 * Tests: test/relay/shops/keeper.test.ts
 */

import type { Seq, ShopId } from '../../brands.js'
import { equalBytes } from '../../bytes/bytes.js'
import { toHex } from '../../bytes/hex.js'
import { readCheckedPatch, type Patch } from '../../patches/checked-patch.js'
import { patchKey, type PatchKey } from '../../patches/object-name.js'
import type { Author } from '../../state/access.js'
import { applyPatches } from '../../state/apply.js'
import { stateHash, type ShopState } from '../../state/shop-state.js'
import type { LogRecord } from '../../store/store.js'

/** The log does not lead to the states that it says it does. */
class ReplayError extends Error {
  override readonly name = 'ReplayError'
  readonly shopId: ShopId
  readonly seq: Seq

  constructor(shopId: ShopId, seq: Seq, problem: string) {
    super(`shop ${shopId}, set ${seq}: ${problem}`)
    this.shopId = shopId
    this.seq = seq
  }
}

/** The state after the set, and what its patches touch. Throws ReplayError. */
export function replay(state: ShopState, record: LogRecord): { readonly state: ShopState; readonly keys: PatchKey[] } {
  const { shopId } = state
  const patches = record.patches.map((bytes) => readPatch(shopId, record.seq, bytes))
  const author: Author =
    record.role === 'relay' ? { role: 'relay' } : { role: record.role, card: record.signer, account: record.account }
  const committedAt = BigInt(Math.floor(record.committedAtMs / 1_000))
  const reservationSeconds = BigInt(record.reservationSeconds)
  const applied = applyPatches(state, patches, { author, committedAt, reservationSeconds, seq: record.seq })
  if (!applied.ok)
    throw new ReplayError(shopId, record.seq, `the log holds a set that is refused: ${applied.verdict.message}`)
  const hash = stateHash(applied.state)
  if (!equalBytes(hash, record.stateHash)) {
    const text = `its state hash is ${toHex(hash)}, the log says ${toHex(record.stateHash)}`
    throw new ReplayError(shopId, record.seq, text)
  }
  return { state: applied.state, keys: patches.map(({ path }) => patchKey(path)) }
}

/**
 * `made` and `stored`: what a set adds to the trees over its log, as the log leads to it and as it was kept with the
 * set. Throws ReplayError.
 */
export function requireSameTrees(shopId: ShopId, seq: Seq, made: Uint8Array, stored: Uint8Array): void {
  if (equalBytes(made, stored)) return
  const [ours, theirs] = [made, stored].map((added) => toHex(added.subarray(0, 64)))
  throw new ReplayError(shopId, seq, `it leads to state root and leaf ${ours}, ${theirs} was kept with it`)
}

function readPatch(shopId: ShopId, seq: Seq, bytes: Uint8Array): Patch {
  try {
    return readCheckedPatch(bytes)
  } catch (error) {
    throw new ReplayError(shopId, seq, `the log holds a patch that cannot be read: ${(error as Error).message}`)
  }
}
