/**
 * Whose name a request calls the relay by. In development mode anybody may take any shop, so a page of a name that was
 * made to lead to this machine (DNS rebinding) must not speak with it: the browser counts it as the page's own server.
 *
 * Tests: test/relay/transport/host-header.test.ts, test/e2e/hostile.test.ts
 */

import type { Headers } from './request-head.js'

/** Why a request is not for a relay in development mode, or undefined. One without Host is no browser's. */
export function strangeHost(headers: Headers, publicUrl: string): string | undefined {
  const host = headers.get('host')
  if (host === undefined || isOwn(host, publicUrl)) return undefined
  return 'in development mode only loopback names and the host of --public-url are answered'
}

/** Any port: a tunnel or a container may lead from another one. */
function isOwn(host: string, publicUrl: string): boolean {
  if (!URL.canParse(`http://${host}`)) return false
  const { hostname } = new URL(`http://${host}`)
  return LOOPBACK.test(hostname) || hostname === new URL(publicUrl).hostname
}

const LOOPBACK = /^(?:(?:.+\.)?localhost\.?|127\.\d+\.\d+\.\d+|\[::1\])$/
