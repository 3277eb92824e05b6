/** `cairn serve`: a relay on this machine; in development mode with a demo shop. */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { addressOf, publicKeyOf } from '#signature'
import { equalBytes } from '../bytes/bytes.js'
import { prefixedHex, toHex } from '../bytes/hex.js'
import { listen, listenNative, TransportMissing } from '../relay/transport/listen.js'
import { listenWs } from '../relay/transport/ws.js'
import type { Log } from '../relay/instruments/log.js'
import { listenFailure, ListenError } from '../relay/transport/transport.js'
import { descriptorLimit } from '../relay/instruments/descriptors.js'
import type { Metrics } from '../relay/instruments/metrics.js'
import { MetricsListenError, serveMetrics, type MetricsServer } from '../relay/instruments/metrics-server.js'
import { relayIdentity, type Registry } from '../chain/registry.js'
import { HAND_OVERS_MAX } from '../limits.js'
import { readHandOver, verifyHandOver, type SignedHandOver } from '../proofs/hand-over.js'
import { NoteError } from '../notes/forms.js'
import { readWitnesses } from '../relay/notes/witnesses.js'
import type { StorefrontFacts } from '../relay/pages.js'
import { startRelay, type RunningRelay } from '../relay/relay.js'
import { KEY_VARIABLE, KeyFileError, readKeyVariable, readOrMakeKey } from '../settings/relay-key.js'
import { openNoteKey } from '../settings/note-key.js'
import {
  isDevelopment,
  printConfig,
  readSettings,
  SettingsError,
  settingsHelp,
  type Settings,
} from '../settings/settings.js'
import { DATA_DEFAULT, PORT_DEFAULT } from '../settings/settings-table.js'
import { openBlobs } from '../store/blobs.js'
import { HandOversError, handOversUpTo, keysUpTo, readHandOvers } from '../store/hand-overs.js'
import { openStore } from '../store/open.js'
import { GuardError, openGuard } from '../store/signed-guard.js'
import type { Store } from '../store/store.js'
import { StoreError } from '../store/store-error.js'
import { DEVELOPMENT_CHAIN_ID } from '../chain/development-registry.js'
import type { ChainAddress } from '../objects/scalars.js'
import { DEVELOPMENT_TOKEN } from '../settings/chain-settings.js'
import { chainSettingsOf, openChains } from './chains.js'
import { demoKeys, type DemoKeys } from './demo-keys.js'
import { DEMO_LISTING, runDemo, type DemoChain, type DemoStart } from './demo-shop.js'
import { URL_FLAG } from './flags.js'
import type { Io } from './io.js'
import { DEVELOPMENT_ACCOUNTS, relayFor, walletOfFlags } from './merchant.js'
import { pay } from './order.js'
import { CHAIN_FLAG } from './relay-address.js'
import { addRelay, mintTo } from './shop.js'
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
const EXPECTED = [
  SettingsError,
  ListenError,
  MetricsListenError,
  TransportMissing,
  StoreError,
  KeyFileError,
  GuardError,
  HandOversError,
] as const

async function serve(settings: Settings, io: Io): Promise<void> {
  checkWitnesses(settings)
  if (!existsSync(settings.data)) await checkPorts(settings)
  // Here, so that --help and --print-config do not wait for the libraries behind them.
  const { makeLog } = await import('../relay/instruments/log.js')
  const log = makeLog({ format: logFormat(settings, io), write: io.err, now: Date.now })
  const hungUp = () => log.warn('SIGHUP is ignored: settings are read at the start only')
  process.on('SIGHUP', hungUp)
  const { data, reservationSeconds } = settings
  const store = await openStore(data, { reserveBytes: reserveBytesOf(settings), reservationSeconds, isTried: true })
  try {
    await serveFrom(store, settings, log, io)
  } catch (error) {
    // Stopped while it started.
    if (!io.signal.aborted || error !== io.signal.reason) throw error
  } finally {
    await store.close()
    process.off('SIGHUP', hungUp)
  }
}

/** A first start that nobody could reach leaves no data and no key; of later ones the data tell who uses them. */
async function checkPorts({ host, port, metricsHost, metricsPort }: Settings): Promise<void> {
  const failure = await listenFailure(host, port)
  if (failure !== undefined) throw new ListenError(host, port, failure.code)
  const unmeasured = metricsPort === 0 ? undefined : await listenFailure(metricsHost, metricsPort)
  if (unmeasured !== undefined) throw new MetricsListenError(metricsHost, metricsPort, unmeasured)
}

