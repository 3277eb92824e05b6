/**
 * The flags of `cairn bench`, and what they ask for.
 *
 * Tests: test/cli/bench/plan.test.ts
 */

import { availableParallelism } from 'node:os'
import { REQUESTS_IN_FLIGHT_MAX } from '../../limits.js'
import { integerFlag, urlFlag, UsageError, type Flags } from '../flags.js'
import type { FanoutPlan } from './fanout.js'
import type { ProofsPlan } from './proofs.js'
import type { ReadPlan } from './read.js'
import type { SyncPlan } from './sync.js'
import type { WritePlan } from './write.js'

export const WORKS = ['write', 'read', 'fanout', 'sync', 'proofs'] as const
export type WorkName = (typeof WORKS)[number]

export const BENCH_HELP = `\
cairn bench write|read|fanout|sync|proofs|all [--runs 5] [--seconds 3] [--listings 1000,10000] [--cores N]
          [--data DIR | --url URL --shop ID --card FILE] [--at-most SECONDS]
          [--json] [--report FILE] [--compare FILE] [--allowed 10] …

Measures a relay that it starts, with all checks on and fdatasync before each answer, or the one at --url. Machine, file
system, time of an fsync and the most signatures that the cores check in a second (the recovery ceiling) come first.
Each line is a median of the runs after a warm-up, with the spread between best and worst as a share of it. Closed loops
keep requests in flight and find the most that there is; open loops send at fixed rates, and their latencies count from
the planned time. Sets are signed before the clock starts. Ctrl-C ends it at once, with what was measured until then.

  write    price changes                        --window 1024,64,1   sets in flight, a closed loop for each
                                                --rates 100,1000     sets a second, an open loop for each
                                                --patches 1          changes in a set
                                                --connections 1      sessions, each with a card of its own
  read     visits: one listing, proven          --connections 4, --rates 100
  fanout   sets that many subscribers get       --subscribers 1000, --rates 10 sets a second of --patches 20
  sync     newcomers: the log, a snapshot       --sets 20000 in the log
  proofs   state proofs of a listing            --window 16, --connections 4, --rates 100
  all      all of them, with --subscribers and --sets

  --listings N,…   in the shop; write is measured in shops of all these sizes, all else in the first
  --data DIR       where the relay that it starts keeps its data, in a folder that is removed afterwards; default the
                   system's folder for temporary files. In memory (tmpfs) it is refused
  --cores N        the relay that it starts gets the first N cores only (taskset)
  --url URL        measures the relay there. --shop has to hold nothing but what an earlier bench left, and is written
                   to: name one that is for this alone. --card is the key card of its owner or a clerk
  --at-most N      ends after so many seconds, with what was measured until then; with --url 300 if left out
  --json           the result as one line of JSON in place of the text
  --report FILE    the result as a page with plots
  --compare FILE   what --json printed before: ratios; exit code 1 if a figure is worse by more than --allowed percent

CAIRN_… in the environment sets what the relay that it starts is to be, as for cairn serve.
Exit codes: 0 all was measured, 1 it was not (refused, interrupted), or a figure is worse than allowed.
`

const COMMON = {
  url: { kind: 'text' },
  shop: { kind: 'text' },
  card: { kind: 'text' },
  data: { kind: 'text' },
  cores: { kind: 'number' },
  runs: { kind: 'number', value: 5 },
  seconds: { kind: 'number', value: 3 },
  listings: { kind: 'text' },
  'at-most': { kind: 'number' },
  json: { kind: 'switch' },
  report: { kind: 'text' },
  compare: { kind: 'text' },
  allowed: { kind: 'number', value: 10 },
} as const
const OWN = {
  window: { kind: 'text' },
  rates: { kind: 'text' },
  patches: { kind: 'number' },
  connections: { kind: 'number' },
  subscribers: { kind: 'number' },
  sets: { kind: 'number' },
} as const
const { window, rates, patches, connections, subscribers, sets } = OWN

/** Each work knows its own. */
export const BENCH_FLAGS = {
  write: { ...COMMON, window, rates, patches, connections },
  read: { ...COMMON, connections, rates },
  fanout: { ...COMMON, subscribers, rates, patches },
  sync: { ...COMMON, sets },
  proofs: { ...COMMON, window, connections, rates },
  all: { ...COMMON, subscribers, sets },
} as const

type Given = Flags<typeof COMMON> & Partial<Flags<typeof OWN>>

export interface BenchPlan {
  readonly works: readonly WorkName[]
  readonly runs: number
  readonly seconds: number
  readonly cores: number | undefined
  readonly data: string | undefined
  /** These three together, or none. */
  readonly url: string | undefined
  readonly shop: bigint | undefined
  readonly card: string | undefined
  readonly atMost: number | undefined
  readonly json: boolean
  readonly report: string | undefined
  readonly compare: string | undefined
  /** A share. */
  readonly allowed: number
  readonly write: WritePlan
  readonly read: ReadPlan
  readonly fanout: FanoutPlan
  readonly sync: SyncPlan
  readonly proofs: ProofsPlan
}

