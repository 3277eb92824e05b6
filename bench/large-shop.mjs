// Shops of many objects or many sets, written once by a real relay, over its socket, and kept for the next run.

import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { publicKeyOf } from '../dist/bytes/signature.node.js'
import { startRelay } from '../dist/cli/bench/relay-process.js'
import { openSession } from '../dist/cli/bench/session.js'
import { listingOf } from '../dist/cli/bench/shop.js'
import { walletOf } from '../dist/cli/wallet.js'
import { enrol } from '../dist/client/enrol.js'

export const SHOP = 4_713n
/** The owner's card. */
export const SECRET = new Uint8Array(32).fill(0x1b)
const WALLET = '1c'.repeat(32)
const LISTINGS_PER_SET = 400
/** How many listings the many sets change. */
const CHANGED_LISTINGS = 1_000
const IN_FLIGHT = { objects: 8, sets: 1_024 }

/**
 * The data directory of a shop with so many listings (`kind` 'objects'), or of as many sets that change a price each
 * ('sets'): made if it is not there. `folder` holds one for each.
 */
export async function largeShop(folder, kind, count, say) {
  const data = join(folder, `${kind}-${count}`)
  if (existsSync(data)) return data
  const unfinished = `${data}.unfinished`
  rmSync(unfinished, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const relay = await startRelay({ data: unfinished })
  try {
    const wallet = walletOf(WALLET)
    await enrol({ url: relay.url, shop: SHOP, card: publicKeyOf(SECRET), wallet })
    const session = await openSession({ url: relay.url, shop: SHOP, secret: SECRET })
    const listings = kind === 'objects' ? count : CHANGED_LISTINGS
    await writeAll(session, listingSets(listings), IN_FLIGHT.objects)
    if (kind === 'sets') await writeAll(session, priceSets(count), IN_FLIGHT.sets, say)
    session.close()
  } finally {
    await relay.stop()
  }
  renameSync(unfinished, data)
  return data
}

function* listingSets(count) {
  for (let first = 1; first <= count; first += LISTINGS_PER_SET)
    yield Array.from({ length: Math.min(LISTINGS_PER_SET, count - first + 1) }, (_, i) => listingOf(BigInt(first + i)))
}

/** Sets that change a price each. */
export function* priceSets(count) {
  for (let turn = 1; turn <= count; turn++) {
    const id = BigInt((turn * 7_919) % CHANGED_LISTINGS) + 1n
    yield [{ op: 'replace', path: ['Listings', id, 'Price'], value: BigInt(turn) }]
  }
}

/** All sets in order, so many without an answer. Throws when one is refused. */
async function writeAll(session, sets, inFlight, say = () => undefined) {
  let written = 0
  const writeOn = async () => {
    for (const changes of sets) {
      await session.written(changes)
      if (++written % 100_000 === 0) say(`${written} sets written`)
    }
  }
  // One iterator for all: each goes on with the set that is next.
  await Promise.all(Array.from({ length: inFlight }, writeOn))
}
