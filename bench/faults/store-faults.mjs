// Faults of the store itself: work.mjs under each, then find.mjs, then the comparison.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { attach, callsIn, Child, failuresOf, isOfPageWrite, straceArgv, wasInjected } from './traced.mjs'
import { blobOf, digestOf, recordOf, rootsOf } from './sample.mjs'

const here = (name) => join(import.meta.dirname, name)
const MANNERS = ['used', 'new', 'early', 'reading']
/** One for each core that there is at least. */
const LANES = 2
/** Attempts of the work come after those of the template. */
const FIRST_ATTEMPT = 50
const PARTS = 30
const TELL_EVERY = 100
const DEAD_LOCK = 'lock.4194304.1-00000000'

/** Tries each fault of each manner, some at once. */
export async function storeFaults(base, { every, from, isSecond, of }, score) {
  const templates = await makeTemplates(base)
  let faults = []
  for (const manner of MANNERS) faults.push(...(await faultsOf(base, manner, templates)))
  if (isSecond) faults = faults.filter(({ thread }) => thread === 'main').map((fault) => ({ ...fault, isSecond }))
  if (of !== undefined) faults = faults.filter(({ call, manner }) => call === of || manner === of)
  const chosen = faults.filter((_fault, i) => i % every === from % every)
  process.stdout.write(`store: ${chosen.length} of ${faults.length} faults\n`)
  const lane = async (number) => {
    for (let fault = chosen.shift(); fault !== undefined; fault = chosen.shift()) {
      await tryFault(join(base, `lane-${number}`), fault, templates, score)
      if (chosen.length % TELL_EVERY === 0) process.stderr.write(`${chosen.length} left\n`)
    }
  }
  await Promise.all(Array.from({ length: LANES }, (_, number) => lane(number)))
}

/** Directories that the work begins with, and what is in each. */
async function makeTemplates(base) {
  const used = join(base, 'used')
  const argv = ['-r', here('park.cjs'), here('work.mjs'), used, 'used', '0']
  const child = new Child(argv, { CAIRN_TRIAL_UNDER: '["env"]' })
  child.process.stdin.write('\n')
  const end = await child.end()
  if (end.code !== 0) throw new Error(`the work fails without a fault: ${JSON.stringify(end)} ${child.err}`)
  writeFileSync(join(used, DEAD_LOCK), '')
  writeFileSync(join(used, 'blobs', 'left-over.part'), 'x')
  const early = join(base, 'early')
  mkdirSync(early)
  const old = readFileSync(join(import.meta.dirname, '../../test/fixtures/store/format-1.mdb.gz'))
  writeFileSync(join(early, 'cairn.mdb'), gunzipSync(old))
  const nothing = { logs: {}, derived: {}, marks: [], blobs: {} }
  const inUsed = find(copied(used, join(base, 'look-used')))
  return {
    used: { path: used, found: inUsed },
    reading: { path: used, found: inUsed },
    early: { path: early, found: find(copied(early, join(base, 'look-early'))) },
    new: { path: undefined, found: nothing },
  }
}

function copied(from, to) {
  rmSync(to, { recursive: true, force: true })
  if (from !== undefined) cpSync(from, to, { recursive: true })
  return to
}

function find(directory, ...mode) {
  return JSON.parse(execFileSync(process.execPath, [here('find.mjs'), directory, ...mode], { encoding: 'utf8' }))
}

/** Two deep, so that the directory above is one of ours too. */
function directoryIn(lane) {
  return join(lane, 'above', 'data')
}

function lay(lane, manner, templates) {
  rmSync(lane, { recursive: true, force: true })
  mkdirSync(lane)
  const { path } = templates[manner]
  if (path !== undefined) copied(path, directoryIn(lane))
  return directoryIn(lane)
}

