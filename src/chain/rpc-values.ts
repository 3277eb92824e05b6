/**
 * JSON-RPC values as an endpoint answers with them; what is beyond these bounds is a lie.
 *
 * Tests: test/chain/rpc-chain.test.ts
 */

import { fromHex } from '../bytes/hex.js'
import type { Block, ChainLog } from './chain.js'

/** The endpoint answers, and what it answers cannot be. */
export class FalseAnswer extends Error {
  override readonly name = 'FalseAnswer'
}

const BLOCK_NUMBER_MAX = 2n ** 53n
const TIMESTAMP_MAX = 2n ** 40n
const LOG_INDEX_MAX = 2n ** 31n
const AMOUNT_MAX = 2n ** 256n - 1n
const BLOOM_BYTES = 256
/** Of one byte string, hexadecimal. */
const ANSWER_DIGITS_MAX = 2_097_152

export function readBlock(value: unknown): Block | undefined {
  if (value === null) return undefined
  const { number, hash, parentHash, timestamp, logsBloom, transactions } = fieldsOf(value)
  return {
    number: quantityIn(number, BLOCK_NUMBER_MAX),
    hash: bytesIn(hash, 32),
    parentHash: bytesIn(parentHash, 32),
    timestamp: quantityIn(timestamp, TIMESTAMP_MAX),
    bloom: isNothing(logsBloom) ? undefined : bytesIn(logsBloom, BLOOM_BYTES),
    transactions: Array.isArray(transactions) ? transactions.length : undefined,
  }
}

export function readLog(value: unknown): ChainLog {
  const { address, topics, data, blockNumber, blockHash, transactionHash, logIndex, removed } = fieldsOf(value)
  if (removed === true || !Array.isArray(topics)) throw new FalseAnswer('answers with a log that is none')
  return {
    address: bytesIn(address, 20),
    topics: topics.map((topic) => bytesIn(topic, 32)),
    data: bytesIn(data),
    blockNumber: quantityIn(blockNumber, BLOCK_NUMBER_MAX),
    blockHash: bytesIn(blockHash, 32),
    transactionHash: bytesIn(transactionHash, 32),
    logIndex: Number(quantityIn(logIndex, LOG_INDEX_MAX)),
  }
}

export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw new FalseAnswer('answers with another form')
  return value as Record<string, unknown>
}

export function bytesIn(value: unknown, length?: number): Uint8Array {
  if (typeof value !== 'string' || value.length % 2 !== 0 || !/^0x[0-9a-fA-F]*$/u.test(value))
    throw new FalseAnswer('answers with no bytes')
  if (value.length > ANSWER_DIGITS_MAX) throw new FalseAnswer('answers with too many bytes')
  const bytes = fromHex(value)
  if (length !== undefined && bytes.length !== length)
    throw new FalseAnswer(`answers with ${bytes.length} bytes for ${length}`)
  return bytes
}

export function quantityIn(value: unknown, most = AMOUNT_MAX): bigint {
  if (typeof value !== 'string' || !/^0x[0-9a-fA-F]{1,64}$/u.test(value))
    throw new FalseAnswer('answers with no number')
  const number = BigInt(value)
  if (number > most) throw new FalseAnswer('answers with a number that cannot be')
  return number
}

export function quantity(number: bigint): string {
  return `0x${number.toString(16)}`
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null || value === '0x'
}