async function serveFrom(store: Store, settings: Settings, log: Log, io: Io): Promise<void> {
  const { Metrics } = await import('../relay/instruments/metrics.js')
  const metrics = new Metrics()
  const blobs = await openBlobs(join(settings.data, 'blobs'), reserveBytesOf(settings))
  const key = await relayKey(settings, { store, log, io })
  const noteKey = await openNoteKey(settings.noteKeyFile ?? key.noteFile)
  const guard = await openGuard(key.guardFile)
  const demo = await keysOfDemo(settings)
  try {
    const relay = await startRelay({
      settings,
      store,
      blobs,
      ...(await partsOfKey(settings, key, { store, log })),
      guard,
      noteKey,
      storefront: storefrontOf(settings, demo),
      listen: LISTEN[settings.transport],
      descriptors: descriptorLimit(),
      version: packageVersion(),
      log,
      metrics,
      signal: io.signal,
    })
    await serveUntilStopped(relay, settings, metrics, { io, demo, newKey: key.isSlip ? key.keyFile : undefined })
  } finally {
    await guard.close()
  }
}

/** What follows from whose the relay is: its chains, and its keys up to this one. */
async function partsOfKey(
  settings: Settings,
  { secret: relaySecret, keys, handOvers }: Awaited<ReturnType<typeof relayKey>>,
  { store, log }: { readonly store: Store; readonly log: Log },
) {
  const chains = await openChains(settings, { store, keys, relaySecret, log })
  const earlierAddresses = keys.slice(0, -1)
  return { ...chains, relaySecret, earlierAddresses, handOvers: ownHandOvers(handOvers, chains.registry, log) }
}

/** A rotation that was told of another chain names another relay: whoever is served that refuses all of them. */
function ownHandOvers(handOvers: readonly SignedHandOver[], registry: Registry, log: Log): readonly SignedHandOver[] {
  try {
    for (const signed of handOvers) verifyHandOver(signed, [readHandOver(signed).From], relayIdentity(registry))
    return handOvers.slice(-HAND_OVERS_MAX)
  } catch (error) {
    log.warn('no hand-overs are served: cairn key rotate was given another --chain', {
      reason: (error as Error).message,
    })
    return []
  }
}

function reserveBytesOf({ diskReserveMib }: Settings): number {
  return diskReserveMib * 1_048_576
}

interface ServingContext {
  readonly io: Io
  readonly demo: DemoKeys | undefined
  /** The file of the relay's key, if it was made now. */
  readonly newKey: string | undefined
}

/** Of the demo shop, made at its first start. */
async function keysOfDemo({ demo, data, chain }: Settings): Promise<DemoKeys | undefined> {
  return demo ? demoKeys(data, chain === 'none' ? undefined : DEVELOPMENT_ACCOUNTS.merchant) : undefined
}

/** What a page may know: of chains only one of development, whose endpoint is no secret. */
function storefrontOf(settings: Settings, demo: DemoKeys | undefined): StorefrontFacts {
  const shop = demo && BigInt(demo.shop)
  const row = chainSettingsOf(settings)?.chains.find(({ chainId }) => chainId === DEVELOPMENT_CHAIN_ID)
  if (row?.payments === undefined) return { shop }
  const token = { address: prefixedHex(DEVELOPMENT_TOKEN), decimals: 2, symbol: 'TEST' }
  const { chainId, rpc, payments } = row
  return { shop, chain: { chainId: Number(chainId), rpc: rpc[0]!, payments: prefixedHex(payments), token } }
}

async function serveUntilStopped(
  relay: RunningRelay,
  settings: Settings,
  metrics: Metrics,
  { io, demo, newKey }: ServingContext,
): Promise<void> {
  let exposed: MetricsServer | undefined
  try {
    if (settings.metricsPort !== 0)
      exposed = await serveMetrics(metrics, { host: settings.metricsHost, port: settings.metricsPort })
    io.out(welcome(relay, settings, newKey))
    await untilStopped(relay, settings, demo, io)
  } finally {
    await relay.stop()
    await exposed?.close()
  }
}

