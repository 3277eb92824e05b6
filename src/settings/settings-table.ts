/**
 * The table of settings: name, type, default, bounds and help of each.
 *
 * Tests: test/settings/settings.test.ts, test/names.test.ts
 */

import * as limits from '../limits.js'
import {
  chainName,
  hostName,
  networks,
  oneOf,
  originList,
  path,
  publicUrl,
  rate,
  webUrl,
  whole,
  wholeBig,
  witnessList,
  yesNo,
  type Kind,
} from './setting-kinds.js'

/** Where the commands look by themselves. */
export const DATA_DEFAULT = './cairn-data'
export const PORT_DEFAULT = 4_444

export const GROUPS = {
  listen: 'Where it listens',
  data: 'What it keeps',
  chain: 'Chain and prices',
  development: 'Demo and development',
  shops: 'Shops',
  sessions: 'Sessions',
  limits: 'Limits per client address or guest’s card, and in all',
  program: 'Program',
}

export type Group = keyof typeof GROUPS

interface Row<T> {
  readonly group: Group
  readonly kind: Kind<T>
  readonly help: string
  readonly standard?: T | undefined
  readonly standardText?: string
}
/** A row's default has the type of its kind. */
export type AnyRow = Row<string> | Row<number> | Row<bigint> | Row<boolean>
export type ValueOf<R> = R extends { readonly kind: Kind<infer T> }
  ? R extends { readonly standard: undefined }
    ? T | undefined
    : T
  : never
export type Name = keyof typeof TABLE

const DAY_MS = 86_400_000
const COUNT_MAX = 1_000_000_000

/**
 * A row per setting. `standard` is the default: `undefined` leaves it to the relay, a row without one has a default
 * that depends on other settings (`defaults`). `standardText` tells such a default in the help.
 */
