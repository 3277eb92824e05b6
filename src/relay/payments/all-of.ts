/** Tests: test/relay/payments/payment-chain.test.ts */

import { LOOKS_AT_ONCE_MAX } from '../../limits.js'

/**
 * Some at once. Waits for those also where one fails: what went on longer than its block was handled would tell of an
 * old one later.
 */
export async function allOf<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  for (let i = 0; i < items.length; i += LOOKS_AT_ONCE_MAX) {
    const done = await Promise.allSettled(items.slice(i, i + LOOKS_AT_ONCE_MAX).map(act))
    const failed = done.find(({ status }) => status === 'rejected')
    if (failed !== undefined) throw (failed as PromiseRejectedResult).reason
  }
}
