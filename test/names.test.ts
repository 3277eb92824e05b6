/**
 * The names that operators, scripts and dashboards hold on to: settings, metrics, commands and their flags, exactly.
 */

import { describe, expect, it } from 'vitest'
import { Metrics } from '../src/relay/instruments/metrics.js'
import { printConfig, readSettings, settingsHelp, type SettingsSources } from '../src/settings/settings.js'
import { cairn } from './fixtures/cairn.js'
import { relay } from './fixtures/relay-harness.js'

type Setting = readonly [key: string, environment: string, flag: string, standard: string]

const SETTINGS: readonly Setting[] = [
  ['host', 'CAIRN_HOST', '--host HOST', '127.0.0.1'],
  ['port', 'CAIRN_PORT', '--port N', '4444'],
  ['publicUrl', 'CAIRN_PUBLIC_URL', '--public-url URL', 'made of host and port'],
  ['trustedProxy', 'CAIRN_TRUSTED_PROXY', '--trusted-proxy CIDR,…', 'none'],
  ['allowedOrigins', 'CAIRN_ALLOWED_ORIGINS', '--allowed-origins any|ORIGIN,…', 'any'],
  ['metricsHost', 'CAIRN_METRICS_HOST', '--metrics-host HOST', '127.0.0.1'],
  ['metricsPort', 'CAIRN_METRICS_PORT', '--metrics-port N', '9464'],
  ['data', 'CAIRN_DATA', '--data PATH', './cairn-data'],
  ['relayKeyFile', 'CAIRN_RELAY_KEY_FILE', '--relay-key-file PATH', 'relay.key in the data folder, made if missing'],
  ['relayGuardFile', 'CAIRN_RELAY_GUARD_FILE', '--relay-guard-file PATH', "the key file's name and .signed"],
  ['noteKeyFile', 'CAIRN_NOTE_KEY_FILE', '--note-key-file PATH', "the key file's name and .note, made if missing"],
  ['diskReserveMib', 'CAIRN_DISK_RESERVE_MIB', '--disk-reserve-mib N', '64'],
  ['nodeCacheNodes', 'CAIRN_NODE_CACHE_NODES', '--node-cache-nodes N', '200000'],
  ['signatureThreads', 'CAIRN_SIGNATURE_THREADS', '--signature-threads N', '1'],
  ['chain', 'CAIRN_CHAIN', '--chain none|dev[:PORT]|FILE', 'none'],
  ['priceSource', 'CAIRN_PRICE_SOURCE', '--price-source none|fixed|http', 'none'],
  ['priceFactor', 'CAIRN_PRICE_FACTOR', '--price-factor N', '1'],
  ['priceDivisor', 'CAIRN_PRICE_DIVISOR', '--price-divisor N', '1'],
  ['priceUrl', 'CAIRN_PRICE_URL', '--price-url URL', 'none'],
  ['priceMaxAgeSeconds', 'CAIRN_PRICE_MAX_AGE_SECONDS', '--price-max-age-seconds N', '600'],
  ['anchor', 'CAIRN_ANCHOR', '--anchor off|relay|owner', 'off'],
  ['anchorEverySeconds', 'CAIRN_ANCHOR_EVERY_SECONDS', '--anchor-every-seconds N', '3600'],
  ['demo', 'CAIRN_DEMO', '--[no-]demo', 'yes, unless --chain names a file'],
  ['discovery', 'CAIRN_DISCOVERY', '--[no-]discovery', 'yes, unless --chain names a file'],
  ['allowRemoteDevelopment', 'CAIRN_ALLOW_REMOTE_DEVELOPMENT', '--[no-]allow-remote-development', 'no'],
  ['reservationSeconds', 'CAIRN_RESERVATION_SECONDS', '--reservation-seconds N', '86400'],
  ['latePaymentCheckSeconds', 'CAIRN_LATE_PAYMENT_CHECK_SECONDS', '--late-payment-check-seconds N', '60'],
  ['witnesses', 'CAIRN_WITNESSES', '--witnesses WITNESS,…', 'none'],
  ['witnessIntervalSeconds', 'CAIRN_WITNESS_INTERVAL_SECONDS', '--witness-interval-seconds N', '10'],
  ['pingIntervalMs', 'CAIRN_PING_INTERVAL_MS', '--ping-interval-ms N', '15000'],
  ['kickTimeoutMs', 'CAIRN_KICK_TIMEOUT_MS', '--kick-timeout-ms N', '3 × ping-interval-ms'],
  ['pushDelayMs', 'CAIRN_PUSH_DELAY_MS', '--push-delay-ms N', '100'],
  ['pushPacing', 'CAIRN_PUSH_PACING', '--push-pacing pages|all|none', 'pages'],
  ['idleSessionSeconds', 'CAIRN_IDLE_SESSION_SECONDS', '--idle-session-seconds N', '300'],
  ['sessionsMax', 'CAIRN_SESSIONS_MAX', '--sessions-max N', '10000'],
  ['sessionsPerAddressMax', 'CAIRN_SESSIONS_PER_ADDRESS_MAX', '--sessions-per-address-max N', '512'],
  ['enrolmentsPerSecond', 'CAIRN_ENROLMENTS_PER_SECOND', '--enrolments-per-second N', '20'],
  ['enrolmentsBurst', 'CAIRN_ENROLMENTS_BURST', '--enrolments-burst N', '200'],
  ['upgradesPerSecond', 'CAIRN_UPGRADES_PER_SECOND', '--upgrades-per-second N', '50'],
  ['upgradesBurst', 'CAIRN_UPGRADES_BURST', '--upgrades-burst N', '300'],
  ['guestLiveOrdersMax', 'CAIRN_GUEST_LIVE_ORDERS_MAX', '--guest-live-orders-max N', '100'],
  ['guestOrdersPerDayMax', 'CAIRN_GUEST_ORDERS_PER_DAY_MAX', '--guest-orders-per-day-max N', '1000'],
  ['guestBytesPerSecond', 'CAIRN_GUEST_BYTES_PER_SECOND', '--guest-bytes-per-second N', '8192'],
  ['guestBytesBurst', 'CAIRN_GUEST_BYTES_BURST', '--guest-bytes-burst N', '262144'],
  ['transport', 'CAIRN_TRANSPORT', '--transport auto|uws|ws', 'auto'],
  ['logFormat', 'CAIRN_LOG_FORMAT', '--log-format auto|text|json', 'auto'],
]

