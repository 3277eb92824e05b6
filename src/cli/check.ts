/**
 * `cairn check`: whether a data directory is whole.
 *
 * Tests: test/cli/check.test.ts
 */

import { setImmediate as nextTurn } from 'node:timers/promises'
import { checkShop } from '../relay/shops/shop-check.js'
import { openStoreForReading } from '../store/open.js'
import { KeyFileError } from '../settings/relay-key.js'
import { HandOversError } from '../store/hand-overs.js'
import { isNewer, StoreError } from '../store/store-error.js'
import type { Store } from '../store/store.js'
import { DATA_FLAG, integerFlag, parseFlags, UsageError } from './flags.js'
import type { Io } from './io.js'
import { reporter } from './progress.js'
import { relaysIn } from './relay-address.js'

const CHECK_HELP = `cairn check [--data DIR] [--shop ID]

Tells whether the data of a relay are whole: the checksum of every row, and of every set its root, its signature and
the state that it leads to, from the first one on; then the stored state and the object index against the log. Of the
nodes of stored states those are counted that no state leads to any more: after a clean stop there are none.
Nothing is changed. The relay may run meanwhile: then it is checked up to where it was.

  --data DIR  of the relay; the default is that of cairn serve
  --shop ID   only this shop; rows are checked all the same

What is wrong is told on stdout, a line each, and then one line of figures; progress on stderr.
Exit code: 0 all is whole, 1 something is not, 2 it cannot be read at all, was stopped, or wrong usage, 3 cannot say:
the data are of a newer version.`

export async function run(argv: readonly string[], io: Io): Promise<number> {
  if (argv.includes('--help')) return (io.out(CHECK_HELP), 0)
  try {
    const flags = parseFlags(argv, { data: DATA_FLAG, shop: { kind: 'text' } })
    const only = flags.shop === undefined ? undefined : integerFlag('shop', flags.shop)
    const store = await openStoreForReading(flags.data)
    try {
      return await check(store, { only, relays: await relaysIn(flags.data) }, io)
    } finally {
      await store.close()
    }
  } catch (error) {
    const isStopped = io.signal.aborted && error === io.signal.reason
    if (!(isStopped || EXPECTED.some((kind) => error instanceof kind))) throw error
    io.err(`cairn check: ${isStopped ? 'stopped before it was done' : (error as Error).message}`)
    return isNewer(error) ? 3 : 2
  }
}

const EXPECTED = [UsageError, StoreError, KeyFileError, HandOversError] as const

async function check(
  store: Store,
  { only, relays }: { readonly only: bigint | undefined; readonly relays: readonly Uint8Array[] | undefined },
  io: Io,
): Promise<number> {
  let problems = 0
  const tell = (problem: string) => {
    problems++
    io.out(problem)
  }
  const progress = reporter(io)
  const shops = store.shops().filter(({ shopId }) => only === undefined || shopId === only)
  if (only !== undefined && shops.length === 0) throw new UsageError(`there is no shop ${only}`)
  let [rows, sets, patches, unreachable] = [0, 0, 0, 0]
  for (rows of store.scan()) {
    io.signal.throwIfAborted()
    await nextTurn()
    progress(`${rows} rows`)
  }
  for (const { shopId, secret } of shops) {
    const told = (seq: number, head: number) => progress(`shop ${shopId}: set ${seq} of ${head}`)
    const checked = await checkShop(store, { shopId, secret, relays, tell, progress: told, signal: io.signal })
    sets += checked.sets
    patches += checked.patches
    unreachable += checked.unreachable
  }
  for (const { text } of store.damage()) tell(text)
  const figures = `rows ${rows}, shops ${shops.length}, sets ${sets}, patches ${patches}`
  io.out(`${figures}, unreachable nodes ${unreachable}, problems ${problems}`)
  return problems === 0 ? 0 : 1
}