/** The child, waiting to be told to begin, and the paths whose calls count; its trial is watched from its start. */
async function parked(directory, manner, trial, failing) {
  const argv = ['-r', here('park.cjs'), here('work.mjs'), directory, manner, String(FIRST_ATTEMPT)]
  const watched = ['', 'cairn.mdb', 'cairn.mdb-lock'].map((name) => join(directory, name))
  const under = ['strace', ...straceArgv(watched, trial, failing)]
  const child = new Child(argv, { CAIRN_TRIAL_UNDER: JSON.stringify(under) })
  const [, lock] = await child.says(/^\{"ready":"(.*)"\}$/mu)
  const [, main, pool] = /threads (\d+) (\d+)/u.exec(child.err)
  const blobs = Array.from({ length: 100 }, (_, i) => join(directory, 'blobs', `Qm${i}`))
  const parts = Array.from({ length: PARTS }, (_, i) => join(directory, 'blobs', `part-${i}.part`))
  const names = ['', 'cairn.mdb', 'cairn.mdb-lock', 'blobs', 'blobs/left-over.part', lock, DEAD_LOCK]
  const paths = [
    join(directory, '..'),
    ...names.map((name) => join(directory, name)),
    join(directory, `lock.${main}.unknown`),
    ...parts,
    ...blobs,
  ]
  return { child, threads: { main, pool }, paths }
}

/** Every call of the work without a fault, with every way in which it can fail. */
async function faultsOf(base, manner, templates) {
  const lane = join(base, 'record')
  const file = (thread) => join(base, `record-${manner}-${thread}`)
  const directory = lay(lane, manner, templates)
  const { child, threads, paths } = await parked(directory, manner, file('trial'))
  const tracers = []
  for (const [name, thread] of Object.entries(threads)) tracers.push(await attach(thread, paths, file(name)))
  child.process.stdin.write('\n')
  const end = await child.end()
  await Promise.all(tracers.map(({ done }) => done))
  if (end.code !== 0) throw new Error(`the work fails without a fault: ${JSON.stringify(end)} ${child.err}`)
  const calls = ['trial', 'main', 'pool'].flatMap((thread) =>
    callsIn(file(thread)).map((call) => ({ thread, ...call })),
  )
  return calls.flatMap((call) => failuresOf(call).map((failure) => ({ manner, ...call, failure })))
}

async function tryFault(lane, fault, templates, score) {
  const { manner, thread, call, nth, failure, isSecond, line } = fault
  const name = `${manner} ${thread} ${call} ${nth} ${failure}`
  const directory = lay(lane, manner, templates)
  const failing = { call, inject: `${call}:${failure}:when=${nth}` }
  const [trace, trial] = [`${lane}.trace`, `${lane}.trial`]
  for (const file of [trace, trial]) rmSync(file, { force: true })
  const meetsTrial = thread !== 'pool' && !isSecond
  const { child, threads, paths } = await parked(directory, manner, trial, meetsTrial ? failing : undefined)
  const tracer = thread === 'trial' ? undefined : await attach(threads[thread], paths, trace, failing)
  child.process.stdin.write('\n')
  const end = await child.end()
  await tracer?.done
  if (![trace, trial].some(wasInjected)) return score.problem('wrong', name, `the call was not made this time: ${line}`)
  score.faults++
  const problem = (kind, text) => score.problem(kind, name, `${text} (${line.slice(0, 150)})`)
  const claims = claimsOf(child)
  judgeEnd(child, end, { score, problem })
  for (const { op, text } of claims) if (op === 'wrong') problem('wrong', text)
  let found
  try {
    found = find(directory, 'write')
  } catch (error) {
    return problem('wrong', `the next start fails: ${String(error.stderr ?? error).slice(0, 1_000)}`)
  }
  compare({ claims, found, before: templates[manner].found, score, problem })
}

function judgeEnd(child, end, { score, problem }) {
  if (end.hangs) return problem('wrong', `it hangs after ${child.out.trim().split('\n').at(-1)}`)
  if (end.code === 0) return undefined
  if (isOfPageWrite(child, end)) return score.upstreamCrash()
  return problem('crashed', `${end.signal ?? `exit code ${end.code}`}: ${child.err.slice(0, 1_000)}`)
}

function claimsOf(child) {
  return child.out.split('\n').flatMap((line) => (line.startsWith('{"op"') ? [JSON.parse(line)] : []))
}

