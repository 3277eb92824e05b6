/**
 * The WebSocket of the platform: browsers and Node 22 have one. Imported as `#websocket`.
 *
 * Tests: test/client/websocket.test.ts
 */

export const PlatformWebSocket: typeof WebSocket = globalThis.WebSocket