const METRICS = `\
# HELP cairn_checkpoints_total Checkpoints signed, those signed again included
# TYPE cairn_checkpoints_total counter
# HELP cairn_checkpoints_withheld Shops whose checkpoints cannot be signed: the log tells why
# TYPE cairn_checkpoints_withheld gauge
# HELP cairn_payments_paid_total Payments that made an order Paid
# TYPE cairn_payments_paid_total counter
# HELP cairn_payments_partial_total Payments of less than the total
# TYPE cairn_payments_partial_total counter
# HELP cairn_payments_late_total Payments for orders that had ended
# TYPE cairn_payments_late_total counter
# HELP cairn_payments_extra_total Payments for orders that were Paid already
# TYPE cairn_payments_extra_total counter
# HELP cairn_payments_over_total Payments of more than was due, by each time that more came
# TYPE cairn_payments_over_total counter
# HELP cairn_payments_fell_total Payments that their token took back, or a part of them
# TYPE cairn_payments_fell_total counter
# HELP cairn_payments_moved_total Payments that the contract took from their address
# TYPE cairn_payments_moved_total counter
# HELP cairn_payments_reorged_total Payments whose block left the chain after it had counted
# TYPE cairn_payments_reorged_total counter
# HELP cairn_payments_shortfall_total Paid orders that the stock did not suffice for
# TYPE cairn_payments_shortfall_total counter
# HELP cairn_payments_watched Payment addresses that are watched
# TYPE cairn_payments_watched gauge
# HELP cairn_chains_unreachable Payment chains that cannot be asked now
# TYPE cairn_chains_unreachable gauge
# HELP cairn_proofs_total Proofs that were asked for and given
# TYPE cairn_proofs_total counter
# HELP cairn_sets_total Sets accepted since start, the relay’s own included
# TYPE cairn_sets_total counter
# HELP cairn_patches_total Patches in these sets
# TYPE cairn_patches_total counter
# HELP cairn_sessions Open sessions
# TYPE cairn_sessions gauge
# HELP cairn_subscriptions Open subscriptions
# TYPE cairn_subscriptions gauge
# HELP cairn_snapshots Snapshots that are being sent
# TYPE cairn_snapshots gauge
# HELP cairn_writer_backlog Sets that wait for the writer
# TYPE cairn_writer_backlog gauge
# HELP cairn_cached_nodes Stored trie nodes in memory
# TYPE cairn_cached_nodes gauge
# HELP cairn_resident_bytes Resident memory of the process
# TYPE cairn_resident_bytes gauge`

const LINK = `http://127.0.0.1:9/#shop=1,invite=${'11'.repeat(32)}`

