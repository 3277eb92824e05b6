/**
 * What a receipt needs of the state after a set that asks for payment (PROOFS §6): the level below its StateRoot, and
 * the manifest then. Both are kept in the transaction of the set, for states are not: the level by the set's number,
 * the manifest once, by its hash. Neither is secret; that there is one tells that somebody was asked for payment.
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

interface SettingRow {
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

/** CBOR `[Level, Manifest bytes]` after set `seq`; undefined where the set did not ask for payment. */
export function askedLevel(store: Pick<Store, 'setting'>, shopId: ShopId, seq: Seq): Uint8Array | undefined {
  const level = store.setting(askedLevelKey(shopId, seq))
  if (level === undefined) return undefined
  const manifest = store.setting(askedManifestKey(shopId, readLevel(level).manifestHash))
  return manifest && encode([level, manifest])
}
