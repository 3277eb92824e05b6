/** Wallets of the demo and the benchmark: viem's accounts come in here. */

import { privateKeyToAccount } from 'viem/accounts'
import type { Wallet } from '../client/enrol.js'

/** `secret`: 64 hexadecimal digits. */
export function walletOf(secret: string): Wallet {
  return privateKeyToAccount(`0x${secret}`)
}
