/**
 * The keys of the demo shop: a file beside the relay's data, made at the demo's first start.
 *
 * Tests: test/cli/serve.test.ts
 */

import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Keys are 64 hexadecimal digits each. */
export interface DemoKeys {
  /** Decimal. */
  readonly shop: string
  /** Of the merchant's wallet. */
  readonly wallet: string
  /** Of the merchant's key card. */
  readonly card: string
  /** Of the guests' key cards. */
  readonly guests: readonly string[]
}

const GUESTS = 2

/** Those in a data directory; undefined if there is no demo shop, or its file cannot be read. */
export async function demoKeysIn(data: string): Promise<DemoKeys | undefined> {
  return parsed(await readFile(fileIn(data), 'utf8').catch(() => undefined))
}

/** Reads the demo's keys, or makes them; `wallet` (64 hex digits) is then the merchant's, a new one if left out. */
export async function demoKeys(data: string, wallet?: string): Promise<DemoKeys> {
  const file = fileIn(data)
  const known = parsed(
    await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
    }),
  )
  if (known !== undefined) return known
  const key = () => randomBytes(32).toString('hex')
  const shop = BigInt(`0x${randomBytes(6).toString('hex')}`) + 1n
  const keys: DemoKeys = {
    shop: String(shop),
    wallet: wallet ?? key(),
    card: key(),
    guests: Array.from({ length: GUESTS }, key),
  }
  await writeFile(file, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 })
  return keys
}

function fileIn(data: string): string {
  return join(data, 'demo.json')
}

/** Of the relay's own making, so its form is not checked. */
function parsed(text: string | undefined | void): DemoKeys | undefined {
  return text === undefined ? undefined : (JSON.parse(text) as DemoKeys)
}
