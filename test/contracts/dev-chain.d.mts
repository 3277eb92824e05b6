export interface DevChain {
  readonly rpcUrl: string
  readonly wsUrl: string
  readonly chainId: number
  /** With 0x, lower case. */
  readonly addresses: {
    readonly relays: string
    readonly shops: string
    readonly payments: string
    readonly token: string
  }
  readonly accounts: readonly { readonly address: string; readonly secret: string }[]
  readonly rpc: (method: string, params?: readonly unknown[]) => Promise<unknown>
  readonly stop: () => Promise<void>
}
export const ACCOUNTS: DevChain['accounts']
export function startDevChain(options?: {
  readonly port?: number
  readonly chainId?: number
  readonly blockTimeSeconds?: number
}): Promise<DevChain>
export function receiptOf(
  rpc: DevChain['rpc'],
  hash: string,
): Promise<{ readonly blockNumber: string; readonly blockHash: string; readonly contractAddress: string | null }>
