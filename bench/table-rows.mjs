// The rows of the table of bounds (table.mjs). `measure` gives a value for each run, and whether the bound is met by
// their median; a row without it says why it is not measured. What several rows need is measured once.

import { statSync } from 'node:fs'
import { join } from 'node:path'
import { median } from '../dist/cli/bench/figures.js'
import { figuresOf } from '../dist/cli/bench/result.js'
import { openShop } from '../dist/cli/bench/shop.js'
import { writeClosed } from '../dist/cli/bench/write.js'
import { benchRead } from '../dist/cli/bench/read.js'
import { fanAtFullSpeed, fanAtRate } from '../dist/cli/bench/fanout.js'
import { syncLog, syncSnapshot } from '../dist/cli/bench/sync.js'
import { onRelay, onLargeShop, once, recordedBytes } from './table-parts.mjs'
import { bareLoop } from './bare-loop.mjs'
import { mixed } from './table-mixed.mjs'
import {
  engine,
  idleBytes,
  logPath,
  startSeconds,
  underCap,
  withOtherSubscriptions,
  writtenShare,
} from './table-measures.mjs'

const STANDARD = { listings: 1_000, window: 1_024, patches: 1 }

/** The values of a series' figure whose name ends so. */
function valuesOf(series, end) {
  const found = figuresOf(series).find(({ name }) => name.endsWith(`: ${end}`))
  if (found === undefined) throw new Error(`${series.name} has no ${end}`)
  return found.values
}

/** One series of writes on a relay of its own. */
function written(context, { shops = 1, connections = 1, env, ...change } = {}) {
  const { listings, ...how } = { ...STANDARD, ...change }
  return once(context, JSON.stringify({ shops, connections, env, listings, how }), () =>
    onRelay(context, { env }, async (bench) => {
      const all = []
      for (let i = 0; i < shops; i++) all.push(bench.keep(await openShop(bench.relay, listings, connections)))
      return writeClosed(bench, all, how)
    }),
  )
}

const atLeast = (values, unit, bound, note) => ({ values, unit, isMet: median(values) >= bound, note })
const atMost = (values, unit, bound, note) => ({ values, unit, isMet: median(values) <= bound, note })
const sets = (series) => valuesOf(series, 'sets')

async function shareOfStandard(context, change) {
  const standard = median(sets(await written(context)))
  return atLeast(
    sets(await written(context, change)).map((one) => one / standard),
    '×',
    0.9,
  )
}

function sizeNote({ size }, what) {
  return size === 1_000_000 ? undefined : `with ${size.toLocaleString('en')} ${what}: --whole has as many as the bound`
}

