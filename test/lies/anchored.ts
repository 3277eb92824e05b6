/** A chain as the sessions ask it: one relay, one shop, what was anchored, and the transaction that did. */

import { toBigEndian } from '../../src/bytes/bytes.js'
import { word } from '../../src/bytes/abi.js'
import { concatBytes, equalBytes } from '../../src/bytes/bytes.js'
import { fromHex, prefixedHex } from '../../src/bytes/hex.js'
import type { ChainTransaction, TransactionChain } from '../../src/chain/chain.js'
import type { ShopChain } from '../../src/client/shop-client.js'
import { checkpointDigest } from '../../src/proofs/checkpoint-form.js'
import { decodeReceipt, encodeReceipt } from '../../src/proofs/receipt-form.js'
import { readLogProofAnswer } from '../../src/wire/proof-payloads.js'
import {
  getAllRelaysCall,
  ownerOfCall,
  rootHashCall,
  rootNonceCall,
  updateRootHashCall,
} from '../../src/wire/registry-calls.js'
import { shownReceipt, type Shown } from './paid.js'
import { anchor } from './receipt-words.js'
import type { Stage } from './stage.js'

/** Of a development relay. */
const REGISTRY = new Uint8Array(20)
const RELAY_TOKEN = 1n
const RELAYS = new Uint8Array(20).fill(7)
/** The last set of every stage as it begins. */
const ANCHORED_AT = 9n

/** What the registry says, with the digest that a lie put there; else that of the honest relay's checkpoint. */
export async function chainOf(stage: Stage): Promise<ShopChain> {
  const answer = await fetch(`${stage.relay.url}/v5/shops/${stage.shop}/log/1?at=${ANCHORED_AT}`)
  const { Checkpoint } = readLogProofAnswer(new Uint8Array(await answer.arrayBuffer()))
  const digest = stage.anchored ?? checkpointDigest(Checkpoint[0])
  const relays = concatBytes(word(32n), word(1n), word(RELAY_TOKEN))
  const answers: readonly (readonly [call: Uint8Array, result: Uint8Array])[] = [
    [getAllRelaysCall(stage.shop), relays],
    [ownerOfCall(RELAY_TOKEN), concatBytes(new Uint8Array(12), stage.relay.address)],
    [rootHashCall(stage.shop), digest],
    [rootNonceCall(stage.shop), word(ANCHORED_AT)],
  ]
  const request = async ({ method, params }: { readonly method: string; readonly params?: readonly unknown[] }) => {
    if (method === 'eth_chainId') return '0x7a69'
    const [{ data }] = params as [{ readonly data: string }]
    return prefixedHex(answers.find(([call]) => equalBytes(call, fromHex(data)))![1])
  }
  return { chainId: 31_337n, shops: REGISTRY, relays: RELAYS, rpc: { request } }
}

const BLOCK = { number: 5n, hash: toBigEndian(5n, 32), parentHash: new Uint8Array(32), timestamp: 0n }

/** A paid order's receipt, whose checkpoint is anchored by one transaction: as it is, or as a lie has it. */
export function anchoredReceipt(stage: Stage): Shown & { readonly chain: TransactionChain } {
  const { bytes, ...shown } = shownReceipt(stage, { registries: [[31_337n, REGISTRY]] })
  const receipt = decodeReceipt(bytes)
  const input = updateRootHashCall(stage.shop, checkpointDigest(receipt.Checkpoint[0]), ANCHORED_AT)
  const honest: ChainTransaction = {
    hash: new Uint8Array(32),
    from: stage.relay.address,
    to: REGISTRY,
    input,
    nonce: 0n,
    block: { number: BLOCK.number, hash: BLOCK.hash, succeeded: true },
  }
  const asked = {
    chainId: 31_337n,
    transaction: () => Promise.resolve(stage.transaction(honest)),
    head: () => Promise.resolve({ ...BLOCK, number: BLOCK.number + stage.blocksOnAnchor }),
    block: () => Promise.resolve(BLOCK),
  }
  return { bytes: encodeReceipt({ ...receipt, Anchor: anchor(receipt) }), ...shown, chain: asked as never }
}
