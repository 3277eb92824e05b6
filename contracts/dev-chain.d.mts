export interface DevChain {
  readonly rpcUrl: string
  readonly wsUrl: string
  readonly chainId: number
  /** With 0x, lower case; the same on every chain of these. */
  readonly addresses: {
    readonly relays: string
    readonly shops: string
    readonly payments: string
    /** ERC-20 with two decimals that anybody may mint. */
    readonly token: string
  }
  readonly accounts: readonly Account[]
  /** One JSON-RPC call; rejects with an Error that has the answer's code and data. The accounts are unlocked. */
  readonly rpc: (method: string, params?: readonly unknown[]) => Promise<unknown>
  /** Adds blocks, one by default. */
  readonly mine: (blocks?: number) => Promise<void>
  /** An id for `revert`, which uses it up. */
  readonly snapshot: () => Promise<string>
  /** Rejects where the id is unknown or used up. */
  readonly revert: (id: string) => Promise<void>
  /** Replaces the newest `depth` blocks by as many others: with these transactions, and without those they had. */
  readonly reorg: (depth: number, transactions?: readonly ReorgTransaction[]) => Promise<void>
  /** Ends anvil and waits for it; again is no error. */
  readonly stop: () => Promise<void>
  /** Resolves when anvil has ended, wanted or not, with what it complained of. */
  readonly ended: Promise<string>
}

export interface Account {
  /** With 0x, lower case. */
  readonly address: string
  /** 64 hexadecimal digits, as the relay's settings take it. */
  readonly secret: string
  /** The same with 0x, as viem takes it. */
  readonly privateKey: `0x${string}`
}

/** A signed transaction, or one from an unlocked account: quantities as JSON-RPC writes them, gas by the chain. */
export type ReorgTransaction = {
  /** In which of the new blocks: 0 is the oldest of them, and the default. */
  readonly block?: number
} & (
  | { readonly raw: string }
  | {
      readonly from: string
      readonly to: string
      readonly value?: string
      readonly data?: string
      readonly gas?: string
    }
)

export const ACCOUNTS: DevChain['accounts']
export function startDevChain(options?: {
  /** 0 or absent: a free one. */
  readonly port?: number
  /** 31337 by default. */
  readonly chainId?: number
  /** Absent: a block for every transaction. */
  readonly blockTimeSeconds?: number
  /** Time of the first block; the chain's clock goes on from there. */
  readonly genesisSeconds?: number
}): Promise<DevChain>
export function transactionReceipt(
  rpc: DevChain['rpc'],
  hash: string,
): Promise<{ readonly blockNumber: string; readonly blockHash: string; readonly contractAddress: string | null }>