/** A new key is another relay to clients: beside shops of an old one it is a slip, such as a mistyped file name. */
async function relayKey(settings: Settings, given: { readonly store: Store; readonly log: Log; readonly io: Io }) {
  const { relayKeyFile, relayGuardFile, data } = settings
  const { store, log, io } = given
  const hasShops = store.shops().length > 0
  const tellNewKey = (fields: { readonly file: string; readonly address: string }) => {
    const slip = 'the shops here are of another relay, and clients refuse what this one signs'
    if (hasShops) log.warn(`a new relay key was made: ${slip}`, fields)
    else if (relayKeyFile !== undefined) log.warn(`a new relay key was made: there was none in relayKeyFile`, fields)
    else log.info('a new relay key was made', fields)
  }
  const text = io.env[KEY_VARIABLE]
  if (text !== undefined && text !== '') return keyOfEnvironment(text, settings)
  const file = relayKeyFile ?? join(data, 'relay.key')
  const { secret, isNew } = await readOrMakeKey(file)
  const address = addressOf(publicKeyOf(secret))
  if (isNew) tellNewKey({ file, address: prefixedHex(address) })
  const handOvers = handOversUpTo(address, await readHandOvers(file))
  const keys = keysUpTo(address, handOvers)
  return {
    secret,
    keys,
    handOvers,
    isSlip: isNew && (hasShops || relayKeyFile !== undefined),
    keyFile: file,
    guardFile: relayGuardFile ?? `${file}.signed`,
    noteFile: `${file}.note`,
  }
}

/** The guard has to outlive a database that is restored, so nobody guesses a place for it. */
function keyOfEnvironment(text: string, { relayKeyFile, relayGuardFile }: Settings) {
  if (relayKeyFile !== undefined)
    throw new SettingsError(KEY_VARIABLE, 'relayKeyFile is given too, and there is one key. Leave one of them out.')
  if (relayGuardFile === undefined) {
    const problem = `the key comes from ${KEY_VARIABLE}, so it has to say where signed checkpoints are noted.`
    throw new SettingsError('relayGuardFile', `${problem} Name a file outside of the data folder and its backups.`)
  }
  const secret = readKeyVariable(text)
  return {
    secret,
    keys: [addressOf(publicKeyOf(secret))],
    handOvers: [],
    isSlip: false,
    keyFile: undefined,
    guardFile: relayGuardFile,
    noteFile: `${relayGuardFile}.note`,
  }
}

/** Before anything is opened. Throws SettingsError. */
function checkWitnesses({ witnesses }: Settings): void {
  if (witnesses === undefined) return
  try {
    readWitnesses(witnesses)
  } catch (error) {
    if (!(error instanceof NoteError)) throw error
    throw new SettingsError('witnesses', `${error.message}. Take the key as the witness tells it.`)
  }
}

function logFormat({ logFormat }: Settings, { isTerminal }: Io): 'text' | 'json' {
  if (logFormat === 'auto') return isTerminal ? 'text' : 'json'
  return logFormat
}

const LISTEN = { auto: listen, uws: listenNative, ws: listenWs } as const

async function untilStopped(
  relay: RunningRelay,
  settings: Settings,
  keys: DemoKeys | undefined,
  io: Io,
): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    if (io.signal.aborted) resolve()
    else io.signal.addEventListener('abort', () => resolve(), { once: true })
  })
  if (keys !== undefined) {
    const demo = runDemo({
      url: relay.url,
      keys,
      signal: io.signal,
      chain: settings.chain === 'none' ? undefined : demoChain(settings, relay.url, io),
      ready: (start) => io.out(invitation(relay.url, keys, settings, start)),
      tell: io.err,
    })
    await Promise.race([
      stopped,
      demo.catch((error: unknown) =>
        io.signal.aborted ? undefined : io.err(`the demo shop stopped: ${whyStopped(error, settings)}`),
      ),
    ])
  }
  await stopped
}

/** The demo's shop on the development chain, and a guest's wallet with ether. */
function demoChain(settings: Settings, url: string, io: Io): DemoChain {
  const merchant = walletOfFlags({ chain: settings.chain }, io, { account: DEVELOPMENT_ACCOUNTS.merchant })
  const guest = walletOfFlags({ chain: settings.chain }, io, { account: DEVELOPMENT_ACCOUNTS.guest })
  return {
    token: tokenOf(settings),
    async mint(shop, owner) {
      const isMinted = await mintTo(merchant, shop, owner)
      const { relay_token_id: relay } = await relayFor(merchant, url, io.signal)
      // A demo that was made without a chain has a wallet without ether.
      if (equalBytes(owner, merchant.address)) await addRelay(merchant, shop, BigInt(relay))
      return isMinted
    },
    pay: (due) => pay(guest, due, 'call'),
  }
}

/** `newKey`: the file of the relay's key, if it was made now though there should have been one. */
function welcome(relay: RunningRelay, settings: Settings, newKey: string | undefined): string {
  return [
    `cairn ${packageVersion()} listens on ${relay.listensOn} (${relay.transport})`,
    ...(newKey === undefined ? [] : [`A NEW RELAY KEY was made in ${newKey}: to clients it is a new relay`]),
    '',
    ...modeText(settings),
    '',
    ...(relay.url === relay.listensOn ? [] : [`  public URL     ${relay.url}`]),
    `  relay address  0x${toHex(relay.address)}`,
    `  data           ${settings.data}`,
    settings.metricsPort === 0
      ? '  metrics        off'
      : `  metrics        http://${settings.metricsHost}:${settings.metricsPort}/metrics`,
  ].join('\n')
}

