/**
 * The relay that a command is told of: by an address, by a chain, or by a data directory that is at hand.
 *
 * Tests: test/cli/check.test.ts, test/e2e/rotated-relay.test.ts
 */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { addressOf, publicKeyOf } from '#signature'
import type { RelayGiven } from '../client/shop-client.js'
import { parseKey } from '../settings/relay-key.js'
import { keysUpTo, readHandOvers } from '../store/hand-overs.js'
import { shopChainOf } from './chains.js'
import { relayFlag } from './flags.js'

/** Of commands that connect, beside RELAY_FLAG: where `--relay chain` asks. */
export const CHAIN_FLAG = { kind: 'text', value: 'dev' } as const

/** What `connect` takes for `--relay ADDRESS|chain`. Throws UsageError, SettingsError. */
export function relayGiven({ relay, chain }: { readonly relay: string; readonly chain: string }): RelayGiven {
  return relay === 'chain' ? { chain: shopChainOf(chain) } : relayFlag(relay)
}

/**
 * Of the key in the directory and of those before it, 20 bytes each; undefined if it is kept elsewhere, or may not be
 * read by this user. Rejects with KeyFileError, HandOversError.
 */
export async function relaysIn(data: string): Promise<Uint8Array[] | undefined> {
  const file = join(data, 'relay.key')
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (!NOT_AT_HAND.includes(error.code ?? '')) throw error
  })
  if (text === undefined) return undefined
  return keysUpTo(addressOf(publicKeyOf(parseKey(text, file))), await readHandOvers(file))
}

const NOT_AT_HAND: readonly string[] = ['ENOENT', 'ENOTDIR', 'EACCES']
