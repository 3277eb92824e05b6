/**
 * The relay's address as `connect` takes it: what its sets, checkpoints and receipts are checked against.
 *
 * Tests: test/client/shop-client.test.ts
 */

import { fromHex } from '../bytes/hex.js'
import { ClientError } from './client-error.js'
import { relayDescription } from './enrol.js'

const DEVELOPMENT_CHAIN_ID = 31_337

interface AddressOptions {
  readonly url: string
  readonly relay: Uint8Array | string
  readonly signal?: AbortSignal | undefined
  readonly onNotice?: ((text: string) => void) | undefined
}

/** 20 bytes; `'development'` asks a development relay for its own. Rejects with ClientError. */
export async function relayAddress({ url, relay, signal, onNotice }: AddressOptions): Promise<Uint8Array> {
  if (relay instanceof Uint8Array) return relay
  if (relay !== 'development') return fromHex(relay)
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
