/**
 * On Node: its own WebSocket where it has one, else npm's ws, which keeps the same interface.
 *
 * Tests: test/client/websocket.test.ts
 */

import { WebSocket as Ws } from 'ws'

export const PlatformWebSocket: typeof WebSocket = globalThis.WebSocket ?? (Ws as unknown as typeof WebSocket)
