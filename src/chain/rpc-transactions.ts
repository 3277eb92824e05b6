/**
 * Single transactions over JSON-RPC.
 *
 * Tests: test/relay/anchor/anchor.test.ts
 */

import { equalBytes } from '../bytes/bytes.js'
import { prefixedHex } from '../bytes/hex.js'
import type { Block, ChainTransaction } from './chain.js'
import type { Request } from './rpc-receipts.js'
import { bytesIn, FalseAnswer, fieldsOf, quantity, quantityIn, readBlock } from './rpc-values.js'

/** Undefined if the endpoint does not know it. */
export async function transactionOf(request: Request, hash: Uint8Array): Promise<ChainTransaction | undefined> {
  const answer = await request('eth_getTransactionByHash', [prefixedHex(hash)])
  if (answer === null) return undefined
  const { hash: own, from, to, input, data, nonce, blockNumber } = fieldsOf(answer)
  if (!equalBytes(bytesIn(own, 32), hash)) throw new FalseAnswer('answers with another transaction')
  return {
    hash: bytesIn(own, 32),
    from: bytesIn(from, 20),
    to: to === null || to === undefined ? undefined : bytesIn(to, 20),
    input: bytesIn(input ?? data),
    nonce: quantityIn(nonce),
    block: blockNumber === null || blockNumber === undefined ? undefined : await placeOf(request, hash),
  }
}

/** Undefined where a block was taken back meanwhile. */
async function placeOf(request: Request, hash: Uint8Array): Promise<ChainTransaction['block']> {
  const receipt = await request('eth_getTransactionReceipt', [prefixedHex(hash)])
  if (receipt === null) return undefined
  const { transactionHash, blockNumber, blockHash, status } = fieldsOf(receipt)
  if (!equalBytes(bytesIn(transactionHash, 32), hash)) throw new FalseAnswer('answers with another receipt')
  return { number: quantityIn(blockNumber), hash: bytesIn(blockHash, 32), succeeded: quantityIn(status) === 1n }
}

export async function transactionsTo(request: Request, block: Block, contract: Uint8Array): Promise<Uint8Array[]> {
  const answer = await request('eth_getBlockByNumber', [quantity(block.number), true])
  const found = readBlock(answer)
  const transactions = answer === null ? undefined : fieldsOf(answer)['transactions']
  if (found === undefined || !equalBytes(found.hash, block.hash) || !Array.isArray(transactions))
    throw new FalseAnswer('does not tell the transactions of the block')
  const asked = prefixedHex(contract)
  const own = transactions.map(fieldsOf).filter(({ to }) => String(to).toLowerCase() === asked)
  return own.map(({ hash }) => bytesIn(hash, 32))
}
