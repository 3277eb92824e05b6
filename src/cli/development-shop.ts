/**
 * Which shop is meant where nobody names one.
 *
 * Tests: test/cli/watch.test.ts
 */

import { ClientError } from '../client/client-error.js'
import { demoKeysIn } from './demo-keys.js'
import { UsageError } from './flags.js'
import type { Io } from './io.js'

/** A development relay tells its shops; of several the demo's is meant. Throws UsageError, ClientError UNREACHABLE. */
export async function developmentShop(url: string, data: string, io: Io): Promise<bigint> {
  const shops = await shopsAt(url, io.signal)
  const [only, ...others] = shops
  if (only !== undefined && others.length === 0) return BigInt(only)
  const demo = await demoKeysIn(data)
  if (demo !== undefined && (shops.length === 0 || shops.includes(demo.shop))) return BigInt(demo.shop)
  if (only === undefined) throw new UsageError(`--shop is missing: the relay at ${url} does not tell its shops`)
  throw new UsageError(`--shop is missing: the relay at ${url} has ${shops.slice(0, 8).join(', ')}`)
}

/** None of a relay that is not for development. */
async function shopsAt(url: string, signal: AbortSignal): Promise<readonly string[]> {
  let response: Response
  try {
    response = await fetch(`${url}/testing/discovery`, { signal })
  } catch (error) {
    throw new ClientError('UNREACHABLE', `no relay answers at ${url}`, { cause: error })
  }
  const document = (await response.json().catch(() => ({}))) as { readonly shops?: unknown }
  const { shops } = document
  return Array.isArray(shops) ? shops.filter((shop) => typeof shop === 'string' && /^[0-9]+$/u.test(shop)) : []
}
