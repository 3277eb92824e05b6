/**
 * The keys of the demo shop: a file beside the relay's data, made at the demo's first start.
 *
 * Tests: test/cli/serve.test.ts
 */

import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { replaceFile } from '../disk/whole-file.js'
import { UsageError } from './flags.js'

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

/**
 * Those in a data directory; undefined if there is no demo shop, or its file may not be read. Throws UsageError for a
 * damaged one.
 */
export async function demoKeysIn(data: string): Promise<DemoKeys | undefined> {
  return parsed(data, await readFile(fileIn(data), 'utf8').catch(() => undefined))
}

/**
 * Reads the demo's keys, or makes them; `wallet` (64 hex digits) is then the merchant's, a new one if left out. Throws
 * UsageError for a damaged file.
 */
export async function demoKeys(data: string, wallet?: string): Promise<DemoKeys> {
  const file = fileIn(data)
  const known = parsed(
    data,
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
  // Whole or not at all: half a file would stop every later start.
  await replaceFile(file, `${JSON.stringify(keys, null, 2)}\n`)
  return keys
}

function fileIn(data: string): string {
  return join(data, 'demo.json')
}

/** Of the relay's own making: what is JSON is taken as it is. */
function parsed(data: string, text: string | undefined | void): DemoKeys | undefined {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as DemoKeys
  } catch {
    throw new UsageError(`${fileIn(data)} is damaged: restore it, or remove it for a new demo shop`)
  }
}