/** How each command is called, as the first paragraph of its help has it, and the flags that it knows. */
const COMMANDS: readonly (readonly [called: readonly string[], usage: string, flags: string])[] = [
  [
    ['watch'],
    `cairn watch --listing ID [--shop ID] [--url URL] [--relay ADDRESS|chain]
            [--chain FILE] [--json]`,
    '--url, --shop, --listing, --relay, --chain, --data, --json',
  ],
  [
    ['put'],
    `cairn put --listing ID (--price AMOUNT | --title TEXT | --stock PIECES) [--shop ID] [--url URL]
          [--card FILE | --data DIR] [--relay ADDRESS|chain] [--chain FILE]`,
    '--url, --shop, --listing, --price, --title, --stock, --card, --data, --relay, --chain',
  ],
  [
    ['import'],
    `cairn import FILE [--shop ID] [--dry-run] [--skip-bad-rows] [--delete] [--keep-stock]
             [--upload] [--decimals N] [--card FILE | --data DIR] [--url URL] [--relay ADDRESS|chain]
             [--chain FILE] [--json]`,
    '--url, --shop, --card, --data, --relay, --chain, --decimals, --dry-run, --skip-bad-rows, --delete, ' +
      '--keep-stock, --upload, --json',
  ],
  [
    ['export'],
    `cairn export [--out FILE] [--orders] [--shop ID] [--decimals N] [--card FILE | --data DIR]
             [--url URL] [--relay ADDRESS|chain] [--chain FILE]`,
    '--url, --shop, --card, --data, --relay, --chain, --decimals, --out, --orders',
  ],
  [['orders'], 'cairn orders [--data DIR] [--shop ID] [--odd] [--json]', '--data, --shop, --odd, --json'],
  [['check'], 'cairn check [--data DIR] [--shop ID]', '--data, --shop'],
  [
    ['receipt'],
    `cairn receipt ORDER [--out FILE] [--format FORM] [--url URL] [--shop ID] [--card FILE]
              [--relay ADDRESS,…|chain] [--chain FILE] [--data DIR]
cairn receipt --all DIR [the same]`,
    '--url, --shop, --card, --key, --relay, --chain, --data, --out, --format, --all',
  ],
  [
    ['verify'],
    `cairn verify FILE [--relay 0x… …] [--chain FILE] [--registry CHAIN:0x… …] [--shop ID] [--order ID]
             [--hand-overs FILE|URL] [--witness KEY …] [--witnesses N] [--json]
cairn verify CHECKPOINT [CHECKPOINT] --relay 0x… … [--hand-overs FILE|URL] [--json]`,
    '--relay, --chain, --registry, --shop, --order, --hand-overs, --witness, --witnesses, --json',
  ],
  [['page'], 'cairn page --relay 0x… [--registry CHAIN:0x…] --out FILE', '--relay, --registry, --out'],
  [
    ['audit'],
    `cairn audit [DATA] [--shop ID,…] [--relay ADDRESS,…] [--chain FILE] [--resume DIR]
            [--follow] [--json] [--threads N]
cairn audit URL --shop ID --card FILE [--relay ADDRESS,…] [--follow] [--json]`,
    '--shop, --card, --relay, --chain, --resume, --follow, --json, --threads',
  ],
  [
    ['anchor'],
    'cairn anchor --shop ID [--url URL] [--seq N] [--print] [--chain FILE] [--wallet FILE]',
    '--url, --shop, --seq, --print, --chain, --wallet',
  ],
  [
    ['order', 'pay'],
    `cairn order pay --shop ID --order ID [--by call|address] [--url URL] [--card FILE] [--data DIR]
                [--relay ADDRESS|chain] [--chain FILE] [--wallet FILE]`,
    '--url, --shop, --order, --by, --card, --data, --relay, --chain, --wallet',
  ],
  [
    ['shop', 'create'],
    'cairn shop create [--url URL] [--shop ID] [--card FILE] [--chain FILE] [--wallet FILE]',
    '--url, --shop, --card, --chain, --wallet',
  ],
  [['invite'], 'cairn invite --shop ID [--url URL] [--chain FILE] [--wallet FILE]', '--url, --shop, --chain, --wallet'],
  [['join', LINK], 'cairn join LINK [--card FILE] [--chain FILE] [--wallet FILE]', '--card, --chain, --wallet'],
  [
    ['key', 'show'],
    'cairn key make|show|rotate [--data DIR] [--relay-key-file FILE] [--chain none|dev[:PORT]|FILE]',
    '--data, --relay-key-file, --chain',
  ],
  [
    ['bench', 'write'],
    'cairn bench write|read|fanout|sync|proofs|all [--runs 5] [--seconds 3] [--listings 1000,10000] [--cores N]\n' +
      '          [--data DIR | --url URL --shop ID --card FILE] [--at-most SECONDS]\n' +
      '          [--json] [--report FILE] [--compare FILE] [--allowed 10] …',
    '--url, --shop, --card, --data, --cores, --runs, --seconds, --listings, --at-most, --json, --report, --compare, ' +
      '--allowed, --window, --rates, --patches, --connections',
  ],
]

