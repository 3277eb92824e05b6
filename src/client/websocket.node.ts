/** On Node: its own WebSocket where it has one, else npm's ws, which keeps the same interface. */

import { WebSocket as Ws } from 'ws'

export const PlatformWebSocket: typeof WebSocket = globalThis.WebSocket ?? (Ws as unknown as typeof WebSocket)
