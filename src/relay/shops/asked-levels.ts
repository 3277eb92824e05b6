/**
 * What a receipt needs of the state after a set that asks for payment (PROOFS §6): the level below its StateRoot, and
 * the manifest then. Both are kept in the transaction of the set, for states are not: the level by the set's number,
 * the manifest once, by its hash. Neither is secret; that there is one tells that somebody was asked for payment. Of a
 * log that was written before levels were kept they are made once, by a replay (keeper.ts).
 *
 * Tests: test/e2e/receipts.test.ts
 */

import type { Seq, ShopId } from '../../brands.js'
import { encode } from '../../codec/encode.js'
import { encodeLevel, readLevel } from '../../merkle/state-level.js'
import type { ShopState } from '../../state/shop-state.js'
import { stateLevel } from '../../state/state-root.js'
import { askedLevelKey, askedManifestKey } from '../../store/setting-keys.js'
import type { Store } from '../../store/store.js'
import { isDamage } from './damage.js'

export interface SettingRow {
  readonly key: string
  readonly value: Uint8Array
}

/** The rows to store with set `seq`, after which the state is `state`. */
export function askedLevelRows(state: ShopState, secret: Uint8Array, seq: Seq): readonly SettingRow[] {
  const level = stateLevel(state, secret)
  if (level === undefined) return []
  return [
    { key: askedLevelKey(state.shopId, seq), value: encodeLevel(level) },
    { key: askedManifestKey(state.shopId, level.manifestHash), value: state.manifest! },
  ]
}

/** Whether there is one of set `seq`; also one that is damaged: of that the store tells whoever asks for it. */
export function isLevelKept(store: Pick<Store, 'setting'>, shopId: ShopId, seq: Seq): boolean {
  try {
    return store.setting(askedLevelKey(shopId, seq)) !== undefined
  } catch (error) {
    if (isDamage(error)) return true
    throw error
  }
}

/** CBOR `[Level, Manifest bytes]` after set `seq`; undefined where the set did not ask for payment. */
export function askedLevel(store: Pick<Store, 'setting'>, shopId: ShopId, seq: Seq): Uint8Array | undefined {
  const level = store.setting(askedLevelKey(shopId, seq))
  if (level === undefined) return undefined
  const manifest = store.setting(askedManifestKey(shopId, readLevel(level).manifestHash))
  return manifest && encode([level, manifest])
}
