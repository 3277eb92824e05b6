/**
 * What the chain says of an anchor: further on in a block that is deep enough, or back where its block is taken back.
 *
 * Tests: test/relay/anchor/anchor.test.ts
 */

import type { ShopId } from '../../brands.js'
import { equalBytes } from '../../bytes/bytes.js'
import type { Block, TransactionChain } from '../../chain/chain.js'
import { readUpdateRootHash, rootHashCall } from '../../wire/registry-calls.js'
import { ANCHOR_LOOK_BACK_BLOCKS } from '../../limits.js'
import type { Clock } from '../instruments/clock.js'
import { digestOf, type AnchorEntry } from './anchor-history.js'

/** The relay's own account on the registry's chain. */
export interface AnchorWallet {
  /** 20 bytes. */
  readonly address: Uint8Array
  /** A transaction, signed and not sent. Rejects with a line for people: it would revert, there is no ether for it. */
  sign(call: { readonly to: Uint8Array; readonly data: Uint8Array }): Promise<SignedTransaction>
  /** Rejects where the chain does not take it. */
  broadcast(raw: Uint8Array): Promise<void>
}

interface SignedTransaction {
  /** 32 bytes. */
  readonly hash: Uint8Array
  readonly raw: Uint8Array
  readonly nonce: bigint
}

/** Where it is anchored, and who sends. */
export interface AnchorPlace {
  readonly chain: TransactionChain
  /** The shop registry, 20 bytes. */
  readonly contract: Uint8Array
  /** How many blocks have to lie on an anchor, its own included. */
  readonly depth: bigint
  /** Undefined: the shops' owners send. */
  readonly wallet: AnchorWallet | undefined
  readonly clock: Clock
}

export class AnchorFollower {
  private readonly options: AnchorPlace

  constructor(options: AnchorPlace) {
    this.options = options
  }

  /** The entry as it is now; the same one if nothing changed. */
  async follow(shopId: ShopId, entry: AnchorEntry, head: Block): Promise<AnchorEntry> {
    const { tx } = entry
    if (tx === undefined) return this.followWithoutTransaction(shopId, entry, head)
    const transaction = await this.options.chain.transaction(tx)
    if (transaction === undefined) return this.sendAgain(entry, head)
    const { block } = transaction
    if (block === undefined || !(await this.isOfTheChain(block))) return this.back(entry)
    if (!block.succeeded) return this.failed(entry, 'its transaction was reverted', block)
    const status = head.number - block.number + 1n >= this.options.depth ? 'final' : 'included'
    const isSame = entry.status === status && entry.block !== undefined && equalBytes(entry.block.hash, block.hash)
    if (isSame) return entry
    return this.now({ ...entry, status, block: { number: block.number, hash: block.hash } })
  }

  /** The entry, whose digest the registry holds, with the transaction that brought it there, as far as it is found. */
  async find(shopId: ShopId, entry: AnchorEntry, head: Block): Promise<AnchorEntry> {
    const { chain, contract } = this.options
    const first = head.number >= ANCHOR_LOOK_BACK_BLOCKS ? head.number - ANCHOR_LOOK_BACK_BLOCKS + 1n : 0n
    for (let number = head.number; number >= first; number--) {
      const block = await chain.block(number)
      if (block === undefined || block.transactions === 0) continue
      for (const tx of await chain.transactionsTo(block, contract)) {
        const call = await this.callIn(tx)
        if (call === undefined || call.shopId !== shopId || !equalBytes(call.digest, digestOf(entry))) continue
        return this.follow(shopId, { ...entry, status: 'included', tx, nonce: call.nonce }, head)
      }
    }
    return this.now({ ...entry, status: 'included' })
  }

  private async callIn(tx: Uint8Array) {
    const transaction = await this.options.chain.transaction(tx)
    return transaction?.block?.succeeded === true ? readUpdateRootHash(transaction.input) : undefined
  }

  /** By the registry alone: it held the digest so many blocks ago. */
  private async followWithoutTransaction(shopId: ShopId, entry: AnchorEntry, head: Block): Promise<AnchorEntry> {
    const { chain, contract, depth } = this.options
    const number = head.number - depth + 1n
    if (number < 0n) return entry
    const [now, then] = await Promise.all(
      [head.number, number].map((blockNumber) => chain.call({ to: contract, data: rootHashCall(shopId), blockNumber })),
    )
    const isThere = (root: Uint8Array | undefined) => root !== undefined && equalBytes(root, digestOf(entry))
    if (isThere(then)) return this.now({ ...entry, status: 'final' })
    return isThere(now) ? entry : this.failed(entry, 'the registry holds another digest')
  }

  /** The chain does not know it: it was never sent, was dropped, or another one took its place. */
  private async sendAgain(entry: AnchorEntry, head: Block): Promise<AnchorEntry> {
    const { chain, wallet } = this.options
    const { raw, txNonce } = entry
    if (raw === undefined || wallet === undefined) {
      const { tx: _tx, nonce: _nonce, block: _block, ...before } = entry
      return this.now({ ...before, status: 'revalidated' })
    }
    const sent = await chain.nonce(wallet.address, head.number)
    if (txNonce !== undefined && sent > txNonce) return this.failed(entry, 'another transaction took its place')
    await wallet.broadcast(raw)
    return this.back(entry)
  }

  /** Not in a block, or not any more. */
  private back(entry: AnchorEntry): AnchorEntry {
    if (entry.status === 'broadcast') return entry
    const { block: _block, ...rest } = entry
    return this.now({ ...rest, status: 'broadcast' })
  }

  private async isOfTheChain({ number, hash }: { number: bigint; hash: Uint8Array }): Promise<boolean> {
    const block = await this.options.chain.block(number)
    return block !== undefined && equalBytes(block.hash, hash)
  }

  private failed(entry: AnchorEntry, reason: string, block = entry.block): AnchorEntry {
    return this.now({ ...entry, status: 'failed', reason, ...(block && { block }) })
  }

  private now(entry: AnchorEntry): AnchorEntry {
    return { ...entry, atMs: this.options.clock.nowMs() }
  }
}
