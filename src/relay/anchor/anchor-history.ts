/**
 * What became of each anchor of a shop, in rows of the store (setting-keys.ts): the registry keeps the last
 * digest alone. One row counts them, one from number 1 on holds each:
 *
 *     CBOR {Seq, Checkpoint [bytes, bytes65], Status, At ms, ? Nonce, ? Tx bytes32, ? Raw bytes, ? TxNonce,
 *           ? Block [number, bytes32], ? Reason}
 *
 * Tests: test/relay/anchor/anchor.test.ts
 */

import type { Seq, ShopId } from '../../brands.js'
import { decodeChecked } from '../../codec/decode-checked.js'
import { encode, type Encodable } from '../../codec/encode.js'
import type { Cbor } from '../../codec/value.js'
import { checkpointDigest, type SignedCheckpoint } from '../../proofs/checkpoint-form.js'
import { anchorCountKey, anchorKey } from '../../store/setting-keys.js'
import type { Store } from '../../store/store.js'

/**
 * revalidated: the log leads to it · broadcast: its transaction is on its way · included: in a block · final: so deep
 * that it counts · failed: reverted, or another transaction took its place.
 */
type AnchorStatus = 'revalidated' | 'broadcast' | 'included' | 'final' | 'failed'

export interface AnchorEntry {
  readonly seq: Seq
  /** As it was first signed; its digest is what is anchored. */
  readonly checkpoint: SignedCheckpoint
  readonly status: AnchorStatus
  /** When it came to that. */
  readonly atMs: number
  /** Of the call. */
  readonly nonce?: bigint | undefined
  /** 32 bytes; undefined where it was found on the chain and nobody knows by which transaction. */
  readonly tx?: Uint8Array | undefined
  /** The relay's own signed transaction: sent again as long as the chain does not know it. */
  readonly raw?: Uint8Array | undefined
  /** Of the relay's account. */
  readonly txNonce?: bigint | undefined
  readonly block?: { readonly number: bigint; readonly hash: Uint8Array } | undefined
  /** Why it failed, for people. */
  readonly reason?: string | undefined
}

/** What was anchored, 32 bytes. */
export function digestOf({ checkpoint: [bytes] }: AnchorEntry): Uint8Array {
  return checkpointDigest(bytes)
}

export class AnchorHistory {
  private readonly store: Pick<Store, 'setting' | 'commit'>

  constructor(store: Pick<Store, 'setting' | 'commit'>) {
    this.store = store
  }

  count(shopId: ShopId): number {
    const value = this.store.setting(anchorCountKey(shopId))
    return value === undefined ? 0 : Number(decodeChecked(value))
  }

  /** `number` from 1. */
  at(shopId: ShopId, number: number): AnchorEntry | undefined {
    const value = this.store.setting(anchorKey(shopId, number))
    return value && decodeEntry(value)
  }

  last(shopId: ShopId): AnchorEntry | undefined {
    return this.at(shopId, this.count(shopId))
  }

  /** The newest first. */
  *entries(shopId: ShopId): Generator<AnchorEntry> {
    for (let number = this.count(shopId); number > 0; number--) {
      const entry = this.at(shopId, number)
      if (entry !== undefined) yield entry
    }
  }

  /** Durable when it resolves. Rejects with StoreError. */
  async add(shopId: ShopId, entry: AnchorEntry): Promise<void> {
    const number = this.count(shopId) + 1
    const count = { key: anchorCountKey(shopId), value: encode(BigInt(number)) }
    const settings = [count, { key: anchorKey(shopId, number), value: encodeEntry(entry) }]
    await this.store.commit({ records: [], settings })
  }

  /** In the place of the last one. As `add`. */
  async replaceLast(shopId: ShopId, entry: AnchorEntry): Promise<void> {
    const settings = [{ key: anchorKey(shopId, this.count(shopId)), value: encodeEntry(entry) }]
    await this.store.commit({ records: [], settings })
  }
}

function encodeEntry({ seq, checkpoint, status, atMs, ...more }: AnchorEntry): Uint8Array {
  const map = new Map<string, Encodable>([
    ['Seq', BigInt(seq)],
    ['Checkpoint', checkpoint],
    ['Status', status],
    ['At', BigInt(atMs)],
  ])
  const { nonce, tx, raw, txNonce, block, reason } = more
  const rest = { Nonce: nonce, Tx: tx, Raw: raw, TxNonce: txNonce, Reason: reason }
  for (const [name, value] of Object.entries(rest)) if (value !== undefined) map.set(name, value)
  if (block !== undefined) map.set('Block', [block.number, block.hash])
  return encode(map)
}

function decodeEntry(value: Uint8Array): AnchorEntry {
  const map = decodeChecked(value) as ReadonlyMap<string, Cbor>
  const [bytes, signature] = map.get('Checkpoint') as [Uint8Array, Uint8Array]
  const block = map.get('Block') as [bigint, Uint8Array] | undefined
  return {
    seq: Number(map.get('Seq')),
    checkpoint: [bytes, signature],
    status: map.get('Status') as AnchorStatus,
    atMs: Number(map.get('At')),
    nonce: map.get('Nonce') as bigint | undefined,
    tx: map.get('Tx') as Uint8Array | undefined,
    raw: map.get('Raw') as Uint8Array | undefined,
    txNonce: map.get('TxNonce') as bigint | undefined,
    block: block && { number: block[0], hash: block[1] },
    reason: map.get('Reason') as string | undefined,
  }
}
