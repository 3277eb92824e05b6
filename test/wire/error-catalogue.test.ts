/**
 * The catalogue of errors: every code has its page under docs/errors, made of the table, and can be met. The pages are
 * written anew by `npx vitest run test/wire/error-catalogue.test.ts -u`.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ClientError, fromWire, type ClientErrorCode } from '../../src/client/client-error.js'
import { ERROR_CODES, explainError, type ErrorEntry } from '../../src/wire/error-catalogue.js'
import { ErrorCode, errorName } from '../../src/wire/error-code.js'

const ROOT = resolve(import.meta.dirname, '../..')
const codes = ERROR_CODES
const ENTRIES = codes.map((code): [ClientErrorCode, ErrorEntry] => [code, explainError(code)])
/** Of the wire's list, and never said by this relay (PROTOCOL §8). */
const NEVER: ReadonlySet<string> = new Set(['MINIMUM_VERSION_NOT_REACHED', 'SIMULATED'])

const numberOf = (code: ClientErrorCode): number | undefined =>
  Object.hasOwn(ErrorCode, code) ? ErrorCode[code as keyof typeof ErrorCode] : undefined

function page(code: ClientErrorCode, { from, means, remedy }: ErrorEntry): string {
  const wire = numberOf(code)
  const where = from === 'client' ? 'the client library' : wire === undefined ? 'the relay, over HTTP' : 'the relay'
  const facts = [
    `- Decided by: ${where}`,
    ...(wire === undefined ? [] : [`- Code on the wire: ${wire}`]),
    `- The same call may succeed later (\`retryable\`): ${new ClientError(code, '').retryable ? 'yes' : 'no'}`,
  ]
  return (
    [`# ${code}`, means, `**What to do:** ${remedy}`, facts.join('\n'), '[All errors](README.md)'].join('\n\n') + '\n'
  )
}

function index(): string {
  const rows = ENTRIES.map(([code, { means }]) => `- [${code}](${code}.md): ${means}`)
  const words =
    'A `ClientError` has a `code`, one of these, a `message` with the particulars, and in `remedy` what to do now. ' +
    '`path` names the argument of a USAGE, `objectId` the listing or order, `retryAfter` the seconds to wait. ' +
    'Commands print the same messages.'
  return ['# Errors', words, rows.join('\n')].join('\n\n') + '\n'
}

describe('the pages', () => {
  it.each(ENTRIES)('%s has its page', async (code, entry) => {
    await expect(page(code, entry)).toMatchFileSnapshot(join(ROOT, `docs/errors/${code}.md`))
  })

  it('have an index, and there is none of a code that does not exist', async () => {
    await expect(index()).toMatchFileSnapshot(join(ROOT, 'docs/errors/README.md'))
    const files = readdirSync(join(ROOT, 'docs/errors')).filter((name) => name !== 'README.md')
    expect(files.sort()).toEqual(codes.map((code) => `${code}.md`).sort())
  })

  it('say what happened and what to do, each in words of its own', () => {
    const sentences = ENTRIES.flatMap(([, { means, remedy }]) => [means, remedy])
    for (const sentence of sentences) expect(sentence).toMatch(/^["A-Z'r].*\.$/u)
    expect(new Set(ENTRIES.map(([, { means }]) => means)).size).toBe(codes.length)
  })
})

describe('every code', () => {
  const texts = (folder: string) =>
    (readdirSync(join(ROOT, folder), { recursive: true }) as string[])
      .filter(
        (name) =>
          name.endsWith('.ts') && !/error-(?:catalogue|remedies)/u.test(name) && !name.endsWith('error-code.ts'),
      )
      .map((name) => readFileSync(join(ROOT, folder, name), 'utf8'))
  const [sources, tests] = [texts('src'), texts('test')]

  it.each(codes.filter((code) => !NEVER.has(code)))('%s is given somewhere, and met by a test', (code) => {
    const isNamed = (text: string) => new RegExp(`'${code}'|ErrorCode\\.${code}\\b`, 'u').test(text)
    expect(sources.filter(isNamed)).not.toEqual([])
    expect(tests.filter(isNamed)).not.toEqual([])
  })

  it('of the wire is in the catalogue, and comes as what it is', () => {
    const names = Object.keys(ErrorCode).filter((name) => name !== 'UNSPECIFIED')
    expect(codes).toEqual(expect.arrayContaining(names))
    for (const [name, code] of Object.entries(ErrorCode))
      expect(fromWire({ code, message: 'x' }).code).toBe(name === 'UNSPECIFIED' ? 'REFUSED' : name)
    expect(errorName(99)).toBeUndefined()
    expect(fromWire({ code: 99, message: 'x' }).code).toBe('REFUSED')
  })

  it('carries its remedy, and an error that knows better its own', () => {
    for (const [code, { remedy }] of ENTRIES) expect(new ClientError(code, 'x').remedy).toBe(remedy)
    expect(new ClientError('USAGE', 'x', { remedy: 'y', path: 'z' })).toMatchObject({ remedy: 'y', path: 'z' })
  })
})
