/**
 * What a relay says it anchored, against its checkpoints and, where a chain is given, against what is there (PROOFS
 * §3, §7).
 *
 * Tests: test/e2e/anchor.test.ts, test/cli/audit.test.ts
 */

import { readWord } from '../bytes/abi.js'
import type { ShopId } from '../brands.js'
import { equalBytes, isAllZero } from '../bytes/bytes.js'
import { prefixedHex } from '../bytes/hex.js'
import { findAnchorCall } from '../chain/anchor-call.js'
import type { TransactionChain } from '../chain/chain.js'
import { FRESH_SHOP_NONCE, getAllRelaysCall, readRelays, rootHashCall, rootNonceCall } from '../wire/registry-calls.js'
import { checkpointDigest } from '../proofs/checkpoint-form.js'
import { AnchorHistory, digestOf, type AnchorEntry } from '../relay/anchor/anchor-history.js'
import { seqOfDigest } from '../relay/anchor/anchored-checkpoint.js'
import { differenceOf, type Difference } from '../relay/audit/difference.js'
import { decodeStored } from '../relay/checkpoints/stored-checkpoint.js'
import type { Store } from '../store/store.js'

export interface AnchorPlace {
  readonly chain: TransactionChain
  /** The shop registry, 20 bytes. */
  readonly contract: Uint8Array
}

interface AuditedAnchors {
  /** In a block, as the relay says. */
  readonly count: number
  readonly difference: Difference | undefined
}

/** Rejects with ChainUnreachable. */
export async function auditAnchors(
  store: Store,
  shopId: ShopId,
  place: AnchorPlace | undefined,
): Promise<AuditedAnchors> {
  const all = [...new AnchorHistory(store).entries(shopId)].reverse()
  const entries = all.filter(({ status }) => status === 'included' || status === 'final')
  for (const entry of entries) {
    const difference = inStore(store, shopId, entry) ?? (place && (await onChain(place, shopId, entry)))
    if (difference !== undefined) return { count: entries.length, difference }
  }
  const newest = entries.at(-1)
  const difference = newest && place && (await inRegistry(place, shopId, newest))
  if (difference !== undefined || place === undefined) return { count: entries.length, difference }
  const other = await besideHistory(store, shopId, entries, place)
  return other === undefined || typeof other === 'object'
    ? { count: entries.length, difference: other }
    : { count: entries.length + 1, difference: undefined }
}

/**
 * What the registry holds and the relay's history does not know: a shop's owner may have anchored it while the relay
 * looked at no chain. Whether it is of a checkpoint here; of a shop that names one relay it has to be.
 */
async function besideHistory(
  store: Store,
  shopId: ShopId,
  entries: readonly AnchorEntry[],
  { chain, contract }: AnchorPlace,
): Promise<Difference | 'found' | undefined> {
  const ask = (data: Uint8Array) => chain.call({ to: contract, data })
  const digest = await ask(rootHashCall(shopId))
  if (digest?.length !== 32 || isAllZero(digest)) return undefined
  if (entries.some((entry) => equalBytes(digestOf(entry), digest))) return undefined
  const nonce = readWord(await ask(rootNonceCall(shopId))) ?? 0n
  if ((await seqOfDigest(store, shopId, digest, 0)) !== undefined) return 'found'
  if (nonce <= FRESH_SHOP_NONCE) return undefined
  if (readRelays(await ask(getAllRelaysCall(shopId))).length > 1) return undefined
  const text = `what the registry holds with nonce ${nonce}`
  return {
    kind: 'anchor',
    seq: store.head(shopId),
    text,
    found: prefixedHex(digest),
    wanted: 'the digest of a checkpoint of this log',
  }
}

function inStore(store: Store, shopId: ShopId, entry: AnchorEntry): Difference | undefined {
  const value = store.checkpoint(shopId, entry.seq)
  const place = { kind: 'anchor', seq: entry.seq, text: 'the digest that was anchored for its checkpoint' } as const
  if (value === undefined)
    return { ...place, found: prefixedHex(digestOf(entry)), wanted: 'none: it has no checkpoint' }
  return differenceOf(place, digestOf(entry), checkpointDigest(decodeStored(value).first))
}

async function onChain(
  { chain, contract }: AnchorPlace,
  shopId: ShopId,
  entry: AnchorEntry,
): Promise<Difference | undefined> {
  const { tx, seq, status } = entry
  if (tx === undefined) return undefined
  const found = await findAnchorCall(chain, { contract, tx, shopId, digest: digestOf(entry), depth: 1n })
  if (found.outcome === 'found' || (found.outcome === 'not yet' && status === 'included')) return undefined
  return { kind: 'anchor', seq, text: `its anchor, which is ${status} as the relay says: ${found.reason}` }
}

/** With the nonce of the newest one the registry holds its digest; a higher nonce is another relay's or the owner's. */
async function inRegistry(
  { chain, contract }: AnchorPlace,
  shopId: ShopId,
  entry: AnchorEntry,
): Promise<Difference | undefined> {
  const ask = (data: Uint8Array) => chain.call({ to: contract, data })
  const [root, nonce] = await Promise.all([ask(rootHashCall(shopId)), ask(rootNonceCall(shopId))])
  if (entry.nonce === undefined || readWord(nonce) !== entry.nonce) return undefined
  const text = 'what the registry holds with the nonce of its anchor'
  return differenceOf({ kind: 'anchor', seq: entry.seq, text }, root, digestOf(entry))
}
