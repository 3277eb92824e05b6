/**
 * The settings of `cairn serve`: file < environment < flags, each checked. One table tells their names, types,
 * defaults, bounds and help. No setting is itself a secret: secrets are in files that settings name.
 */

import { isJsonObject, readJson, type JsonObject } from '../bytes/json.js'
import * as limits from '../limits.js'
import { scanFlags, type ScannedFlag } from './flag-scanner.js'
import { isLoopback } from './loopback.js'
import { nearestName } from './nearest-name.js'
import {
  chainName,
  hostName,
  networks,
  oneOf,
  path,
  publicUrl,
  rate,
  webUrl,
  whole,
  wholeBig,
  yesNo,
  type Kind,
  witnessList,
} from './setting-kinds.js'

/** The settings in force, each of its row's type. What is left to the relay may be undefined. */
export type Settings = { readonly [N in Name]: ValueOf<(typeof TABLE)[N]> }

export interface SettingsSources {
  /** As after `cairn serve`; `--help`, `--print-config` and `--verbose` are the command's and skipped here. */
  readonly flags: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** The text of a file; throws if it cannot be read. */
  readonly readFile: (path: string) => string
}

/** Throws SettingsError. */
export function readSettings(sources: SettingsSources): Settings {
  const flags = readFlags(sources.flags)
  const configFile = flags.configFile ?? nonEmpty(sources.env['CAIRN_CONFIG'])
  const file = configFile === undefined ? {} : readSettingsFile(configFile, sources.readFile)
  const given: Given = { ...file, ...readEnvironment(sources.env), ...flags.given }
  const settings = { ...defaults(given), ...given } as Settings
  checkTogether(settings)
  return settings
}

/** All settings with their defaults, for `--help`. */
export function settingsHelp(): string {
  const groups = Object.keys(GROUPS).map((group) => {
    const own = NAMES.filter((name) => ROWS[name].group === group)
    return [GROUPS[group as Group], ...own.map(helpOf)].join('\n')
  })
  return [HELP_HEAD, ...groups, HELP_END].join('\n\n')
}

/** The settings in force as JSON; usable as a settings file. What is left to the relay is null. */
export function printConfig(settings: Settings): string {
  const plain = (value: Settings[Name]) => (typeof value === 'bigint' ? String(value) : (value ?? null))
  return JSON.stringify(Object.fromEntries(NAMES.map((name) => [name, plain(settings[name])])), undefined, 2)
}

/** A setting that is unknown, malformed or at odds with another. The message is one line: what, why, what now. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
  /** As it was given: a flag, an environment name or a key of the file. */
  readonly setting: string

  constructor(setting: string, problem: string, options?: ErrorOptions) {
    super(`${setting}: ${problem}`, options)
    this.setting = setting
  }
}

// The table

const GROUPS = {
  listen: 'Where it listens',
  data: 'What it keeps',
  chain: 'Chain and prices',
  development: 'Demo and development',
  shops: 'Shops',
  sessions: 'Sessions',
  limits: 'Limits per client address or guest’s card, and in all',
  program: 'Program',
}

type Group = keyof typeof GROUPS

interface Row<T> {
  readonly group: Group
  readonly kind: Kind<T>
  readonly help: string
  readonly standard?: T | undefined
  readonly standardText?: string
}
/** A row's default has the type of its kind. */
type AnyRow = Row<string> | Row<number> | Row<bigint> | Row<boolean>
type ValueOf<R> = R extends { readonly kind: Kind<infer T> }
  ? R extends { readonly standard: undefined }
    ? T | undefined
    : T
  : never
type Name = keyof typeof TABLE
type Given = { -readonly [N in Name]?: Settings[N] }

/** Where the commands look by themselves. */
export const DATA_DEFAULT = './cairn-data'
const DAY_MS = 86_400_000
const COUNT_MAX = 1_000_000_000

/**
 * A row per setting. `standard` is the default: `undefined` leaves it to the relay, a row without one has a default
 * that depends on other settings (`defaults`). `standardText` tells such a default in the help.
 */