function modeText({ chain }: Settings): string[] {
  if (chain === 'none')
    return [
      '  DEVELOPMENT MODE: no chain is configured. Every shop belongs to the wallet that names it first,',
      '  and orders end in Committed or Canceled. Do not put this on a network.',
    ]
  if (isDevelopment(chain))
    return ['  DEVELOPMENT CHAIN: its keys are known to everybody. Do not put this on a network.']
  return [`  chains         ${chain}`]
}

/** Without a price source nobody could say how much of it is due. */
function tokenOf({ priceSource }: Settings): ChainAddress | undefined {
  return priceSource === 'none' ? undefined : { ChainID: DEVELOPMENT_CHAIN_ID, Address: DEVELOPMENT_TOKEN }
}

/** `keys`: of the demo. */
function invitation(url: string, { shop, wallet }: DemoKeys, settings: Settings, start: DemoStart): string {
  const keys = settings.data === DATA_DEFAULT ? '' : ` --data ${shellWord(settings.data)}`
  const { unpaid } = start
  const named = ` --chain ${settings.chain}`
  const chain = settings.chain === CHAIN_FLAG.value ? '' : named
  const again = [
    settings.chain === 'none' ? '' : named,
    // Of 0 the next one is another.
    settings.port === PORT_DEFAULT || settings.port === 0 ? '' : ` --port ${settings.port}`,
    keys,
  ].join('')
  return [
    `  demo shop      ${shop} (30 listings, prices and stock keep changing)`,
    // In the fragment, which no browser sends to a server; the page takes it out of the address.
    `  console        ${pageOf(url)}console#shop=${shop},wallet=${wallet}`,
    ...(settings.chain === 'none' ? [] : orderText(settings, start, keys)),
    '',
    `Open ${pageOf(url)} in a browser: the shop, as a guest sees it.`,
    '',
    'Try in another terminal:',
    '',
    `  npx cairn watch${url === URL_FLAG.value ? '' : ` --url ${url} --shop ${shop}`} --listing ${DEMO_LISTING}`,
    `  npx cairn put --url ${url} --shop ${shop} --listing ${DEMO_LISTING} --price 21000000000000000${keys}`,
    ...(unpaid === undefined
      ? []
      : [`  npx cairn order pay --url ${url} --shop ${shop} --order ${unpaid}${chain}${keys}`]),
    '',
    `Ctrl-C stops the relay; npm start${again === '' ? '' : ` --${again}`} goes on where it was.`,
  ].join('\n')
}

/** What is paid with, which order waits, and what earlier starts left. */
function orderText(settings: Settings, { unpaid, paidBefore, isNewChain }: DemoStart, keys: string): string[] {
  const token = `the token 0x${toHex(DEVELOPMENT_TOKEN)}`
  const afresh = `To start afresh stop the relay and delete ${settings.data}.`
  return [
    tokenOf(settings) === undefined
      ? `  paid with      ether; with --price-source fixed --price-factor 1500 also ${token}`
      : `  paid with      ether, or ${token}`,
    ...(unpaid === undefined ? [] : [`  to be paid     order ${unpaid} waits for you`]),
    ...(paidBefore === 0
      ? []
      : [`  paid before    ${paidBefore} in earlier starts (npx cairn orders${keys} lists them)`]),
    ...(isNewChain && paidBefore > 0
      ? [
          '  NEW CHAIN      these were paid on an earlier development chain, which is gone: ' +
            'the relay tells them as reorged',
          `                 (npx cairn orders --odd${keys}) and goes on with new ones. ${afresh}`,
        ]
      : []),
  ]
}

/** Without the chain that its shop is on, the demo's wallet owns nothing. */
function whyStopped(error: unknown, { chain, data }: Settings): string {
  const { code, message } = error as { code?: unknown; message: string }
  if (code !== 'UNLINKED_KEYCARD' || chain !== 'none') return message
  return (
    `${message}. ${data} is that of a relay on a chain, and its shop belongs to whom the chain says: start it with ` +
    `--chain as before, or with --data and another folder`
  )
}

/** `localhost` is what browsers let keep more, and wallets know. */
function pageOf(url: string): string {
  return `${url.replace('//127.0.0.1', '//localhost')}/`
}

function shellWord(text: string): string {
  return /^[\w./-]+$/u.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
