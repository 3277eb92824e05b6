// The floods of `npm run bench -- flood`, and, run as a process of its own, one of them.

import { randomBytes } from 'node:crypto'
import { getPriority, setPriority } from 'node:os'
import { pathToFileURL } from 'node:url'
import { publicKeyOf } from '../dist/bytes/signature.node.js'
import { toBigEndian } from '../dist/bytes/bytes.js'
import { CborTime } from '../dist/codec/value.js'
import { walletOf } from '../dist/cli/wallet.js'
import { enrol } from '../dist/client/enrol.js'
import { openSession } from '../dist/cli/bench/session.js'

export const map = (fields) => new Map(Object.entries(fields))
const OWNER = '12'.repeat(32)
const GUEST = '56'.repeat(32)
let lastOrder = 1_000n

/**
 * `sessions` of `who`, each with `window` requests in flight; `request` makes the next one. `flags` are the relay's.
 * `before`: what each session does once, before the good cards are measured.
 */
export const FLOODS = {
  '1,000 Committed orders a set': { sessions: 4, window: 4, request: write(() => many(1_000, committed)) },
  '250 Committed orders a set': { sessions: 4, window: 4, request: write(() => many(250, committed)) },
  'small sets': { sessions: 1, window: 1_000, request: write(() => [open()]) },
  'many cards': { sessions: 200, window: 8, request: write(() => [open()]) },
  'commit and cancel': { sessions: 20, window: 16, request: write(commitAndCancel) },
  'huge sets': { sessions: 4, window: 4, request: write(() => [open({ InvoiceAddress: address(900_000) })]) },
  'forged sets': { sessions: 20, window: 64, request: forged },
  'frames of nonsense': { sessions: 20, window: 64, request: () => ({ kind: 'write', patchSet: NONSENSE }) },
  'orders that expire': {
    sessions: 100,
    window: 1,
    flags: ['--reservation-seconds', '6'],
    before: (session) => session.write(many(100, committed)),
    request: write(() => [open()]),
  },
  subscriptions: { sessions: 50, window: 16, who: 'visitor', request: subscribe },
  'another card of staff': { sessions: 1, window: 1_000, who: 'staff', request: write(() => [price()]) },
  'an import by staff': { sessions: 1, window: 16, who: 'staff', request: write(() => many(250, price)) },
}

const NONSENSE = new Uint8Array(randomBytes(100_000))

function write(changes) {
  return (session) => ({ kind: 'write', patchSet: session.signed(changes(session)) })
}

function many(count, make) {
  return Array.from({ length: count }, () => make())
}

function order(State, more) {
  const ID = ++lastOrder * 65_536n + BigInt(process.pid % 65_536)
  const Items = [map({ ListingID: 1n + (ID % LISTINGS), Quantity: 1n })]
  return { op: 'add', path: ['Orders', ID], value: map({ ID, State, Items, ...more }) }
}

function committed() {
  return order(3n)
}

function open(more) {
  return order(1n, more)
}

function commitAndCancel() {
  const added = open()
  const [, id] = added.path
  const to = (value) => ({ op: 'replace', path: ['Orders', id, 'State'], value })
  const canceled = { op: 'add', path: ['Orders', id, 'CanceledAt'], value: new CborTime(1_700_000_000n) }
  return [added, to(3n), canceled, to(2n)]
}

function address(bytes) {
  const text = { Address1: 'Hut 1', City: 'Summit', PostalCode: '10000', Country: 'CH', EmailAddress: 'a@example.org' }
  return map({ Name: 'x'.repeat(bytes), ...text })
}

function price() {
  const id = 1n + (++lastOrder % LISTINGS)
  return { op: 'replace', path: ['Listings', id, 'Price'], value: lastOrder }
}

function forged(session) {
  const patchSet = session.signed([open()])
  patchSet[patchSet.length - 1] ^= 1
  return { kind: 'write', patchSet }
}

/** One more subscription from the first set on, and the end of one before it. */
function subscribe(session) {
  session.turn = (session.turn ?? 0) + 1
  const subscriptionId = toBigEndian(BigInt(Math.max(1, Math.floor(session.turn / 2) - 8)), 2)
  if (session.turn % 2 === 0) return { kind: 'cancel', subscriptionId }
  return { kind: 'subscribe', startSeq: 0n, shopId: toBigEndian(session.shop, 32), filters: [] }
}

// The process

let LISTINGS = 1n

async function flood(name, url, shop) {
  const { sessions: count, window, who = 'guest', before, request } = FLOODS[name]
  const sessions = []
  for (let i = 0; i < count; i++) sessions.push(await openOne(url, shop, who))
  if (before !== undefined) await Promise.all(sessions.map(before))
  const told = { accepted: 0, refused: 0 }
  const keepOn = async (session) => {
    while (!session.isOver) {
      const { error } = await session.ask(request(session))
      if (error === undefined) told.accepted++
      else told.refused++
    }
  }
  for (const session of sessions) for (let i = 0; i < window; i++) void keepOn(session)
  process.on('message', () => process.send(told))
  process.send('flooding')
}

async function openOne(url, shop, who) {
  if (who === 'visitor') return openSession({ url, shop: BigInt(shop) })
  const secret = new Uint8Array(randomBytes(32))
  const isGuest = who === 'guest'
  await enrol({ url, shop, card: publicKeyOf(secret), wallet: walletOf(isGuest ? GUEST : OWNER), guest: isGuest })
  return openSession({ url, shop: BigInt(shop), secret })
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [name, url, shop, listings] = process.argv.slice(2)
  LISTINGS = BigInt(listings)
  setPriority(Math.min(19, getPriority() + 10))
  process.on('disconnect', () => process.exit())
  await flood(name, url, BigInt(shop))
}
