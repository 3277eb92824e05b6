/**
 * A relay that is killed before a system call of its store or guard, while it makes checkpoints, and started again with
 * a clock that went back: all that it ever signed fits together. Each fourth call here; CAIRN_CRASH_EVERY=1 is each.
 */

import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { addressOf, publicKeyOf } from '#signature'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { verifyCheckpoint, type VerifiedCheckpoint } from '../../src/proofs/checkpoint.js'
import { conflictBetween } from '../../src/proofs/conflict.js'
import { fixture, requireBuiltStore } from '../fixtures/built.js'

const RELAY = addressOf(publicKeyOf(new Uint8Array(32).fill(7)))
/** What changes a file, or its name. */
const CALLS = 'pwrite64,pwritev,writev,write,fdatasync,fsync,rename,ftruncate,openat,chmod'
const EVERY = Number(process.env['CAIRN_CRASH_EVERY'] ?? 4)
const [FIRST_MS, LATER_MS] = [1_800_000_000_000, 1_799_996_400_000]

let base: string
/** Of the processes under strace, those that it killed. */
let kills = 0

beforeAll(async () => {
  await requireBuiltStore()
  base = mkdtempSync(join(tmpdir(), 'cairn-crash-'))
})
afterAll(() => rmSync(base, { recursive: true, force: true }))

interface Told {
  readonly signed: VerifiedCheckpoint[]
  readonly first: VerifiedCheckpoint[]
  readonly isDone: boolean
}

/** Runs the relay in a directory; `under`: what stands before it. */
function run(directory: string, startMs: number, manner: string, under: readonly string[] = []): Promise<Told> {
  const [command, ...argv] = [
    ...under,
    process.execPath,
    fixture('checkpoints.mjs'),
    directory,
    String(startMs),
    manner,
  ]
  return new Promise((resolve, reject) => {
    const env = { ...process.env, UV_THREADPOOL_SIZE: '1' }
    execFile(command, argv, { env }, (error, stdout, stderr) => {
      const told = read(stdout)
      const isKilled = under.length > 0 && !told.isDone
      if (error !== null && !isKilled) reject(new Error(`${stderr}${stdout}`, { cause: error }))
      else resolve(told)
      if (isKilled) kills++
    })
  })
}

/** A last line that was cut off left the process in part: nobody could read it. */
function read(stdout: string): Told {
  const lines = stdout.split('\n').slice(0, -1)
  const rows = lines.map((line) => JSON.parse(line) as { kind: string; bytes: string; signature: string })
  const of = (kind: string) =>
    rows
      .filter((row) => row.kind === kind)
      .map(({ bytes, signature }) => verifyCheckpoint([fromHex(bytes), fromHex(signature)], [RELAY]))
  return { signed: of('signed'), first: of('first'), isDone: rows.at(-1)?.kind === 'done' }
}

/** The calls that there are to be killed before: of one name, its numbers from 1. */
async function killPoints(): Promise<{ readonly call: string; readonly nth: number }[]> {
  const directory = mkdtempSync(join(base, 'whole-'))
  const trace = `${directory}.trace`
  const { isDone } = await run(directory, FIRST_MS, 'careful', traced(directory, trace, ['-e', `trace=${CALLS}`]))
  expect(isDone).toBe(true)
  const counts = new Map<string, number>()
  const points = new Map<string, { call: string; nth: number }>()
  // strace counts in each thread: the first that comes to a number is killed.
  for (const [, thread, call] of readFileSync(trace, 'utf8').matchAll(/^(\d+) +(\w+)\(/gmu)) {
    const nth = (counts.get(`${thread} ${call}`) ?? 0) + 1
    counts.set(`${thread} ${call}`, nth)
    points.set(`${call} ${nth}`, { call: call!, nth })
  }
  return [...points.values()]
}

function traced(directory: string, trace: string, what: readonly string[]): string[] {
  const names = ['', 'data', 'data/cairn.mdb', 'relay.key.signed', 'relay.key.signed.new']
  const paths = names.flatMap((name) => ['-P', join(directory, name)])
  return ['strace', '-f', '-o', trace, ...paths, ...what]
}

/** What speaks against the relay, after it was killed before that call and started again. */
async function evidenceAt({ call, nth }: { call: string; nth: number }, manner: string): Promise<string[]> {
  const directory = mkdtempSync(join(base, 'killed-'))
  const inject = ['-e', `trace=${call}`, '-e', `inject=${call}:signal=SIGKILL:when=${nth}`]
  const before = await run(directory, FIRST_MS, manner, traced(directory, '/dev/null', inject))
  const after = await run(directory, LATER_MS, manner)
  rmSync(directory, { recursive: true })
  expect(after.isDone).toBe(true)
  const all = [...before.signed, ...before.first, ...after.signed, ...after.first]
  const conflicts = all.flatMap((a) => all.flatMap((b) => conflictBetween(a.fields, b.fields)?.message ?? []))
  return [...new Set([...conflicts, ...wrongFirsts(before, after), ...fallingTimes(before, after)])]
}

/** What is told as signed first is what came first of that set, whenever that was. */
function wrongFirsts(before: Told, after: Told): string[] {
  const first = new Map<bigint, string>()
  for (const { fields, digest } of [...before.signed, ...after.signed])
    if (!first.has(fields.Seq)) first.set(fields.Seq, toHex(digest))
  return [...before.first, ...after.first]
    .filter(({ fields, digest }) => (first.get(fields.Seq) ?? toHex(digest)) !== toHex(digest))
    .map(({ fields }) => `another checkpoint of set ${fields.Seq} was signed first`)
}

/** Of one set, in the order in which they left; conflictBetween looks at different ones. */
function fallingTimes(before: Told, after: Told): string[] {
  const times = [...before.signed, ...after.signed].map(({ fields }) => fields.Timestamp.seconds)
  return times.some((time, i) => i > 0 && time < times[i - 1]!) ? ['a time is earlier than that of the one before'] : []
}

async function evidence(points: { call: string; nth: number }[], manner: string): Promise<string[]> {
  const found: string[] = []
  const lane = async () => {
    for (let point = points.shift(); point !== undefined; point = points.shift())
      for (const message of await evidenceAt(point, manner)) found.push(`${point.call} ${point.nth}: ${message}`)
  }
  await Promise.all([lane(), lane()])
  return found
}

it('never signs what speaks against itself, wherever it was killed', async () => {
  const points = await killPoints()
  expect(points.length).toBeGreaterThan(40)
  expect(points.some(({ call }) => call === 'rename')).toBe(true)
  const chosen = points.filter((_point, i) => i % EVERY === 0)
  const tried = chosen.length
  kills = 0
  expect(await evidence(chosen, 'careful')).toEqual([])
  // How many calls there are differs by one or two from run to run.
  expect(kills).toBeGreaterThan(tried - 3)
}, 300_000)

it('would be seen if nothing were kept of what was signed', async () => {
  const points = (await killPoints()).slice(-6)
  expect(await evidence(points.slice(0, 2), 'careless')).not.toEqual([])
})