const TABLE = {
  host: { group: 'listen', kind: hostName(), standard: '127.0.0.1', help: 'address of the public listener' },
  port: { group: 'listen', kind: whole(0, 65_535), standard: 4444, help: 'its port; 0 takes a free one' },
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
  /** URL and key of each, with commas between them. */
  witnesses: {
    group: 'shops',
    kind: witnessList(),
    standard: undefined,
    standardText: 'none',
    help: 'who cosigns the notes of all shops (C2SP tlog-witness)',
  },
  witnessIntervalSeconds: {
    group: 'shops',
    kind: whole(1, 86_400),
    standard: limits.WITNESS_INTERVAL_SECONDS_DEFAULT,
    help: 'time between two notes of one shop to one witness',
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
    help: 'threads that check signatures; 0 leaves it to the main thread',
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

const ROWS: Readonly<Record<Name, AnyRow>> = TABLE
const NAMES = Object.keys(TABLE) as readonly Name[]
const COMMAND_FLAGS = ['--help', '--print-config', '--verbose']
const HELP_HEAD = `cairn serve [settings]

Starts a relay and runs it until Ctrl-C or SIGTERM; started again it continues where it was.
Exit code: 0 it was stopped, 1 it could not start or had to stop.`
const HELP_END = `Each setting can stand in three places; the later one counts:
  1. a JSON file, named by --config FILE or CAIRN_CONFIG:  {"pushDelayMs": 20}
  2. the environment:                                      CAIRN_PUSH_DELAY_MS=20
  3. a flag:                                               --push-delay-ms 20
An unknown or malformed setting is an error. Relative paths start at the working directory.
--print-config prints the settings in force, as JSON that can be used as a file. \
CAIRN_NATIVE=off keeps native code out.`

function defaults(given: Given): Given {
  const standard = Object.fromEntries(NAMES.map((name) => [name, ROWS[name].standard])) as Given
  const pingIntervalMs = given.pingIntervalMs ?? limits.PING_INTERVAL_MS_DEFAULT
  const development = isDevelopment(given.chain ?? 'none')
  const kickTimeoutMs = limits.KICK_INTERVALS_DEFAULT * pingIntervalMs
  return { ...standard, kickTimeoutMs, demo: development, discovery: development }
}

/** Whether anybody can come by a shop: there is no chain, or one whose keys are known to all. */
export function isDevelopment(chain: string): boolean {
  return chain === 'none' || chain === 'dev'
}

function checkTogether(settings: Settings): void {
  const { host, port, metricsHost, metricsPort, pingIntervalMs, kickTimeoutMs } = settings
  if (settings.priceSource === 'http' && settings.priceUrl === undefined)
    throw new SettingsError('priceUrl', 'priceSource is http, so it has to say where. Give an http or https URL.')
  if (settings.demo && !isDevelopment(settings.chain))
    throw new SettingsError('demo', 'the demo shop needs development mode or --chain dev. Leave it out.')
  if (settings.anchor !== 'off' && settings.chain === 'none')
    throw new SettingsError('anchor', `it is ${settings.anchor}, and there is no chain to anchor on. Give --chain too.`)
  refuseRemote('host', settings, host)
  if (metricsPort !== 0) refuseRemote('metricsHost', settings, metricsHost)
  if (port !== 0 && port === metricsPort) {
    throw new SettingsError(
      'metricsPort',
      `it is ${port}, the public port too; metrics have a port of their own. Choose another.`,
    )
  }
  if (kickTimeoutMs <= pingIntervalMs) {
    throw new SettingsError(
      'kickTimeoutMs',
      `it is ${kickTimeoutMs}, not above pingIntervalMs (${pingIntervalMs}), ` +
        'so quiet sessions would never live. Raise it.',
    )
  }
}

/** In development mode, which a relay without a chain is in, whoever names a shop first owns it (PROTOCOL §12). */
function refuseRemote(name: Name, { allowRemoteDevelopment, chain }: Settings, host: string): void {
  if (allowRemoteDevelopment || isLoopback(host) || !isDevelopment(chain)) return
  throw new SettingsError(
    name,
    `${host} is not loopback, and in development mode anybody who can connect may take any shop. ` +
      'Listen on 127.0.0.1, or say --allow-remote-development if that is meant.',
  )
}

// Sources

/** What a flag means: `text` is set for those that take no value. */
interface Flag {
  readonly name: Name
  readonly text?: 'true' | 'false'
}

const FLAGS = flagsOfAll()
/** For the scanner, by their names without dashes. */
const FLAG_KINDS: Readonly<Record<string, 'string' | 'boolean'>> = Object.fromEntries([
  ['config', 'string'],
  ...[...FLAGS].map(([flag, { text }]) => [flag.slice(2), text === undefined ? 'string' : 'boolean'] as const),
])
const ENVIRONMENT = new Map(NAMES.map((name) => [environmentName(name), name]))
/** Known to other parts of the program, or to the reader of the settings itself. */
const ENVIRONMENT_ELSEWHERE = ['CAIRN_CONFIG', 'CAIRN_NATIVE', 'CAIRN_RELAY_KEY', 'CAIRN_WALLET_KEY']

function readFlags(words: readonly string[]): { given: Given; configFile: string | undefined } {
  const given: Given = {}
  let configFile: string | undefined
  const own = words.filter((word) => !COMMAND_FLAGS.includes(word))
  for (const scanned of scanFlags(own, FLAG_KINDS)) {
    const { word: flag, name } = scanned
    if (name === 'config') {
      configFile = valueOf(scanned)
      continue
    }
    const meant = name === undefined ? undefined : FLAGS.get(flag)
    if (meant === undefined) throw unknownSetting(flag, ['--config', ...COMMAND_FLAGS, ...FLAGS.keys()])
    if (meant.text !== undefined && scanned.inline) {
      throw new SettingsError(
        flag,
        `it takes no value. Write ${flag} or ${flagName(meant.name, meant.text === 'true')}.`,
      )
    }
    put(given, meant.name, flag, joined(given, meant.name, fromText(meant.name, meant.text ?? valueOf(scanned))))
  }
  return { given, configFile }
}

/** With what the flag gave before, if it adds. */
function joined<N extends Name>(given: Given, name: N, value: Settings[N] | undefined): Settings[N] | undefined {
  const kind = ROWS[name].kind as Kind<Settings[N]>
  const before = given[name]
  if (kind.join === undefined || before === undefined || value === undefined) return value
  return kind.join(before, value)
}

function readEnvironment(env: SettingsSources['env']): Given {
  const given: Given = {}
  for (const key of Object.keys(env)) {
    const text = nonEmpty(env[key])
    if (!key.startsWith('CAIRN_') || ENVIRONMENT_ELSEWHERE.includes(key)) continue
    const name = ENVIRONMENT.get(key)
    if (name === undefined) throw unknownSetting(key, [...ENVIRONMENT_ELSEWHERE, ...ENVIRONMENT.keys()])
    if (text !== undefined) put(given, name, key, fromText(name, text))
  }
  return given
}

function readSettingsFile(path: string, readFile: SettingsSources['readFile']): Given {
  const given: Given = {}
  for (const [key, value] of Object.entries(readJsonObject(path, readFile))) {
    const name = NAMES.find((name) => name === key)
    if (name === undefined) throw unknownSetting(key, NAMES, ` in ${path}`)
    if (value !== null) put(given, name, `${key} in ${path}`, ROWS[name].kind.fromJson(value))
  }
  return given
}

function readJsonObject(path: string, readFile: SettingsSources['readFile']): JsonObject {
  const value = readJson(
    () => readFile(path),
    (cause) => {
      const why = oneLine(cause.message)
      const problem = `the settings file cannot be read: ${why}. It has to be a JSON object.`
      throw new SettingsError(path, problem, { cause })
    },
  )
  if (isJsonObject(value)) return value
  throw new SettingsError(path, 'the settings file is JSON, but no object. Write for example {"pushDelayMs": 20}.')
}

/** Text from flag or environment. */
function fromText(name: Name, text: string): Settings[Name] {
  return ROWS[name].kind.fromText(text)
}

/**
 * `place` is where the value was given; undefined is one that the kind refused. The refused value is not repeated: it
 * might be private.
 */
function put<N extends Name>(given: Given, name: N, place: string, value: Settings[N] | undefined): void {
  if (value === undefined) throw new SettingsError(place, `it has to be ${ROWS[name].kind.shape}. ${wayOut(name)}`)
  given[name] = value
}

function wayOut(name: Name): string {
  return `Correct it, or leave it out for the default (${standardText(name)}).`
}

/** Another flag is no value, unless it stands behind `=`. */
function valueOf({ word, value, inline }: ScannedFlag): string {
  if (value !== undefined && (inline || !value.startsWith('--'))) return value
  throw new SettingsError(word, `its value is missing. Write ${word} VALUE or ${word}=VALUE.`)
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}

// Names

function flagsOfAll(): Map<string, Flag> {
  const flags = new Map<string, Flag>([['--empty', { name: 'demo', text: 'false' }]])
  for (const name of NAMES) {
    const takesNoValue = ROWS[name].kind.placeholder === undefined
    flags.set(flagName(name), takesNoValue ? { name, text: 'true' } : { name })
    if (takesNoValue) flags.set(flagName(name, true), { name, text: 'false' })
  }
  return flags
}

/** pushDelayMs → --push-delay-ms */
function flagName(name: Name, negated = false): string {
  return `--${negated ? 'no-' : ''}${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

/** pushDelayMs → CAIRN_PUSH_DELAY_MS */
function environmentName(name: Name): string {
  return `CAIRN_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}

function unknownSetting(key: string, known: readonly string[], where = ''): SettingsError {
  const near = nearestName(key, known)
  const wayOut = near === undefined ? 'All of them:' : `Did you mean ${near}? All of them:`
  return new SettingsError(oneLine(key), `there is no such setting${where}. ${wayOut} cairn serve --help`)
}

// Help

const FLAG_COLUMNS = 36

function helpOf(name: Name): string {
  const { kind, help } = ROWS[name]
  const flag =
    kind.placeholder === undefined ? `--[no-]${flagName(name).slice(2)}` : `${flagName(name)} ${kind.placeholder}`
  const [first, second] = [`  ${flag}`.padEnd(FLAG_COLUMNS), ''.padEnd(FLAG_COLUMNS)]
  return `${first} ${help}\n${second} [${standardText(name)}]`
}

function standardText(name: Name): string {
  const { standard, standardText } = ROWS[name]
  if (typeof standard === 'boolean') return standard ? 'yes' : 'no'
  return standardText ?? String(standard)
}

/** No line breaks or other control characters, cut where it is long. */
function oneLine(text: string): string {
  const line = text.replaceAll(/\p{Cc}+/gu, ' ')
  return line.length > 200 ? `${line.slice(0, 200)}…` : line
}