const SUMMARIES = `\
  serve      runs a relay; in development mode with a demo shop (alias: start)
  watch      prints a live, verified feed of one listing
  put        changes a listing, with a key card of its own
  import     makes a shop have the products of a CSV file, such as Shopify writes
  export     writes the listings or the orders of a shop as CSV
  orders     lists orders, and payments that a person has to look at
  check      tells whether the data of a relay are whole
  receipt    fetches the receipt of an order, or of all
  verify     tells whether a receipt is what a shop signed, offline
  page       writes the page that checks receipts, with your relay in it
  audit      tells whether all that a relay stored and signed follows from its logs
  anchor     anchors a checkpoint of a shop in the registry
  order      pays an order: cairn order pay
  shop       makes a shop: cairn shop create
  invite     makes a link that lets a clerk join a shop
  join       joins a shop with such a link
  key        makes, shows and rotates the relay's key
  bench      measures what a relay can do, on this machine or at its address
  vectors    tells whether an implementer's test vectors and this implementation agree
  help       says more about a command: cairn help serve`

function sources(change: Partial<SettingsSources>): SettingsSources {
  const readFile = (path: string): string => {
    throw new Error(`there is no file ${path}`)
  }
  return { flags: [], env: {}, readFile, ...change }
}

describe('settings', () => {
  it('have these keys in a file', () => {
    const printed = JSON.parse(printConfig(readSettings(sources({})))) as object
    expect(Object.keys(printed)).toEqual(SETTINGS.map(([key]) => key))
  })

  it('have these flags and defaults in the help', () => {
    const rows = [...settingsHelp().matchAll(/^ {2}(--\S+(?: \S+)?) {2,}\S.*\n {30,}\[(.*)\]$/gmu)]
    expect(rows.map(([, flag, standard]) => [flag, standard])).toEqual(
      SETTINGS.map(([, , flag, standard]) => [flag, standard]),
    )
  })

  it.each(SETTINGS)('%s is %s in the environment', (key, name) => {
    const malformed = sources({ env: { [name]: '\0' } })
    expect(() => readSettings(malformed)).toThrow(`${name}: it has to be `)
    expect(() => readSettings(sources({ env: { [`${name}_`]: '' } }))).toThrow('there is no such setting')
    const inFile = sources({ flags: ['--config', 'x'], readFile: () => JSON.stringify({ [key]: {} }) })
    expect(() => readSettings(inFile)).toThrow(`${key} in x: it has to be `)
  })
})

it('metrics have these names, types and texts', async () => {
  const metrics = new Metrics()
  const running = await relay({}, { metrics })
  await running.stop()
  const lines = (await metrics.text()).split('\n')
  expect(lines.filter((line) => line.startsWith('#')).join('\n')).toBe(METRICS)
  const values = lines.filter((line) => line !== '' && !line.startsWith('#'))
  const names = [...METRICS.matchAll(/TYPE (\S+)/gu)].map(([, name]) => name)
  expect(values.map((line) => line.replace(/ \d+$/u, ''))).toEqual(names)
})

/** Of commands that check something: 1 means that something is wrong. */
const CHECKS: ReadonlySet<string> = new Set(['check', 'audit', 'verify'])

describe('commands', () => {
  it('are these', async () => {
    const { out } = await cairn('help')
    expect(out.split('\n\n')[2]).toBe(SUMMARIES)
    expect(COMMANDS.map(([[name]]) => name)).toEqual(
      [...SUMMARIES.matchAll(/^ {2}(\w+)/gmu)]
        .map(([, name]) => name)
        .filter((name) => !['serve', 'vectors', 'help'].includes(name!)),
    )
  })

  it.each(COMMANDS)('%j', async (called, usage, flags) => {
    const [name] = called
    expect((await cairn(name!, '--help')).out.split('\n\n')[0]).toBe(usage)
    expect(await cairn(...called, '--nonesuch')).toEqual({
      code: CHECKS.has(name!) ? 2 : 1,
      out: '',
      err: `cairn ${name}: there is no --nonesuch; known are ${flags}`,
    })
  })

  it('serve has the flags of its settings and these', async () => {
    const { code, out } = await cairn('serve', '--print-config', '--verbose', '--empty')
    expect([code, JSON.parse(out)]).toEqual([0, expect.objectContaining({ demo: false })])
    expect(await cairn('start', '--print-config', '--config')).toMatchObject({
      code: 1,
      err: 'cairn: --config: its value is missing. Write --config VALUE or --config=VALUE.',
    })
  })

  it('vectors takes files and no flags', async () => {
    expect((await cairn('vectors', '--help')).out.split('\n\n')[0]).toBe('cairn vectors FILE…')
    expect(await cairn('vectors', '--nonesuch')).toMatchObject({
      code: 2,
      err: expect.stringContaining('--nonesuch: cannot be read') as string,
    })
  })
})