export const ROWS = [
  {
    name: 'one-patch sets, 1 connection, window 1,024, 1 k listings',
    wanted: '60 % of the recovery ceiling',
    async measure(context) {
      const ceiling = context.machine.recoveriesPerSecond
      return atLeast(
        sets(await written(context)).map((one) => (one / ceiling) * 100),
        '%',
        60,
      )
    },
  },
  {
    name: 'the same',
    wanted: '20,000 sets a second',
    measure: async (context) => atLeast(sets(await written(context)), 'a second', 20_000),
  },
  {
    name: 'over 100 connections',
    wanted: '0.9 × that',
    measure: (context) => shareOfStandard(context, { connections: 100, window: 16 }),
  },
  {
    name: 'over 100 shops',
    wanted: '0.9 × that',
    measure: (context) => shareOfStandard(context, { shops: 100, window: 16 }),
  },
  {
    name: '64-patch sets',
    wanted: '150,000 patches a second',
    async measure(context) {
      const series = await written(context, { patches: 64, window: 64 })
      return atLeast(
        sets(series).map((one) => one * 64),
        'a second',
        150_000,
      )
    },
  },
  {
    name: 'the engine without sockets',
    wanted: '24,000 sets a second',
    measure: async (context) => atLeast(await engine(context, STANDARD, true), 'a second', 24_000),
  },
  {
    name: 'the engine without signature checks',
    wanted: '60,000 sets a second',
    measure: async (context) => atLeast(await engine(context, STANDARD, false), 'a second', 60_000),
  },
  {
    name: 'the log path alone, 256-byte records, group commit',
    wanted: '200,000 records a second and core',
    measure: async (context) => atLeast(await logPath(context), 'a second', 200_000),
  },
  {
    name: 'window 64, p50',
    wanted: '5 ms',
    measure: async (context) => atMost(valuesOf(await written(context, { window: 64 }), 'p50'), 'ms', 5),
  },
  {
    name: 'window 1, p50',
    wanted: '2 × fsync p50 + 0.3 ms',
    async measure(context) {
      const bound = 2 * context.machine.disk.syncP50 + 0.3
      return atMost(valuesOf(await written(context, { window: 1 }), 'p50'), 'ms', bound, `bound ${bound.toFixed(2)} ms`)
    },
  },
  {
    name: 'window 1, p99',
    wanted: '3 × fsync p99',
    async measure(context) {
      const bound = 3 * context.machine.disk.syncP99
      return atMost(valuesOf(await written(context, { window: 1 }), 'p99'), 'ms', bound, `bound ${bound.toFixed(2)} ms`)
    },
  },
  {
    name: 'cost growth, 1 k to 1 M listings',
    wanted: '1.15 ×',
    async measure(context) {
      const cost = 'CPU of the relay for one of the sets'
      const small = median(valuesOf(await written(context), cost))
      const series = await onLargeShop(context, 'objects', (bench, shop) => writeClosed(bench, [shop], STANDARD))
      return atMost(
        valuesOf(series, cost).map((one) => one / small),
        '×',
        1.15,
        sizeNote(context, 'listings'),
      )
    },
  },
  ...[50, 99].map((percent) => ({
    name: `1,000 subscribers, 10 sets of 20 patches a second, p${percent}`,
    wanted: '1.5 × a bare loop',
    async measure(context) {
      const plan = { subscribers: context.isQuick ? 20 : 1_000, rate: 10, patches: 20 }
      const series = await once(context, 'fan-out at a rate', () =>
        onRelay(context, {}, async (bench) =>
          fanAtRate(bench, bench.keep(await openShop(bench.relay, 1_000, 1)), plan),
        ),
      )
      const bare = await once(context, 'bare loop', () => bareLoop(context, plan))
      const values = valuesOf(series, `p${percent}`).map((one) => one / bare.at(percent))
      return atMost(values, '×', 1.5, `bare loop ${bare.at(percent).toFixed(2)} ms`)
    },
  })),
  {
    name: 'mixed: writes at half speed, subscribers, snapshot, proofs',
    wanted: 'p99 of each 3 × alone',
    async measure(context) {
      const standard = median(sets(await written(context)))
      const worst = await mixed(context, { ...STANDARD, rate: Math.ceil(standard / 2) })
      return atMost(worst.values, '×', 3, worst.note)
    },
  },
  {
    name: 'a database four times the memory cap',
    wanted: '50 % of the throughput',
    async measure(context) {
      const all = { ...STANDARD, listings: context.size }
      const write = (bench, shop) => writeClosed(bench, [shop], all)
      const free = median(sets(await onLargeShop(context, 'objects', write)))
      const capped = await underCap(context, (how) => onLargeShop(context, 'objects', write, how))
      return atLeast(
        sets(capped).map((one) => one / free),
        '×',
        0.5,
        sizeNote(context, 'listings'),
      )
    },
  },
  {
    name: 'no native part at all',
    wanted: 'told',
    async measure(context) {
      const series = await written(context, { env: { CAIRN_NATIVE: 'off' } })
      return { values: sets(series), unit: 'sets a second' }
    },
  },
  ...[1_000, 5_000].map((subscribers) => ({
    name: `fan-out to ${subscribers.toLocaleString('en')} subscribers, as fast as it goes`,
    wanted: '2,000,000 deliveries a second',
    async measure(context) {
      const count = context.isQuick ? 20 : subscribers
      const series = await onRelay(context, {}, async (bench) =>
        fanAtFullSpeed(bench, bench.keep(await openShop(bench.relay, 1_000, 1)), count),
      )
      const busy = median(series.runs.map(({ generatorCores }) => generatorCores)).toFixed(2)
      const note = `the receiving process took ${busy} cores`
      return atLeast(valuesOf(series, 'deliveries'), 'a second', 2_000_000, note)
    },
  })),
  {
    name: 'memory of an idle subscriber',
    wanted: '20 KB',
    measure: async (context) =>
      atMost(
        (await idleBytes(context)).map((one) => one / 1_000),
        'KB',
        20,
      ),
  },
  {
    name: 'a write beside 5,000 subscriptions to other single objects',
    wanted: '1.2 × none',
    async measure(context) {
      const none = median(sets(await written(context)))
      const values = sets(await withOtherSubscriptions(context, STANDARD)).map((one) => none / one)
      return atMost(values, '×', 1.2)
    },
  },
  {
    name: 'initial sync of 1 M sets to one client',
    wanted: '2,000,000 sets a second',
    async measure(context) {
      const series = await onLargeShop(context, 'sets', (bench, shop) => syncLog(bench, shop))
      return atLeast(valuesOf(series, 'sets'), 'a second', 2_000_000, sizeNote(context, 'sets'))
    },
  },
  {
    name: 'one listing of it, p50',
    wanted: 'milliseconds',
    async measure(context) {
      const read = { listings: 1_000, connections: 1, rates: [] }
      const series = await onRelay(context, {}, (bench) => benchRead(bench, read), true)
      return { values: valuesOf(series, 'p50'), unit: 'ms' }
    },
  },
  {
    name: 'a newcomer’s snapshot of 1 M listings, proven',
    wanted: '500,000 objects a second',
    async measure(context) {
      const series = await onLargeShop(context, 'objects', (bench, shop) => syncSnapshot(bench, shop))
      return atLeast(valuesOf(series, 'objects'), 'a second', 500_000, sizeNote(context, 'listings'))
    },
  },
  {
    name: 'anonymous memory after start, 1 M listings',
    wanted: '300 MB',
    async measure(context) {
      const mib = await startSeconds(context, 'objects').then(({ anonymousMib }) => anonymousMib)
      return atMost(
        mib.map((one) => one * 1.048576),
        'MB',
        300,
        sizeNote(context, 'listings'),
      )
    },
  },
  {
    name: 'bytes written to disk for one-patch sets',
    wanted: '3 × the record',
    measure: async (context) => atMost(await writtenShare(context, STANDARD), '×', 3),
  },
  {
    name: 'start with a log of 1 M patches, clean',
    wanted: '2 s',
    measure: async (context) => atMost((await startSeconds(context, 'sets')).clean, 's', 2, sizeNote(context, 'sets')),
  },
  {
    name: 'start with a log of 1 M patches, after kill -9',
    wanted: '2 s',
    measure: async (context) => atMost((await startSeconds(context, 'sets')).killed, 's', 2, sizeNote(context, 'sets')),
  },
  {
    name: 'database after 1 M price changes of 1 k listings',
    wanted: '1.3 × log + live state',
    async measure(context) {
      const { data, log, live } = await recordedBytes(context)
      return atMost([statSync(join(data, 'cairn.mdb')).size / (log + live)], '×', 1.3, sizeNote(context, 'sets'))
    },
  },
]