export const TABLE = {
  host: { group: 'listen', kind: hostName(), standard: '127.0.0.1', help: 'address of the public listener' },
  port: { group: 'listen', kind: whole(0, 65_535), standard: PORT_DEFAULT, help: 'its port; 0 takes a free one' },
  /** Scheme, host and possibly a path, without a slash at the end. */
  publicUrl: {
    group: 'listen',
    kind: publicUrl(),
    standard: undefined,
    standardText: 'made of host and port',
    help: 'what clients see in front of a proxy; blobs are linked under it',
  },
  /** Networks with commas between them. */
  trustedProxy: {
    group: 'listen',
    kind: networks(),
    standard: undefined,
    standardText: 'none',
    help: 'proxies whose X-Forwarded-For or Forwarded tells the client address',
  },
  allowedOrigins: {
    group: 'listen',
    kind: originList(),
    standard: 'any',
    help: 'whose pages are answered; the relay’s own always are',
  },
  metricsHost: {
    group: 'listen',
    kind: hostName(),
    standard: '127.0.0.1',
    help: 'address of the listener for /metrics',
  },
  metricsPort: { group: 'listen', kind: whole(0, 65_535), standard: 9464, help: 'its port; 0 turns it off' },
  data: {
    group: 'data',
    kind: path(),
    standard: DATA_DEFAULT,
    help: 'folder of log, state and blobs; made if missing',
  },
  relayKeyFile: {
    group: 'data',
    kind: path(),
    standard: undefined,
    standardText: 'relay.key in the data folder, made if missing',
    help: "file with the relay's secret key, 64 hex digits",
  },
  /** Required where the key comes from the environment: a file in the data folder would be restored with it. */
  relayGuardFile: {
    group: 'data',
    kind: path(),
    standard: undefined,
    standardText: "the key file's name and .signed",
    help: 'the highest signed checkpoints; outside of backups',
  },
  noteKeyFile: {
    group: 'data',
    kind: path(),
    standard: undefined,
    standardText: "the key file's name and .note, made if missing",
    help: 'secret key of signed notes, for tools of other people',
  },
  diskReserveMib: {
    group: 'data',
    kind: whole(1, COUNT_MAX),
    standard: limits.DISK_RESERVE_BYTES_DEFAULT / 1_048_576,
    help: 'MiB of the disk that stay free; below it everything is read-only',
  },
  nodeCacheNodes: {
    group: 'data',
    kind: whole(1_000, COUNT_MAX),
    standard: limits.NODE_CACHE_NODES_DEFAULT,
    help: 'trie nodes kept in memory, as far as the heap allows',
  },
  signatureThreads: {
    group: 'data',
    kind: whole(0, 64),
    standard: limits.SIGNATURE_THREADS_DEFAULT,
    help: 'threads that check sets and their signatures; 0 leaves it to the main thread',
  },
  /** A file is read by chain-settings.ts. */
  chain: {
    group: 'chain',
    kind: chainName(),
    standard: 'none',
    help: 'none is development mode, dev the chain of npm run dev:chain; a file is JSON',
  },
  priceSource: {
    group: 'chain',
    kind: oneOf(['none', 'fixed', 'http']),
    standard: 'none',
    help: 'where rates come from; none: orders are paid in the pricing currency',
  },
  priceFactor: {
    group: 'chain',
    kind: wholeBig(1n),
    standard: 1n,
    help: 'fixed: one unit of the pricing currency is factor / divisor of any other',
  },
  /** Above 0. */
  priceDivisor: { group: 'chain', kind: wholeBig(1n), standard: 1n, help: 'see price-factor' },
  priceUrl: {
    group: 'chain',
    kind: webUrl(),
    standard: undefined,
    standardText: 'none',
    help: 'http: answers with a table of rates (docs/payments.md)',
  },
  priceMaxAgeSeconds: {
    group: 'chain',
    kind: whole(1, 86_400),
    standard: limits.PRICE_MAX_AGE_SECONDS_DEFAULT,
    help: 'http: older rates are refused',
  },
  anchor: {
    group: 'chain',
    kind: oneOf(['off', 'relay', 'owner']),
    standard: 'off',
    help: 'who anchors checkpoints in the registry; relay needs ether for gas',
  },
  anchorEverySeconds: {
    group: 'chain',
    kind: whole(1, 31_536_000),
    standard: limits.ANCHOR_SECONDS_DEFAULT,
    help: 'from one anchor of a shop to its next',
  },
  demo: {
    group: 'development',
    kind: yesNo(),
    standardText: 'yes, unless --chain names a file',
    help: 'start with a demo shop that is alive; --empty is --no-demo',
  },
  discovery: {
    group: 'development',
    kind: yesNo(),
    standardText: 'yes, unless --chain names a file',
    help: 'serve /testing/discovery',
  },
  allowRemoteDevelopment: {
    group: 'development',
    kind: yesNo(),
    standard: false,
    help: 'listen on other than loopback although anybody may take any shop',
  },
  reservationSeconds: {
    group: 'shops',
    kind: whole(1, 31_536_000),
    standard: Number(limits.RESERVATION_SECONDS_DEFAULT),
    help: 'how long a committed order holds its stock',
  },
  latePaymentCheckSeconds: {
    group: 'shops',
    kind: whole(0, 86_400),
    standard: limits.LATE_PAYMENT_CHECK_SECONDS_DEFAULT,
    help: 'how often payment addresses of paid and ended orders are looked at',
  },
  /** URL and key of each, with commas between them. */
  witnesses: {
    group: 'shops',
    kind: witnessList(),
    standard: undefined,
    standardText: 'none',
    help: 'URL and vkey of each who cosigns the notes of all shops (C2SP tlog-witness)',
  },
  witnessIntervalSeconds: {
    group: 'shops',
    kind: whole(1, 86_400),
    standard: limits.WITNESS_INTERVAL_SECONDS_DEFAULT,
    help: 'time between two notes of one shop to one witness',
  },
  pingIntervalMs: {
    group: 'sessions',
    kind: whole(10, DAY_MS),
    standard: limits.PING_INTERVAL_MS_DEFAULT,
    help: 'time between two pings of a session',
  },
  kickTimeoutMs: {
    group: 'sessions',
    kind: whole(20, DAY_MS),
    standardText: `${limits.KICK_INTERVALS_DEFAULT} × ping-interval-ms`,
    help: 'a session that says nothing for so long is closed',
  },
  pushDelayMs: {
    group: 'sessions',
    kind: whole(0, 60_000),
    standard: limits.PUSH_DELAY_MS_DEFAULT,
    help: 'time from a commit to its push; more of it, fewer and larger pushes',
  },
  pushPacing: {
    group: 'sessions',
    kind: oneOf(['pages', 'all', 'none']),
    standard: 'pages',
    help: 'whose pushes keep a pace instead: pages (an Origin header), all or no sessions',
  },
  idleSessionSeconds: {
    group: 'sessions',
    kind: whole(1, 86_400),
    standard: limits.IDLE_SESSION_SECONDS_MAX,
    help: 'a session without authentication and subscription ends after it',
  },
  sessionsMax: {
    group: 'limits',
    kind: whole(1, COUNT_MAX),
    standard: limits.SESSIONS_MAX_DEFAULT,
    help: 'sessions in all',
  },
  sessionsPerAddressMax: {
    group: 'limits',
    kind: whole(1, COUNT_MAX),
    standard: limits.SESSIONS_PER_ADDRESS_MAX_DEFAULT,
    help: 'sessions of one address',
  },
  enrolmentsPerSecond: {
    group: 'limits',
    kind: rate(),
    standard: limits.ENROLMENTS_PER_SECOND_DEFAULT,
    help: 'enrolments of one address, steadily',
  },
  enrolmentsBurst: {
    group: 'limits',
    kind: whole(1, COUNT_MAX),
    standard: limits.ENROLMENTS_BURST_DEFAULT,
    help: 'and at once',
  },
  upgradesPerSecond: {
    group: 'limits',
    kind: rate(),
    standard: limits.UPGRADES_PER_SECOND_DEFAULT,
    help: 'new sessions of one address, steadily',
  },
  upgradesBurst: {
    group: 'limits',
    kind: whole(1, COUNT_MAX),
    standard: limits.UPGRADES_BURST_DEFAULT,
    help: 'and at once',
  },
  guestLiveOrdersMax: {
    group: 'limits',
    kind: whole(1, COUNT_MAX),
    standard: limits.LIVE_ORDERS_PER_GUEST_CARD_MAX_DEFAULT,
    help: 'orders of one guest’s card that hold stock',
  },
  guestOrdersPerDayMax: {
    group: 'limits',
    kind: whole(1, COUNT_MAX),
    standard: limits.ORDERS_PER_GUEST_CARD_AND_DAY_MAX_DEFAULT,
    help: 'orders that one guest’s card makes in 24 hours',
  },
  guestBytesPerSecond: {
    group: 'limits',
    kind: rate(),
    standard: limits.GUEST_BYTES_PER_SECOND_DEFAULT,
    help: 'bytes of sets of one guest’s card, steadily',
  },
  guestBytesBurst: {
    group: 'limits',
    kind: whole(1, COUNT_MAX),
    standard: limits.GUEST_BYTES_BURST_DEFAULT,
    help: 'and at once',
  },
  transport: {
    group: 'program',
    kind: oneOf(['auto', 'uws', 'ws']),
    standard: 'auto',
    help: 'auto is uws, native, on loopback if it loads; ws where others reach the port',
  },
  logFormat: {
    group: 'program',
    kind: oneOf(['auto', 'text', 'json']),
    standard: 'auto',
    help: 'auto is text on a terminal, JSON lines otherwise',
  },
} as const satisfies Readonly<Record<string, AnyRow>>
