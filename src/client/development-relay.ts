/**
 * A development relay is asked for its own address: fine on one's own machine, and worth nothing elsewhere.
 *
 * Tests: test/client/shop-client.test.ts
 */

import { fromHex } from '../bytes/hex.js'
import { ClientError } from './client-error.js'
import { relayDescription } from './enrol.js'

const DEVELOPMENT_CHAIN_ID = 31_337

interface Asked {
  readonly url: string
  readonly signal?: AbortSignal | undefined
  readonly onNotice?: ((text: string) => void) | undefined
}

/** 20 bytes. Rejects with ClientError NOT_DEVELOPMENT, and as `relayDescription` does. */
export async function developmentAddress({ url, signal, onNotice }: Asked): Promise<Uint8Array> {
  const facts = await relayDescription(url, signal)
  if (facts.chain_id !== DEVELOPMENT_CHAIN_ID) {
    throw new ClientError(
      'NOT_DEVELOPMENT',
      `the relay at ${url} is not in development mode: its address must be given`,
    )
  }
  onNotice?.(
    `the relay's address ${facts.relay_address} is taken from the relay itself: ` +
      'fine for development, proves nothing elsewhere',
  )
  return fromHex(facts.relay_address)
}
