/**
 * Chooses the transport: uWebSockets.js where its binary loads, `ws` otherwise or where `CAIRN_NATIVE=off` asks for it.
 *
 * Tests: test/relay/transport/transport.test.ts
 */

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
  const uws = process.env['CAIRN_NATIVE'] === 'off' ? undefined : await loadUws()
  return uws === undefined ? listenWs(options) : listenUws(uws, options)
}
