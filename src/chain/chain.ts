/**
 * What the relay asks of one Ethereum chain (PROTOCOL §12), whatever speaks JSON-RPC to it. Calls that fail everywhere
 * throw ChainUnreachable.
 *
 * Tests: test/chain/rpc-chain.test.ts, test/chain/follower.test.ts, test/relay/anchor/anchor.test.ts
 */

import type { ChainId, Seconds } from '../brands.js'

/**
 * No configured endpoint answered in time, or none that is of this chain. What needs the chain waits; the rest goes on.
 */
export class ChainUnreachable extends Error {
  override readonly name = 'ChainUnreachable'
}

export interface Block {
  readonly number: bigint
  /** 32 bytes. */
  readonly hash: Uint8Array
  /** 32 bytes. */
  readonly parentHash: Uint8Array
  /** Seconds since 1970. */
  readonly timestamp: Seconds
  /** 256 bytes: the Bloom filter of the block's logs, where the endpoint tells one. */
  readonly bloom?: Uint8Array | undefined
  /** How many, where the endpoint tells. */
  readonly transactions?: number | undefined
}

export interface ChainLog {
  /** The contract, 20 bytes. */
  readonly address: Uint8Array
  /** 32 bytes each; the first is the event's selector. */
  readonly topics: readonly Uint8Array[]
  readonly data: Uint8Array
  readonly blockNumber: bigint
  /** 32 bytes. */
  readonly blockHash: Uint8Array
  /** 32 bytes. */
  readonly transactionHash: Uint8Array
  readonly logIndex: number
}

export interface LogQuery {
  readonly fromBlock: bigint
  /** Included. An endpoint that does not have it tells no logs. */
  readonly toBlock: bigint
  /** 32 bytes: what `toBlock` has to be where the logs come from. */
  readonly toHash?: Uint8Array
  /** Contracts, 20 bytes each; not empty. */
  readonly addresses: readonly Uint8Array[]
  /** As eth_getLogs: per place any of these (32 bytes each), or undefined for whatever. */
  readonly topics: readonly (readonly Uint8Array[] | undefined)[]
}

export interface Call {
  /** 20 bytes. */
  readonly to: Uint8Array
  readonly data: Uint8Array
  /** The state after this block; the newest if left out. */
  readonly blockNumber?: bigint | undefined
  /**
   * A contract that anybody may have written: what an endpoint answers but bytes is the contract's failure, not the
   * endpoint's.
   */
  readonly foreign?: boolean
}

export interface Chain {
  readonly chainId: ChainId
  /** Why the chain cannot be asked now, for the operator; undefined while it can. */
  readonly problem: string | undefined
  /** The newest block. */
  head(): Promise<Block>
  /** Undefined if the chain has no such block. */
  block(number: bigint): Promise<Block | undefined>
  /**
   * In the order of blocks and log indexes; long ranges are asked in pieces. They come out of an index that may lag
   * behind the endpoint's own blocks: what is not there proves nothing.
   */
  logs(query: LogQuery): Promise<ChainLog[]>
  /** What the contract (20 bytes) logged in the block, by its receipts; undefined if no endpoint tells them. */
  receiptLogs(block: Block, address: Uint8Array): Promise<ChainLog[] | undefined>
  /** What the contract returned; undefined if it reverted, or failed in any way where it is `foreign`. */
  call(call: Call): Promise<Uint8Array | undefined>
  /** In the native currency's smallest unit, after that block. */
  balance(address: Uint8Array, blockNumber: bigint): Promise<bigint>
  /** After that block; over 0 for an address at which a contract was ever made. */
  nonce(address: Uint8Array, blockNumber: bigint): Promise<bigint>
  /**
   * Calls back soon after each new block, and at least every poll interval while the chain can be asked. Returns what
   * stops it.
   */
  onHead(seen: (head: Block) => void): () => void
  /** Open requests are given up. */
  close(): void
}

/** A transaction as the chain has it. */
export interface ChainTransaction {
  /** 32 bytes. */
  readonly hash: Uint8Array
  /** 20 bytes. */
  readonly from: Uint8Array
  /** 20 bytes; undefined where it makes a contract. */
  readonly to: Uint8Array | undefined
  readonly input: Uint8Array
  /** How many its sender sent before. */
  readonly nonce: bigint
  /** Undefined as long as it is in no block. */
  readonly block: { readonly number: bigint; readonly hash: Uint8Array; readonly succeeded: boolean } | undefined
}

/** What anchors ask beside: single transactions. */
export interface TransactionChain extends Chain {
  /** Undefined if the chain does not know it: it was never sent, or was dropped. `hash`: 32 bytes. */
  transaction(hash: Uint8Array): Promise<ChainTransaction | undefined>
  /** Hashes of those in the block that go to the contract (20 bytes), in their order. */
  transactionsTo(block: Block, contract: Uint8Array): Promise<Uint8Array[]>
}

/** In the order of blocks and log indexes. */
export function byPlace(a: ChainLog, b: ChainLog): number {
  if (a.blockNumber === b.blockNumber) return a.logIndex - b.logIndex
  return a.blockNumber < b.blockNumber ? -1 : 1
}
