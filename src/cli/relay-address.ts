/**
 * The address of a relay whose data directory is at hand.
 *
 * Tests: test/cli/check.test.ts
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { addressOf, publicKeyOf } from '#signature'
import { fromHex } from '../bytes/hex.js'

/** 20 bytes, of the key in the directory; undefined if it is kept elsewhere. */
export function relayAddressIn(data: string): Uint8Array | undefined {
  try {
    return addressOf(publicKeyOf(fromHex(readFileSync(join(data, 'relay.key'), 'utf8').trim())))
  } catch {
    return undefined
  }
}