/** What was claimed, what is there now, and what was there before: what does not fit is told of. */
function compare({ claims, found, before, score, problem }) {
  for (const text of found.problems) problem('wrong', text)
  const attempts = outcomes(claims)
  compareLogs(attempts, found, before, score, problem)
  compareDerived(attempts, found, before, problem)
  compareBlobs(attempts, found, before, score, problem)
}

/** One row for each try: `code` undefined for what was answered, `unknown` for what had no answer. */
function outcomes(claims) {
  const rows = []
  for (const { begun, ...claim } of claims) {
    if (begun) rows.push({ ...claim, code: 'no answer' })
    else if (rows.at(-1)?.op === claim.op) rows[rows.length - 1] = { ...claim, code: claim.code }
  }
  return rows
}

function compareLogs(attempts, found, before, score, problem) {
  const explained = new Map()
  for (const [shop, digests] of Object.entries(before.logs))
    for (const [i, digest] of digests.entries()) {
      explained.set(`${shop}/${i + 1}/${digest}`, true)
      if (found.logs[shop]?.[i] !== digest) problem('lost', `shop ${shop}: set ${i + 1} that was there before`)
    }
  for (const row of attempts) {
    if (row.op !== 'commit') continue
    const seqs = Array.from({ length: row.to - row.from + 1 }, (_, i) => row.from + i)
    const names = seqs.map((seq) => [seq, digestOf(recordOf({ ...row, seq }))])
    const there = names.filter(([seq, digest]) => found.logs[row.shop]?.[seq - 1] === digest).length
    const isMarked = found.marks.includes(row.attempt)
    const [isWhole, isAbsent] = [there === seqs.length && isMarked, there === 0 && !isMarked]
    const what = `shop ${row.shop}: try ${row.attempt} of sets ${row.from} to ${row.to}`
    if (row.code === undefined) {
      score.answered++
      if (!isWhole) problem('lost', what)
    } else if (row.code === 'full' && !isAbsent) problem('wrong', `${what} was refused and is there`)
    else if (!isWhole && !isAbsent) problem('wrong', `${what} is there in part`)
    for (const [seq, digest] of names) explained.set(`${row.shop}/${seq}/${digest}`, true)
  }
  for (const [shop, digests] of Object.entries(found.logs))
    for (const [i, digest] of digests.entries())
      if (!explained.has(`${shop}/${i + 1}/${digest}`)) problem('wrong', `shop ${shop}: set ${i + 1} is nobody's`)
}

/** The last answered flush of each shop, or one without a sure answer that came after it. */
function compareDerived(attempts, found, before, problem) {
  for (const shop of Object.keys(found.logs)) {
    let possible = [before.derived[shop] ?? null]
    for (const row of attempts) {
      if (row.shop !== shop || (row.op !== 'flush' && row.op !== 'drop')) continue
      const made = row.op === 'drop' ? null : { seq: row.seq, roots: sha256(rootsOf(row)) }
      if (row.code === undefined) possible = [made]
      // A drop is more than one transaction: after any of them it may be refused.
      else if (row.code !== 'full' || row.op === 'drop') possible.push(made)
    }
    const now = JSON.stringify(found.derived[shop] ?? null)
    if (!possible.some((one) => JSON.stringify(one) === now)) {
      problem('wrong', `shop ${shop}: its flushed state is ${now}, not one of ${JSON.stringify(possible)}`)
    }
  }
}

/** A blob is named by its content: one that was refused may be there, if it is whole. */
function compareBlobs(attempts, found, before, score, problem) {
  const whole = new Map(Object.entries(before.blobs))
  for (const [cid, digest] of whole)
    if (found.blobs[cid] !== digest) problem('lost', `blob ${cid} that was there before`)
  for (const row of attempts) {
    if (row.op !== 'blob') continue
    whole.set(row.cid, sha256(blobOf(row)))
    if (row.code !== undefined) continue
    score.answered++
    if (found.blobs[row.cid] === undefined) problem('lost', `blob ${row.cid}`)
  }
  for (const [cid, digest] of Object.entries(found.blobs))
    if (whole.get(cid) !== digest) problem('wrong', `blob ${cid} is not what was given`)
}

function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex')
}
