/**
 * The shop registry's events as accounts and rights (PROTOCOL §12): who was added or removed becomes a set of the
 * relay's; whose rights changed is asked for them again. Handling the same event twice changes nothing.
 *
 * Tests: test/e2e/registry.test.ts, test/e2e/rejected-commits.test.ts
 */

import type { ShopId } from '../../brands.js'
import { equalBytes } from '../../bytes/bytes.js'
import type { Chain } from '../../chain/chain.js'
import type { ChainRegistry } from '../../chain/chain-registry.js'
import { CLERK_PERMISSION, readShopEvent, SHOP_EVENT_TOPICS, type ShopEvent } from '../../chain/contracts.js'
import { follow, type BlockRange, type FollowedBlock, type Follower } from '../../chain/follower.js'
import { CHAIN_MARGIN_BLOCKS } from '../../limits.js'
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
  onError(error: unknown): void
}

export class AccountMirror {
  private readonly options: AccountMirrorOptions
  private readonly follower: Follower

  constructor(options: AccountMirrorOptions) {
    this.options = options
    const { chain, depth, followed } = options
    this.follower = follow({
      chain,
      depth,
      followed,
      marginBlocks: CHAIN_MARGIN_BLOCKS,
      handle: (range) => this.handle(range),
      // What the new blocks say is handed out again; what only the old ones said stays until the chain says otherwise.
      reorged: async () => undefined,
      saved: (list) => options.saved(list),
      onError: (error) => options.onError(error),
    })
  }

  async close(): Promise<void> {
    await this.follower.stop()
  }

  private async handle({ from, to, toHash }: BlockRange): Promise<void> {
    const { chain, shops, writer } = this.options
    const logs = await chain.logs({
      fromBlock: from,
      toBlock: to,
      toHash,
      addresses: [shops],
      topics: [SHOP_EVENT_TOPICS],
    })
    for (const log of logs) {
      const event = readShopEvent(log)
      if (event !== undefined && writer.shop(event.shopId) !== undefined) await this.mirror(event, log.blockNumber)
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