const AT_MOST_DEFAULT_ELSEWHERE = 300
/** All sets of a run are signed before it. */
const SECONDS_MAX = 60
const SUBSCRIBERS_DEFAULT = { here: 1_000, elsewhere: 200 }

/** Throws UsageError. */
export function planOf(word: WorkName | 'all', given: Given): BenchPlan {
  for (const [name, value] of Object.entries(given))
    if (typeof value === 'number' && value < (AT_LEAST_0.has(name) ? 0 : 1))
      throw new UsageError(`--${name} must be at least 1`)
  if (given.seconds > SECONDS_MAX)
    throw new UsageError(
      `--seconds: a run has at most ${SECONDS_MAX}, whose sets have room in memory; make more --runs`,
    )
  const elsewhere = given.url !== undefined
  if (elsewhere) checkElsewhere(word, given)
  else checkHere(given)
  const sizes = numbersFlag('listings', given.listings ?? (elsewhere || word !== 'write' ? '1000' : '1000,10000'))
  if (word === 'proofs' && given.window?.includes(',')) throw new UsageError('--window: proofs take one')
  if (sizes.length > 1 && (elsewhere || (word !== 'write' && word !== 'all')))
    throw new UsageError('--listings: one size; write at a relay that it starts takes several')
  return {
    works: word === 'all' ? WORKS : [word],
    ...wherePlan(given),
    ...workPlans(given, sizes, elsewhere),
    allowed: given.allowed / 100,
    atMost: given['at-most'] ?? (elsewhere ? AT_MOST_DEFAULT_ELSEWHERE : undefined),
  }
}

const AT_LEAST_0: ReadonlySet<string> = new Set(['allowed', 'sets'])

function wherePlan(given: Given) {
  const { runs, seconds, cores, data, json, report, compare, card } = given
  return {
    ...{ runs, seconds, cores, data, json, report, compare, card },
    url: given.url === undefined ? undefined : urlFlag('url', given.url),
    shop: given.shop === undefined ? undefined : integerFlag('shop', given.shop),
  }
}

function workPlans(given: Given, sizes: readonly number[], elsewhere: boolean) {
  const list = (name: 'window' | 'rates', standard: string) => numbersFlag(name, given[name] ?? standard)
  const listings = sizes[0]!
  const { patches, connections, sets = 20_000 } = given
  const windows = list('window', '1024,64,1')
  const [window] = list('window', '16')
  if (Math.max(...windows) > REQUESTS_IN_FLIGHT_MAX)
    throw new UsageError(`--window: a session has at most ${REQUESTS_IN_FLIGHT_MAX} requests in flight`)
  const subscribers = given.subscribers ?? SUBSCRIBERS_DEFAULT[elsewhere ? 'elsewhere' : 'here']
  const write = { listings: sizes, patches: patches ?? 1, connections: connections ?? 1, windows }
  return {
    write: { ...write, rates: list('rates', '100,1000') },
    read: { listings, connections: connections ?? 4, rates: list('rates', '100') },
    fanout: { listings, subscribers, patches: patches ?? 20, rates: list('rates', '10') },
    sync: { listings, sets },
    proofs: { listings, connections: connections ?? 4, window: window!, rates: list('rates', '100') },
  }
}

/** Throws UsageError. */
function checkElsewhere(word: WorkName | 'all', given: Given): void {
  for (const name of ['shop', 'card'] as const)
    if (given[name] === undefined)
      throw new UsageError(`--${name} is missing: another's relay is measured in a shop that is for this alone`)
  for (const name of ['data', 'cores'] as const)
    if (given[name] !== undefined) throw new UsageError(`--${name} is of a relay that is started here, not of --url`)
  if (word === 'write' && (given.connections ?? 1) > 1)
    throw new UsageError('--connections: there is one card, and its sets come over one session')
}

function checkHere({ shop, card, cores }: Given): void {
  if (shop !== undefined || card !== undefined) throw new UsageError('--shop and --card go with --url')
  if (cores !== undefined && cores > availableParallelism())
    throw new UsageError(`--cores ${cores}: there are ${availableParallelism()}`)
}

/** Whole numbers from 1 on, with commas between them. Throws UsageError. */
function numbersFlag(name: string, text: string): number[] {
  const numbers = text.split(',').map(Number)
  if (!/^[0-9]+(,[0-9]+)*$/u.test(text) || numbers.some((one) => one < 1 || !Number.isSafeInteger(one)))
    throw new UsageError(`--${name} must be whole numbers from 1 on, with commas between them, not ${text}`)
  return numbers
}
