/** `cairn serve`: a relay on this machine; in development mode with a demo shop. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { addressOf, publicKeyOf } from '#signature'
import { toHex } from '../bytes/hex.js'
import { listen } from '../relay/listen.js'
import { listenWs } from '../relay/transport-ws.js'
import { ListenError } from '../relay/transport.js'
import { makeLog } from '../relay/log.js'
import { Metrics, serveMetrics } from '../relay/metrics.js'
import { startRelay, type RunningRelay } from '../relay/relay.js'
import { KeyFileError, readOrMakeKey } from '../relay/relay-key.js'
import { ReplayError } from '../relay/keeper.js'
import { printConfig, readSettings, SettingsError, settingsHelp, type Settings } from '../relay/settings.js'
import { openBlobs } from '../store/blobs.js'
import { openStore } from '../store/open.js'
import { StoreError } from '../store/store-error.js'
import { openChains } from './chains.js'
import { DEMO_LISTING, demoKeys, runDemo } from './demo-shop.js'
import type { Io } from './io.js'
import { packageVersion } from './version.js'

/** Returns the exit code when the relay has stopped. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  if (argv.includes('--help')) {
    io.out(settingsHelp())
    return 0
  }
  try {
    const flags = argv.filter((flag) => flag !== '--print-config')
    const settings = readSettings({ flags, env: io.env, readFile: (path) => readFileSync(path, 'utf8') })
    if (argv.includes('--print-config')) {
      io.out(printConfig(settings))
      return 0
    }
    await serve(settings, io)
    return 0
  } catch (error) {
    if (!EXPECTED.some((kind) => error instanceof kind)) throw error
    io.err(`cairn: ${(error as Error).message}`)
    return 1
  }
}

/** What can be wrong with settings, machine and data: one line each. */
const EXPECTED = [SettingsError, ListenError, StoreError, ReplayError, KeyFileError] as const

async function serve(settings: Settings, io: Io): Promise<void> {
  const store = await openStore(settings.data)
  try {
    const blobs = await openBlobs(join(settings.data, 'blobs'))
    const relaySecret = await readOrMakeKey(settings.relayKeyFile ?? join(settings.data, 'relay.key'))
    const text = settings.logFormat === 'text' || (settings.logFormat === 'auto' && io.isTerminal)
    const log = makeLog({ format: text ? 'text' : 'json', write: io.err, now: Date.now })
    const metrics = new Metrics()
    const chains = await openChains(settings, { store, address: addressOf(publicKeyOf(relaySecret)), log })
    const chosen = settings.transport === 'ws' ? listenWs : listen
    const relay = await startRelay({
      settings,
      store,
      blobs,
      ...chains,
      relaySecret,
      listen: chosen,
      version: packageVersion(),
      log,
      metrics,
    })
    const exposed =
      settings.metricsPort === 0
        ? undefined
        : await serveMetrics(metrics, { host: settings.metricsHost, port: settings.metricsPort })
    try {
      io.out(welcome(relay, settings))
      await untilStopped(relay, settings, io)
    } finally {
      await relay.stop()
      await exposed?.close()
    }
  } finally {
    await store.close()
  }
}

async function untilStopped(relay: RunningRelay, settings: Settings, io: Io): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    if (io.signal.aborted) resolve()
    else io.signal.addEventListener('abort', () => resolve(), { once: true })
  })
  if (settings.demo) {
    const keys = await demoKeys(join(settings.data, 'demo.json'))
    const demo = runDemo(relay.url, keys, io.signal, () => io.out(invitation(relay.url, keys.shop)))
    await Promise.race([
      stopped,
      demo.catch((error: unknown) =>
        io.signal.aborted ? undefined : io.err(`the demo shop stopped: ${(error as Error).message}`),
      ),
    ])
  }
  await stopped
}

function welcome(relay: RunningRelay, settings: Settings): string {
  return [
    `cairn ${packageVersion()} listens on ${relay.url} (${relay.transport})`,
    '',
    '  DEVELOPMENT MODE: no chain is configured. Every shop belongs to the wallet that names it first,',
    '  and orders end in Committed or Canceled. Do not put this on a network.',
    '',
    `  relay address  0x${toHex(relay.address)}`,
    `  data           ${settings.data}`,
    settings.metricsPort === 0
      ? '  metrics        off'
      : `  metrics        http://${settings.metricsHost}:${settings.metricsPort}/metrics`,
  ].join('\n')
}

function invitation(url: string, shop: string): string {
  return [
    `  demo shop      ${shop} (30 listings, prices and stock keep changing)`,
    '',
    'Try in another terminal:',
    '',
    `  npx cairn watch --url ${url} --shop ${shop} --listing ${DEMO_LISTING}`,
    `  npx cairn put --url ${url} --shop ${shop} --listing ${DEMO_LISTING} --price 42`,
    '',
    'Ctrl-C stops the relay; npm start goes on where it was.',
  ].join('\n')
}
