/** The WebSocket of the platform: browsers and Node 22 have one. Imported as `#websocket`. */

export const PlatformWebSocket: typeof WebSocket = globalThis.WebSocket
