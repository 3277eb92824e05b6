/**
 * Each check of the client is needed: a client that skips it believes a lie that the whole client finds out
 * (test/client/lies.test.ts).
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { clientWithout, type SkippedCheck } from '../fixtures/client-without.js'
import { DeceivedShop } from '../fixtures/deceived-shop.js'
import { LIES, type Deceived } from '../fixtures/lies.js'

/** Two checkpoints come in it. */
const PATIENCE_MS = 3_500

interface NeededRow extends SkippedCheck {
  readonly lie: string
  readonly to: Deceived
}

const row = (file: string, name: string, lie: string, to: Deceived = 'visitor'): NeededRow => ({ file, name, lie, to })

const NEEDED: readonly NeededRow[] = [
  row('client/verify.js', 'requireLater', 'repeats a set'),
  row('client/verify.js', 'requireShop', 'tells a set as signed for another shop'),
  row('client/verify.js', 'requireLeaves', 'tells another place of the first patch'),
  row('client/verify.js', 'requireLinked', 'tells a set as signed by a key that is no card'),
  row('proofs/checkpoint.js', 'requireNotAhead', 'signs a time to come'),
  row('proofs/checkpoint.js', 'requireNoConflict', 'signs two contents of one set'),
  row('proofs/checkpoint.js', 'requireConsistency', 'leaves the consistency out'),
  row('proofs/checkpoint-form.js', 'requireIdentity', 'signs for another chain'),
  row('proofs/checkpoint-form.js', 'verifyLast', 'shows the leaf of another set as the last'),
  {
    ...row('proofs/checkpoint-form.js', 'signer', 'signs with another key'),
    instead: ['!relays.some((relay) => equalBytes(relay, signer))', 'false'],
  },
  {
    ...row('proofs/checkpoint-form.js', 'v', 'gives a signature another v'),
    instead: ['v !== 27 && v !== 28', 'false'],
  },
  row('proofs/snapshot.js', 'requireLevel', 'shows the level of another state', 'part'),
  row('proofs/snapshot.js', 'requireRoot', 'drops a set'),
  row('proofs/snapshot.js', 'requireSelected', 'tells what nobody subscribed to', 'part'),
  row('proofs/snapshot.js', 'requireRising', 'tells single objects in another order', 'part'),
  row('proofs/snapshot.js', 'requireManifest', 'tells another manifest'),
  {
    ...row('proofs/snapshot.js', 'order of collections', 'tells the guests’ account again at the end', 'part'),
    instead: ['place < this.place', 'false'],
  },
  row('client/proven-shop.js', 'requireRights', 'treats a clerk as a guest', 'staff'),
  row('client/shop-checkpoints.js', 'requireSame', 'proves under two contents of one checkpoint', 'part'),
  row('proofs/held-shop.js', 'requireHeld', 'drops a set of which one patch is for a single object', 'part'),
  row('proofs/my-orders.js', 'requireEntry', 'tells an earlier set of a guest’s order', 'guest'),
  {
    ...row('merkle/state-proof.js', 'StateRoot', 'forges an object, and its proof', 'part'),
    instead: ['!equalBytes(found, root)', 'false'],
  },
  row('client/proof-requests.js', 'requireOwnLeaf', 'answers a write with another StateRoot', 'staff'),
  row('proofs/log-proof.js', 'verifyLogInclusion', 'proves a set by another path', 'staff'),
  {
    ...row('client/freshness.js', 'what is withheld', 'drops the last update, and the checkpoint over it'),
    instead: ['await this.requirePushed(ahead)', 'undefined'],
  },
]

let shop: DeceivedShop
let needed = 0

beforeAll(async () => {
  shop = await DeceivedShop.start()
})
afterAll(async () => {
  await shop.stop()
  console.log(`checks needed ${needed} / ${NEEDED.length}`)
})

describe('a client that skips', () => {
  it.each(NEEDED)('$name of $file believes a relay that $lie', { timeout: 60_000 }, async ({ lie, to, ...check }) => {
    const told = LIES.find((one) => one.name === lie && one.to === to)
    expect(told, lie).toBeDefined()
    const { connect, remove } = await clientWithout(check)
    try {
      expect(await shop.told(told!, lie.startsWith('drops the last') ? 17_000 : PATIENCE_MS, connect)).toBeUndefined()
      needed++
    } finally {
      remove()
    }
  })
})
