// What the rows of the table share: relays, large shops, and what is measured once for several of them.

import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Bench } from '../dist/cli/bench/bench.js'
import { openShop } from '../dist/cli/bench/shop.js'
import { startRelay } from '../dist/cli/bench/relay-process.js'
import { openStoreForReading } from '../dist/store/open.js'
import { largeShop, SECRET, SHOP } from './large-shop.mjs'

/** What has this name, made at the first call. */
export function once({ shared }, name, make) {
  if (!shared.has(name)) shared.set(name, make())
  return shared.get(name)
}

/**
 * What `work` gives of a relay of its own; with `isFirst` the series that it told of first. `data`: kept, and of the
 * large shop unless it `isOwn`.
 */
export async function onRelay(context, { env, within, data: given, isOwn = false, listings }, work, isFirst = false) {
  const data = given ?? join(mkdtempSync(join(context.folder, 'relay-')), 'data')
  const relay = await startRelay({ data, env, within })
  const series = []
  const told = (one) => (series.push(one), context.told(one))
  const { runs, seconds, signal, say } = context
  const place = given === undefined || isOwn ? relay : { ...relay, given: { shop: SHOP, secret: SECRET, listings } }
  const bench = new Bench({ relay: place, runs, seconds, signal, told, progress: say })
  try {
    const result = await work(bench)
    return isFirst ? series[0] : result
  } finally {
    await bench.close()
    await relay.stop(given === undefined ? 'SIGKILL' : 'SIGTERM')
    if (given === undefined) rmSync(join(data, '..'), { recursive: true, force: true })
  }
}

/** Of `kind` 'objects' or 'sets': see large-shop.mjs. */
export async function onLargeShop(context, kind, work, how = {}) {
  const data = await largeShop(context.folder, kind, context.size, context.say)
  const listings = kind === 'objects' ? context.size : 1_000
  return onRelay(context, { ...how, data, listings }, async (bench) => {
    return work(bench, bench.keep(await bench.until(openShop(bench.relay, listings, 1))))
  })
}

/** Of the shop with many sets: its records, and about what its listings take. */
export async function recordedBytes(context) {
  const data = await largeShop(context.folder, 'sets', context.size, context.say)
  const store = await openStoreForReading(data)
  try {
    let [log, live, after] = [0, 0, 0]
    for (;;) {
      const records = store.readLog(SHOP, after, { records: 1_000, bytes: 8 * 1_048_576 })
      if (records.length === 0) return { data, log, live }
      for (const record of records) {
        const bytes = recordBytes(record)
        log += bytes
        if (record.patches.length > 1) live += bytes
      }
      after = records.at(-1).seq
    }
  } finally {
    await store.close()
  }
}

/** What cannot be left out of a record. */
export function recordBytes({ header, signature, patches, stateHash, signer, account }) {
  const fixed = header.length + signature.length + stateHash.length + signer.length + account.length
  return patches.reduce((sum, patch) => sum + patch.length, fixed)
}
