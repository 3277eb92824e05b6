/**
 * The shop registry's events as accounts and rights (PROTOCOL §12): who was added or removed becomes a set of the
 * relay's; whose rights changed is asked for them again. Handling the same event twice changes nothing.
 *
 * Tests: test/e2e/registry.test.ts, test/e2e/lagging-logs.test.ts, test/e2e/rejected-commits.test.ts
 */

import type { Seconds, ShopId } from '../../brands.js'
import { word } from '../../bytes/abi.js'
import { equalBytes } from '../../bytes/bytes.js'
import { toHex, type Hex } from '../../bytes/hex.js'
import { bloomBits, mayHold, type BloomBits } from '../../chain/bloom.js'
import { byPlace, type Block, type Chain, type ChainLog } from '../../chain/chain.js'
import type { ChainRegistry } from '../../chain/chain-registry.js'
import { CLERK_PERMISSION, readShopEvent, SHOP_EVENT_TOPICS, type ShopEvent } from '../../chain/contracts.js'
import { follow, type BlockRange, type FollowedBlock, type Follower } from '../../chain/follower.js'
import { LogCheck } from '../../chain/log-check.js'
import { CHAIN_MARGIN_BLOCKS, LOG_LAG_BLOCKS_MAX } from '../../limits.js'
import { Account } from '../../objects/account.js'
import { encodeChange, type Change } from '../../patches/patch.js'
import type { Writer } from '../write/writer.js'

interface AccountMirrorOptions {
  readonly chain: Chain
  /** The ShopReg contract, 20 bytes. */
  readonly shops: Uint8Array
  readonly registry: ChainRegistry
  readonly writer: Writer
  readonly depth: bigint
  readonly followed: readonly FollowedBlock[]
  /** Live sessions of the wallet's cards lose what they may no longer do. */
  recheckRights(shopId: ShopId, wallet: Uint8Array): Promise<void>
  saved(followed: readonly FollowedBlock[]): Promise<void>
  nowSeconds(): Seconds
  /** Blocks from this one on cannot be checked: no endpoint tells receipts. */
  onGivenUp(block: Block): void
  onError(error: unknown): void
}

export class AccountMirror {
  private readonly options: AccountMirrorOptions
  private readonly follower: Follower
  private readonly check: LogCheck
  /** Of the ids of shops. */
  private readonly shopBits = new Map<ShopId, BloomBits>()
  /** The newest block whose events were handled; the follower may hand it out again where a later one failed. */
  private done = -1n

  constructor(options: AccountMirrorOptions) {
    this.options = options
    const { chain, depth, followed } = options
    this.check = new LogCheck({ ...options, address: options.shops, events: SHOP_EVENT_TOPICS })
    this.follower = follow({
      chain,
      depth,
      followed,
      marginBlocks: CHAIN_MARGIN_BLOCKS,
      handle: (range) => this.handle(range),
      // What the new blocks say is handed out again; what only the old ones said stays until the chain says otherwise.
      reorged: async () => void (this.done = -1n),
      saved: (list) => options.saved(list),
      onError: (error) => options.onError(error),
    })
  }

  /** For the operator; undefined while all is well. */
  get problem(): string | undefined {
    return this.check.problem
  }

  async close(): Promise<void> {
    await this.follower.stop()
  }

  /** Events count in their order, so that none is handled before what the index left out of earlier blocks. */
  private async handle({ from, to, toHash, safe }: BlockRange): Promise<void> {
    const { chain, shops } = this.options
    const range = { fromBlock: from, toBlock: to, toHash }
    const logs = await chain.logs({ ...range, addresses: [shops], topics: [SHOP_EVENT_TOPICS] })
    const told = new Set(logs.map(({ blockHash }) => toHex(blockHash)))
    for (let next = this.done < from ? from : this.done + 1n; next <= to; next = this.done + 1n) {
      const { logs: more, last } = await this.checked(next, to, safe.number, told)
      const known = logs.filter(({ blockNumber }) => blockNumber >= next && blockNumber <= last)
      await this.mirrorAll([...known, ...more].toSorted(byPlace))
      this.done = last
    }
  }

  /** What the index left out of the next blocks, and the last of them. */
  private async checked(next: bigint, to: bigint, newest: bigint, told: ReadonlySet<Hex>) {
    const wanted = [...this.options.writer.allShops()]
    const old = newest - LOG_LAG_BLOCKS_MAX
    if (wanted.length === 0 || to <= old) return { logs: [], last: to }
    if (next <= old) return { logs: [], last: old }
    const isWanted = (bloom: Uint8Array) => wanted.some(({ shopId }) => mayHold(bloom, this.bloomBits(shopId)))
    const { logs, last } = await this.check.piece(next, to, told, isWanted)
    return { logs, last: last.number }
  }

  /** Every event of a shop has its id in a topic. */
  private bloomBits(shopId: ShopId): BloomBits {
    const bits = this.shopBits.get(shopId) ?? bloomBits(word(shopId))
    this.shopBits.set(shopId, bits)
    return bits
  }

  private async mirrorAll(logs: readonly ChainLog[]): Promise<void> {
    for (const log of logs) {
      const event = readShopEvent(log)
      if (event !== undefined && this.options.writer.shop(event.shopId) !== undefined)
        await this.mirror(event, log.blockNumber)
    }
  }

  private async mirror(event: ShopEvent, blockNumber: bigint): Promise<void> {
    const { shopId } = event
    const recheckRights = (wallet: Uint8Array) => this.options.recheckRights(shopId, wallet)
    switch (event.kind) {
      case 'userAdded':
        await this.change(shopId, event.user, false, { op: 'add', path: ['Accounts', event.user], value: NO_CARDS })
        return recheckRights(event.user)
      case 'userRemoved':
        if (!(await this.ownedAt(shopId, event.user, blockNumber)))
          await this.change(shopId, event.user, true, { op: 'remove', path: ['Accounts', event.user] })
        return recheckRights(event.user)
      case 'transfer':
        await recheckRights(event.from)
        return recheckRights(event.to)
      default:
        return event.permission === BigInt(CLERK_PERMISSION) ? recheckRights(event.user) : undefined
    }
  }

  /** Of the state at the event's block; a node that no longer has it tells of the newest. */
  private async ownedAt(shopId: ShopId, wallet: Uint8Array, blockNumber: bigint): Promise<boolean> {
    const { registry } = this.options
    const owner = (await registry.ownerOf(shopId, blockNumber)) ?? (await registry.ownerOf(shopId))
    return owner !== undefined && equalBytes(owner, wallet)
  }

  /** Makes the change if the account is there (`present`) or is not. */
  private async change(shopId: ShopId, account: Uint8Array, present: boolean, change: Change): Promise<void> {
    const outcome = await this.options.writer.change(shopId, (state) =>
      state!.collections.Accounts.has(account) === present ? { patches: [encodeChange(change)] } : undefined,
    )
    if (outcome === 'not-stored') throw new Error('an account could not be stored; its event will be looked at again')
  }
}

const NO_CARDS = Account.write({ KeyCards: [], Guest: false })
