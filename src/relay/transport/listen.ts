/**
 * Chooses the transport. Where other machines reach the port it is `ws`: uWebSockets.js refuses a request whose first
 * line comes in two packets, and its API cannot mend that. On loopback, where proxies and local clients are, it is
 * uWebSockets.js if its binary loads and `CAIRN_NATIVE=off` does not keep it out.
 *
 * Tests: test/relay/transport/transport.test.ts
 */

import { isLoopback } from '../../settings/loopback.js'
import type { Listener, ListenFunction, TransportOptions } from './transport.js'
import { listenUws, loadUws } from './uws.js'
import { listenWs } from './ws.js'

/** The transport that was asked for has no binary here. */
export class TransportMissing extends Error {
  override readonly name = 'TransportMissing'

  constructor() {
    super('uWebSockets.js does not load here. Choose --transport auto or ws.')
  }
}

/** uWebSockets.js or nothing. Throws ListenError, TransportMissing. */
export const listenNative: ListenFunction = async (options: TransportOptions): Promise<Listener> => {
  const uws = await loadUws()
  if (uws !== undefined) return listenUws(uws, options)
  throw new TransportMissing()
}

/** The listener's `kind` tells which was chosen. Throws ListenError. */
export const listen: ListenFunction = async (options: TransportOptions): Promise<Listener> => {
  const isWanted = isLoopback(options.host) && process.env['CAIRN_NATIVE'] !== 'off'
  const uws = isWanted ? await loadUws() : undefined
  return uws === undefined ? listenWs(options) : listenUws(uws, options)
}
