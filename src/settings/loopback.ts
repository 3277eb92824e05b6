/**
 * Which hosts only this machine reaches.
 *
 * Tests: test/settings/settings.test.ts, test/relay/transport/transport.test.ts
 */

import { isIP } from 'node:net'

/** `host` as the setting has it: an address without brackets, or a name. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}
