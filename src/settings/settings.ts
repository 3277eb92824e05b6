/**
 * The settings of `cairn serve`: file < environment < flags, each checked. One table tells their names, types,
 * defaults, bounds and help. No setting is itself a secret: secrets are in files that settings name.
 */

import { isJsonObject, readJson, type JsonObject } from '../bytes/json.js'
import * as limits from '../limits.js'
import { scanFlags, type ScannedFlag } from './flag-scanner.js'
import { isLoopback } from './loopback.js'
import { nearestName } from './nearest-name.js'
import { developmentPort, type Kind } from './setting-kinds.js'
import { GROUPS, TABLE, type AnyRow, type Group, type Name, type ValueOf } from './settings-table.js'

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

type Given = { -readonly [N in Name]?: Settings[N] }

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
--print-config prints the settings in force, as JSON that can be used as a file.
CAIRN_NATIVE=off keeps native code out; CAIRN_NATIVE=system takes libsecp256k1 of the system.`

function defaults(given: Given): Given {
  const standard = Object.fromEntries(NAMES.map((name) => [name, ROWS[name].standard])) as Given
  const pingIntervalMs = given.pingIntervalMs ?? limits.PING_INTERVAL_MS_DEFAULT
  const development = isDevelopment(given.chain ?? 'none')
  const kickTimeoutMs = limits.KICK_INTERVALS_DEFAULT * pingIntervalMs
  return { ...standard, kickTimeoutMs, demo: development, discovery: development }
}

/** Whether anybody can come by a shop: there is no chain, or one whose keys are known to all. */
export function isDevelopment(chain: string): boolean {
  return chain === 'none' || developmentPort(chain) !== undefined
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
