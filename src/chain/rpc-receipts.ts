/**
 * What a contract logged in one block, by the receipts of its transactions: unlike the index that eth_getLogs reads,
 * they are there as soon as the block is.
 *
 * Tests: test/chain/log-check.test.ts
 */

import { equalBytes } from '../bytes/bytes.js'
import { prefixedHex } from '../bytes/hex.js'
import type { Block, ChainLog } from './chain.js'
import { isNotOffered } from './rpc-errors.js'
import { bytesIn, FalseAnswer, fieldsOf, quantity, readBlock, readLog } from './rpc-values.js'

export type Request = (method: string, params: readonly unknown[]) => Promise<unknown>

/** Receipts that are asked for one by one, where an endpoint does not tell those of a block together. */
const SINGLE_RECEIPTS_MAX = 1_000

/** Throws where the endpoint does not tell them, or tells those of another block. */
export async function receiptLogsOf(request: Request, block: Block, address: Uint8Array): Promise<ChainLog[]> {
  const receipts = (await blockReceipts(request, block)) ?? (await singleReceipts(request, block))
  const asked = prefixedHex(address)
  return receipts.flatMap((receipt) => {
    const { blockHash, logs } = fieldsOf(receipt)
    if (!equalBytes(bytesIn(blockHash, 32), block.hash)) throw new FalseAnswer('tells receipts of another block')
    if (!Array.isArray(logs)) throw new FalseAnswer('tells receipts without logs')
    const own = logs.filter((log) => String(fieldsOf(log)['address']).toLowerCase() === asked)
    return own.map(readLog).filter((log) => equalBytes(log.blockHash, block.hash))
  })
}

/** Undefined where the endpoint does not offer them, or too few of them. */
async function blockReceipts(request: Request, block: Block): Promise<readonly unknown[] | undefined> {
  const answer = await request('eth_getBlockReceipts', [quantity(block.number)]).catch(unlessNotOffered)
  const isWhole = Array.isArray(answer) && answer.length >= (block.transactions ?? 1)
  return isWhole ? (answer as readonly unknown[]) : undefined
}

async function singleReceipts(request: Request, block: Block): Promise<readonly unknown[]> {
  const there = await request('eth_getBlockByNumber', [quantity(block.number), false])
  const { transactions } = fieldsOf(there ?? {})
  if (!Array.isArray(transactions) || !equalBytes(readBlock(there)!.hash, block.hash))
    throw new FalseAnswer('does not tell the transactions of the block')
  if (transactions.length > SINGLE_RECEIPTS_MAX) throw new FalseAnswer('tells too many receipts one by one')
  const asked = transactions.map((hash) => request('eth_getTransactionReceipt', [hash]).catch(unlessNotOffered))
  const receipts = await Promise.all(asked)
  if (receipts.some((receipt) => receipt === null || receipt === undefined))
    throw new FalseAnswer('lacks receipts of the block')
  return receipts
}

function unlessNotOffered(error: unknown): undefined {
  if (!isNotOffered(error)) throw error
}
