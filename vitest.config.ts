import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  resolve: {
    alias: {
      '#hash': source('src/bytes/hash.node.ts'),
      '#signature': source('src/bytes/signature.node.ts'),
      '#websocket': source('src/client/websocket.node.ts'),
    },
  },
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: process.env['TEST_SEED'] === undefined ? [] : ['test/fixtures/seed.ts'],
    // Many times what a test takes: a machine may be slow, and busy.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
})
