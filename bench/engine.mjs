// The engine of a relay without its sockets and sessions, for the table (table-rows.mjs): a process of its own, given
// the data directory of a relay that was stopped and, as JSON, { shop, secret, nonce, listings, isChecked, runs,
// seconds }. Sends its parent { values }: the sets a second of each run. Fails where the state that they left is not
// the one that their log makes in memory, from nothing.
//
// Not `isChecked`: the writer gets sets as their checks leave them, and what those cost is not counted.

import { join } from 'node:path'
import { publicKeyOf } from '../dist/bytes/signature.node.js'
import { fromHex } from '../dist/bytes/hex.js'
import { DevelopmentRegistry } from '../dist/chain/development-registry.js'
import { signedSet } from '../dist/cli/bench/session.js'
import { systemClock } from '../dist/relay/instruments/clock.js'
import { Metrics } from '../dist/relay/instruments/metrics.js'
import { buildRooms } from '../dist/relay/rooms.js'
import { readSettings } from '../dist/settings/settings.js'
import { openStore } from '../dist/store/open.js'
import { developmentOwnerKey } from '../dist/store/setting-keys.js'
import { openGuard } from '../dist/store/signed-guard.js'
import { differenceMadeAgain } from './made-again.mjs'

const WINDOW = 1_024
/** At once: what is checked before the clock starts stays in memory. */
const SETS_MAX = 100_000

const [data, told] = process.argv.slice(2)
const { shop: shopText, secret: secretText, nonce, listings, isChecked, runs, seconds } = JSON.parse(told)
const [shopId, secret] = [BigInt(shopText), fromHex(secretText)]
const card = publicKeyOf(secret)
const store = await openStore(data)
const log = { info: () => undefined, warn: () => undefined, error: (_event, error) => fail(error) }
const rooms = buildRooms(
  {
    settings: readSettings({ flags: [], env: {}, readFile: () => '' }),
    store,
    registry: new DevelopmentRegistry((id) => store.setting(developmentOwnerKey(id))),
    relaySecret: new Uint8Array(32).fill(9),
    guard: await openGuard(join(data, 'engine.guard')),
    metrics: new Metrics(),
    log,
  },
  systemClock,
  () => 'http://127.0.0.1',
)
const shop = await rooms.keeper.load(shopId)
rooms.writer.take(shop)
rooms.checkpoints.adopt(shop)
const expected = { shopId, card, isGuest: false }
const author = authorOf()
const keeping = setInterval(() => rooms.keeper.keep([shop]), 1_000)
let lastNonce = BigInt(nonce)
/** What the run before stored a second: so many sets are made for the next one. */
let perSecond = 10_000
const values = []
// The first one warms up.
for (let run = 0; run <= runs; run++) {
  const sets = await prepared(Math.min(SETS_MAX, Math.ceil(perSecond * 1.3 * seconds)))
  perSecond = await written(sets)
  if (run > 0) values.push(perSecond)
}
clearInterval(keeping)
await rooms.checkpoints.stop()
await rooms.checker.close()
const difference = await differenceMadeAgain(store, shop)
if (difference !== undefined) fail(new Error(difference))
process.send({ values }, () => process.exit(0))

function authorOf() {
  const found = store.card(card)
  return { role: 'owner', card, account: found.account }
}

async function prepared(count) {
  const sets = Array.from({ length: count }, (_, i) => {
    const path = ['Listings', BigInt(((i * 7_919) % listings) + 1), 'Price']
    return signedSet(secret, shopId, ++lastNonce, [{ op: 'replace', path, value: lastNonce }])
  })
  return isChecked ? sets : Promise.all(sets.map(checked))
}

function checked(set) {
  return new Promise((resolve) => rooms.checker.check(set, expected, (outcome) => resolve(asSet(outcome))))
}

function asSet(outcome) {
  return typeof outcome === 'string' ? fail(new Error(outcome)) : outcome
}

/** Sets a second: until all are stored, or the time is over. */
function written(sets) {
  const begun = performance.now()
  const end = begun + seconds * 1_000
  let [next, inFlight, done] = [0, 0, 0]
  return new Promise((resolve) => {
    const answered = (outcome) => {
      if (!outcome.ok) fail(new Error(outcome.message))
      inFlight--
      done++
      if (performance.now() < end && next < sets.length) return send()
      if (inFlight === 0) resolve((done * 1_000) / (performance.now() - begun))
    }
    const write = (set) => rooms.writer.write(shopId, set, author, answered, {})
    const send = () => {
      inFlight++
      const set = sets[next++]
      if (isChecked) rooms.checker.check(set, expected, (outcome) => write(asSet(outcome)))
      else write(set)
    }
    for (let i = 0; i < WINDOW && next < sets.length; i++) send()
  })
}

function fail(error) {
  process.stderr.write(`${error.stack}\n`)
  process.exit(1)
}
