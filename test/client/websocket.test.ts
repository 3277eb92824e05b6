/** Which WebSocket the client takes: the platform's own where there is one, npm's ws on a Node without. */

import { afterEach, expect, test, vi } from 'vitest'
import { WebSocket as Ws } from 'ws'

afterEach(() => {
  vi.unstubAllGlobals()
  vi.resetModules()
})

test('a platform that has one is asked for its own, in a page and on Node', async () => {
  const Own = vi.fn()
  vi.stubGlobal('WebSocket', Own)
  expect((await import('../../src/client/websocket.js')).PlatformWebSocket).toBe(Own)
  expect((await import('../../src/client/websocket.node.js')).PlatformWebSocket).toBe(Own)
})

test('a Node without one takes ws', async () => {
  vi.stubGlobal('WebSocket', undefined)
  expect((await import('../../src/client/websocket.node.js')).PlatformWebSocket).toBe(Ws)
})
