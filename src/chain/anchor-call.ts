/**
 * An anchor as a verifier looks for it (PROOFS §3): the successful call updateRootHash(shop, digest, nonce) to the shop
 * registry, in the transaction that is named, deep enough. The registry keeps the last digest alone and emits no event.
 *
 * Tests: test/relay/anchor/anchor.test.ts
 */

import type { ShopId } from '../brands.js'
import { equalBytes } from '../bytes/bytes.js'
import { prefixedHex } from '../bytes/hex.js'
import { ANCHOR_NONCE_MAX } from '../limits.js'
import type { Chain, ChainTransaction, TransactionChain } from './chain.js'
import { readUpdateRootHash } from '../wire/registry-calls.js'

interface AnchorQuery {
  /** The shop registry, 20 bytes. */
  readonly contract: Uint8Array
  /** 32 bytes. */
  readonly tx: Uint8Array
  readonly shopId: ShopId
  /** Of the checkpoint's bytes, 32 bytes. */
  readonly digest: Uint8Array
  /** How many blocks have to lie on it, its own included; at least 1. */
  readonly depth: bigint
}

type AnchorFinding =
  /** `depth` as it is now; `nonce`: of the call. */
  | { readonly outcome: 'found'; readonly block: bigint; readonly depth: bigint; readonly nonce: bigint }
  /** It may still come: in no block, or not deep enough. */
  | { readonly outcome: 'not yet'; readonly reason: string }
  /** Nothing of that kind is in the transaction. */
  | { readonly outcome: 'other'; readonly reason: string }

/** The nonce to anchor checkpoint `seq` with, above `last`, the registry's; undefined where there is none. */
export function nextAnchorNonce(last: bigint, seq: bigint): bigint | undefined {
  if (last >= ANCHOR_NONCE_MAX) return undefined
  return last + 1n > seq ? last + 1n : seq
}

/**
 * What the chain says of it. A call that another contract makes within the transaction, such as a wallet that is one,
 * is not found. Throws ChainUnreachable.
 */
export async function findAnchorCall(chain: TransactionChain, query: AnchorQuery): Promise<AnchorFinding> {
  const transaction = await chain.transaction(query.tx)
  const name = `transaction ${prefixedHex(query.tx)}`
  if (transaction === undefined) return { outcome: 'not yet', reason: `chain ${chain.chainId} does not know ${name}` }
  const call = callIn(transaction, query)
  if (typeof call === 'string') return { outcome: 'other', reason: `${name} ${call}` }
  const { block } = transaction
  if (block === undefined) return { outcome: 'not yet', reason: `${name} is in no block` }
  if (!block.succeeded) return { outcome: 'other', reason: `${name} failed` }
  const depth = await depthOf(chain, block)
  if (depth < query.depth)
    return { outcome: 'not yet', reason: `${name} is ${depth} blocks deep, ${query.depth} are needed` }
  return { outcome: 'found', block: block.number, depth, nonce: call }
}

/** 0 for a block that is not of the chain any more. */
async function depthOf(chain: Chain, { number, hash }: { number: bigint; hash: Uint8Array }): Promise<bigint> {
  const [head, block] = await Promise.all([chain.head(), chain.block(number)])
  return block === undefined || !equalBytes(block.hash, hash) ? 0n : head.number - number + 1n
}

/** The call's nonce, or what the transaction is instead. */
function callIn({ to, input }: ChainTransaction, { contract, shopId, digest }: AnchorQuery): bigint | string {
  if (to === undefined || !equalBytes(to, contract))
    return `goes to ${to === undefined ? 'no contract' : prefixedHex(to)}, not to ${prefixedHex(contract)}`
  const call = readUpdateRootHash(input)
  if (call === undefined) return 'is no call of updateRootHash'
  if (call.shopId !== shopId) return `is of shop ${call.shopId}, not ${shopId}`
  if (equalBytes(call.digest, digest)) return call.nonce
  return `anchors ${prefixedHex(call.digest)}, not ${prefixedHex(digest)}`
}
