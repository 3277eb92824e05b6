// Faults of a whole relay, a sample: it is written to over a socket while one call of its commits fails, answers, is
// stopped, and its data are looked at.

import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ErrorCode } from '../../dist/wire/error-code.js'
import { RELAY_FLAGS, WrittenShop } from '../written-shop.mjs'
import { attach, Child, failuresOf, isOfPageWrite, wasInjected } from './traced.mjs'

/** The first call, and one after others that succeeded; of looks at the free room there are more or fewer. */
const CALLS = [
  { thread: 'pool', call: 'writev', times: [1, 4] },
  { thread: 'pool', call: 'pwrite64', times: [1, 4] },
  { thread: 'pool', call: 'fdatasync', times: [1, 4] },
  { thread: 'main', call: 'statfs', times: [1] },
]
const [WRITES, WINDOW] = [40, 4]
const AGAIN = ErrorCode.TOO_MANY_CONCURRENT_REQUESTS
/** A relay takes longer than a store alone, and is tried less often: but some always. */
const EVERY_MAX = 5
/** What a refusal says of the set. */
const SENTENCES = /nothing was changed, try again later$|shows when it has started again$/u

export async function relayFaults(base, { every, from }, score) {
  const template = join(base, 'relay-template')
  const shop = new WrittenShop()
  const made = await started(template)
  await shop.make(made.url)
  made.child.process.kill('SIGTERM')
  await made.child.end()
  const faults = CALLS.flatMap(({ thread, call, times }) =>
    failuresOf({ call }).flatMap((failure) => times.map((nth) => ({ thread, call, nth, failure }))),
  )
  const step = Math.min(every, EVERY_MAX)
  const chosen = faults.filter((_fault, i) => i % step === from % step)
  process.stdout.write(`relay: ${chosen.length} of ${faults.length} faults\n`)
  for (const fault of chosen) await tryFault(join(base, 'relay-lane'), fault, { template, shop }, score)
}

async function started(directory) {
  const park = join(import.meta.dirname, 'park.cjs')
  const flags = [...RELAY_FLAGS, '--disk-reserve-mib', '1', '--data', directory]
  const child = new Child(['-r', park, 'src/cli/cairn.js', ...flags])
  const [, url] = await child.says(/listens on (\S+)/u)
  const [, main, pool] = /threads (\d+) (\d+)/u.exec(child.err)
  return { child, url, threads: { main, pool } }
}

async function tryFault(lane, fault, { template, shop: before }, score) {
  const { thread, call, nth, failure } = fault
  const name = `relay ${thread} ${call} ${nth} ${failure}`
  const problem = (kind, text) => score.problem(kind, name, text)
  rmSync(lane, { recursive: true, force: true })
  mkdirSync(lane)
  const directory = join(lane, 'data')
  cpSync(template, directory, { recursive: true })
  const { child, url, threads } = await started(directory)
  const trace = join(lane, 'trace')
  const paths = [directory, join(directory, 'cairn.mdb')]
  const inject = `${call}:${failure}:when=${nth}`
  const { done } = await attach(threads[thread], paths, trace, { call, inject })
  const shop = before.copy()
  await writeAll(shop, url, child)
  child.process.kill('SIGTERM')
  const end = await child.end()
  await done
  if (!wasInjected(trace)) return problem('wrong', 'the call was not made this time')
  score.faults++
  judge(child, end, { shop, score, problem })
  score.answered += shop.answered.size - before.answered.size
  try {
    const { lost, there } = await shop.missing(directory)
    if (lost > 0) problem('lost', `${lost} answered sets`)
    if (there > 0) problem('wrong', `${there} sets that were refused are there`)
  } catch (error) {
    problem('wrong', `the next start fails: ${error.message}`)
  }
}

async function writeAll(shop, url, child) {
  const dead = child.ended
  const session = await shop.connect(url)
  let left = WRITES
  const stream = async () => {
    while (left-- > 0) await shop.write(session.ask, dead)
  }
  await Promise.all(Array.from({ length: WINDOW }, stream))
  const alive = await Promise.race([dead.then(() => false), fetch(`${url}/livez`).catch(() => false)])
  shop.isServed = alive !== false && alive.ok
  session.socket.terminate()
}

function judge(child, end, { shop, score, problem }) {
  for (const { code, message } of shop.refused.values())
    if (code !== AGAIN || !SENTENCES.test(message)) problem('wrong', `a write is refused with ${code}: ${message}`)
  if (end.hangs) return problem('wrong', 'it does not stop')
  if (end.code === 0) {
    if (!shop.isServed) problem('wrong', 'it does not answer any more')
    if (shop.answered.size === 0) problem('wrong', 'nothing was answered')
    return undefined
  }
  if (isOfPageWrite(child, end)) return score.upstreamCrash()
  return problem('crashed', `${end.signal ?? `exit code ${end.code}`}: ${child.err.slice(0, 1_000)}`)
}
