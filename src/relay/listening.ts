/**
 * What the relay tells its transport of sockets and addresses: how many there may be, and whose a request is.
 *
 * Tests: test/e2e/hostile.test.ts, test/e2e/behind-a-proxy.test.ts, test/cli/serve.test.ts
 */

import { SOCKETS_SHARE_OF_DESCRIPTORS } from '../limits.js'
import type { Settings } from '../settings/settings.js'
import type { Clock } from './instruments/clock.js'
import type { Log } from './instruments/log.js'
import { isPrivateAddress, TrustedProxies } from './transport/client-address.js'
import type { TransportOptions } from './transport/transport.js'

interface ListeningOptions {
  readonly settings: Pick<Settings, 'sessionsMax'> & Partial<Pick<Settings, 'trustedProxy'>>
  /** How many the process may have; undefined: nobody knows of a limit. */
  readonly descriptors: number | undefined
  readonly clock: Clock
  readonly log: Log
}

const FULL_LOGGED_EVERY_MS = 60_000

/** Says at once if there are too few descriptors for the sessions of the settings. */
export function listeningOptions({
  settings,
  descriptors,
  clock,
  log,
}: ListeningOptions): Pick<TransportOptions, 'socketsMax' | 'onFull' | 'clientAddress'> {
  const socketsMax = Math.floor((descriptors ?? Infinity) * SOCKETS_SHARE_OF_DESCRIPTORS)
  if (socketsMax < settings.sessionsMax) {
    const { sessionsMax } = settings
    log.warn('few descriptors: raise the limit (ulimit -n, LimitNOFILE)', { descriptors, socketsMax, sessionsMax })
  }
  let quietUntilMs = -Infinity
  const onFull = () => {
    if (clock.nowMs() < quietUntilMs) return
    quietUntilMs = clock.nowMs() + FULL_LOGGED_EVERY_MS
    log.warn('connections are refused: no more descriptors (ulimit -n, LimitNOFILE)', { socketsMax })
  }
  let warned = false
  const proxies = new TrustedProxies(settings.trustedProxy ?? '', (peer) => {
    if (warned) return
    warned = true
    // A guest's address stays out of the log.
    const address = isPrivateAddress(peer) ? peer : undefined
    log.warn('X-Forwarded-For is not believed: it came from no --trusted-proxy', { address })
  })
  return { socketsMax, onFull, clientAddress: (peer, headers) => proxies.addressOf(peer, headers) }
}
