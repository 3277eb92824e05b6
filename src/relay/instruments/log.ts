/**
 * The relay's log: one line per notable event, JSON (by pino, without its worker transports) or readable. A line is
 * written before the call returns. Fields are few and plain: ids, counts and places, never keys, signatures, tokens,
 * bodies or what belongs to a guest.
 */

import { pino } from 'pino'

export type LogLevel = 'info' | 'warn' | 'error'
export type LogValue = string | number | bigint | boolean | undefined
export type LogFields = Readonly<Record<string, LogValue>>

export interface Log {
  info(event: string, fields?: LogFields): void
  warn(event: string, fields?: LogFields): void
  /** `error` is what was thrown: its message and causes are logged, and its stack where it is a bug's (JSON only). */
  error(event: string, error: unknown, fields?: LogFields): void
}

export interface LogOptions {
  readonly format: 'text' | 'json'
  /** Gets one line without its line break. */
  readonly write: (line: string) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export function makeLog({ format, write, now }: LogOptions): Log {
  const line = format === 'json' ? jsonLines(write, now) : textLines(write, now)
  const put = (level: LogLevel, event: string, fields: LogFields = {}) => line(level, event, safe(fields))
  return {
    info: (event, fields) => put('info', event, fields),
    warn: (event, fields) => put('warn', event, fields),
    error: (event, error, fields) => put('error', event, { ...fields, ...errorFields(error, format) }),
  }
}

type PutLine = (level: LogLevel, event: string, fields: LogFields) => void

/** Names of fields whose text nobody should log; a field so named shows that it was there, and no more. */
const PRIVATE = /secret|private|password|token|signature|^key$|seed|mnemonic|authorization|cookie/i
const TEXT_MAX = 500
const CAUSES_MAX = 8

function safe(fields: LogFields): LogFields {
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, safeValue(name, value)]),
  )
}

/** Big numbers become text: JSON has none. */
function safeValue(name: string, value: LogValue): LogValue {
  if (typeof value === 'string') return PRIVATE.test(name) ? '(not logged)' : cut(value)
  return typeof value === 'bigint' ? String(value) : value
}

function errorFields(error: unknown, format: LogOptions['format']): LogFields {
  const stack = format === 'json' && error instanceof Error ? error.stack : undefined
  return { error: errorChain(error), ...(stack === undefined ? {} : { stack: cut(stack, 4 * TEXT_MAX) }) }
}

/** An error's message and those of its causes, in one text. */
export function errorChain(error: unknown): string {
  const messages: string[] = []
  for (let link: unknown = error; link !== undefined && link !== null && messages.length < CAUSES_MAX;) {
    messages.push(
      link instanceof Error ? `${link.name}: ${link.message}` : typeof link === 'string' ? link : typeof link,
    )
    link = link instanceof Error ? link.cause : undefined
  }
  return messages.join(' ← ')
}

/** What the line itself says (time, level, event) comes first, and no field replaces it. */
function jsonLines(write: LogOptions['write'], now: LogOptions['now']): PutLine {
  const logger = pino(
    {
      base: null,
      // pino begins with its level: an empty one lets the time be first, and the level come as a field.
      formatters: { level: () => ({}) },
      timestamp: () => `"time":"${new Date(now()).toISOString()}"`,
    },
    { write: (line) => write(line.slice(0, -1)) },
  )
  return (level, event, fields) => {
    const own = { level, event, time: undefined }
    logger[level]({ ...own, ...fields, ...own })
  }
}

function textLines(write: LogOptions['write'], now: LogOptions['now']): PutLine {
  return (level, event, fields) => {
    const clock = new Date(now()).toISOString().slice(11, 19)
    const words = Object.entries(fields).map(([name, value]) => `${name}=${textValue(value)}`)
    write([clock, level === 'info' ? ' ' : level.toUpperCase(), printable(event), ...words].join(' '))
  }
}

function textValue(value: LogValue): string {
  const text = printable(String(value))
  return /[\s"=]/.test(text) || text === '' ? JSON.stringify(text) : text
}

/** Nothing in a line can end it or steer a terminal. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ')
}

function cut(text: string, most = TEXT_MAX): string {
  return text.length > most ? `${text.slice(0, most)}…` : text
}
