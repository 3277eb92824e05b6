/** Every lie of the tables once, against the client of the source; `npm run check:lies` also takes each check out. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ROOT } from '../fixtures/program.js'
import { CHECKS } from './checks.js'
import { CHECKED_FILES, LEFT_IN, PASSED_ON, type LeftIn } from './left-in.js'
import { LIES } from './lies.js'
import { ending, inTurn, notCaught } from './run.js'
import * as sdk from './sdk.js'
import { SESSIONS, type SessionName } from './sessions.js'
import { World } from './stage.js'

const AT_ONCE = 12
const sessions = Object.keys(SESSIONS) as SessionName[]

describe('the tables', () => {
  it('have at least forty lies, each once, and an error for each', () => {
    expect(new Set(LIES.map(({ name }) => name)).size).toBe(LIES.length)
    expect(new Set(LIES.map(({ does }) => does)).size).toBeGreaterThan(40)
    expect(LIES.filter(({ does, error, says }) => !does || !error || says.length < 4)).toEqual([])
  })

  it('use every session', () => {
    const used = new Set(LIES.map(({ session }) => session))
    expect([...used].filter((name) => !Object.hasOwn(SESSIONS, name))).toEqual([])
    expect(sessions.filter((name) => !used.has(name))).toEqual([])
  })

  it.each(CHECKS)('know where it stands: $name', ({ file, text, instead, lies }) => {
    expect(readFileSync(join(ROOT, file), 'utf8').split(text)).toHaveLength(2)
    expect(instead).not.toBe(text)
    expect(lies.filter((name) => !LIES.some((lie) => lie.name === name))).toEqual([])
    expect(lies.length).toBeGreaterThan(0)
  })

  it('have each check once', () => {
    expect(new Set(CHECKS.map(({ name }) => name)).size).toBe(CHECKS.length)
  })
})

describe('the relay', () => {
  let world: World
  beforeAll(async () => {
    world = await World.start()
  })
  afterAll(async () => {
    await world.stop()
    expect(world.relay.bugs).toEqual([])
  })

  it('is believed where it is honest', async () => {
    const ends = await inTurn(
      sessions.map((name) => () => ending(world, sdk, name)),
      AT_ONCE,
    )
    const honest = sessions.map((name) => ({ shown: SESSIONS[name].honest }))
    expect(ends).toEqual(honest)
  })

  it('is found out in every lie', { timeout: 180_000 }, async () => {
    const told = LIES.map((lie) => async () => ({ lie, end: await ending(world, sdk, lie.session, lie) }))
    const ends = await inTurn(told, AT_ONCE)
    expect(ends.flatMap(({ lie, end }) => notCaught(lie, end)?.concat(` (${lie.name})`) ?? [])).toEqual([])
  })
})

describe('a check', () => {
  it.each(CHECKED_FILES)('has a row, or a reason for having none: %s', (file) => {
    const source = readFileSync(join(ROOT, file), 'utf8')
    const rows = CHECKS.filter((check) => check.file === file).map(({ text }) => spanOf(source, text))
    const reasons = LEFT_IN.filter((left) => left.file === file)
    const open = throwsOf(source).filter(
      ({ line, from, text }) =>
        !rows.some(({ first, last }) => first <= line && last > from) &&
        !PASSED_ON.test(text) &&
        !reasons.some((left) => isOf(left, text)),
    )
    expect(open.map(({ line, text }) => `${file}:${line + 1} ${text}`)).toEqual([])
    expect(reasons.filter((left) => !source.includes(left.text))).toEqual([])
    const named = LEFT_IN.map(({ why }) => /^check: (.*)$/u.exec(why)?.[1]).filter((name) => name !== undefined)
    expect(named.filter((name) => !CHECKS.some((check) => check.name === name))).toEqual([])
  })
})

/** A text that ends with a bracket is the whole line: what it says stands on the next ones. */
function isOf(left: LeftIn, line: string): boolean {
  return left.text.endsWith('(') ? line === left.text : line.includes(left.text)
}

/** Lines from 0. */
function spanOf(source: string, text: string): { readonly first: number; readonly last: number } {
  const first = source.slice(0, source.indexOf(text)).split('\n').length - 1
  return { first, last: first + text.trimEnd().split('\n').length - 1 }
}

/** Each line that throws, and the one before it that does. */
function throwsOf(source: string): { readonly line: number; readonly from: number; readonly text: string }[] {
  const lines = source.split('\n').map((text) => text.trim())
  const found = lines.flatMap((text, line) => (/^(?!\*|\/).*\bthrow\b/u.test(text) ? [line] : []))
  return found.map((line, i) => ({ line, from: found[i - 1] ?? -1, text: lines[line]! }))
}
