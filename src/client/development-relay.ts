/**
 * A development relay is asked for its own address: fine on one's own machine, and worth nothing elsewhere.
 *
 * Tests: test/client/shop-client.test.ts
 */

import { fromHex } from '../bytes/hex.js'
import { ClientError } from './client-error.js'
import { relayDescription } from './enrol.js'

const DEVELOPMENT_CHAIN_ID = 31_337

const OFFLINE_REMEDY = "Give the relay's address instead of 'development': cairn serve prints it."

interface Asked {
  readonly url: string
  readonly offline?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  readonly onNotice?: ((text: string) => void) | undefined
}

/** 20 bytes. Rejects with ClientError NOT_DEVELOPMENT, and as `relayDescription` does. */
export async function developmentAddress({ url, offline, signal, onNotice }: Asked): Promise<Uint8Array> {
  const facts = await relayDescription(url, signal).catch((error: unknown) => {
    if (offline !== true || !(error instanceof ClientError) || error.code !== 'UNREACHABLE') throw error
    const problem = `${error.message}, and relay: 'development' asks it for its address, offline too`
    throw new ClientError('UNREACHABLE', problem, { cause: error, remedy: OFFLINE_REMEDY })
  })
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
