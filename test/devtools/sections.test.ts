/** What the panel says, without a page. */

import { expect, it } from 'vitest'
import { sectionsOf } from '../../src/devtools/sections.js'
import type { Diagnosis } from '../../src/client/diagnosis.js'

const NOW = 1_700_000_100_000
const NO_WRITES = { pending: [], refused: [], isHere: true, isCartKept: true }
const shop: Diagnosis = {
  url: 'http://127.0.0.1:4444',
  shop: 7n,
  state: 'connected',
  protocol: 5,
  access: 'guest',
  parts: [{ listing: 'all' }, { tag: 'red' }],
  seq: 12n,
  checkpoint: { seq: 11n, root: new Uint8Array(32).fill(0xab), timestamp: 1_700_000_030n },
  checked: { sets: 3, checkpoints: 2, snapshots: 1, objects: 4 },
  watched: [
    { id: 'Listings/1', status: 'ready', complete: true, stale: false, verified: { seq: 11n } },
    { id: 'Orders/', status: 'ready', complete: true, stale: true, verified: { seq: 9n } },
    { id: 'Tags/', status: 'loading', complete: false, stale: false, verified: undefined },
  ],
  troubles: [
    { at: NOW - 90_000, text: 'connection lost' },
    { at: NOW - 600_000_000, text: 'later in the list' },
  ],
}

it('tells the connection, and how old the newest checkpoint is', () => {
  const [connection] = sectionsOf(shop, NO_WRITES, NOW)
  expect(connection!.rows).toEqual([
    ['state', 'connected'],
    ['relay', 'http://127.0.0.1:4444'],
    ['shop', '7'],
    ['read as', 'guest'],
    ['version', '5'],
    ['last set', '12'],
    ['checkpoint', '11, signed 70 s ago'],
    ['StateRoot', 'ab'.repeat(32)],
  ])
})

it('tells what is not there yet, and what version 4 is', () => {
  const bare = { ...shop, protocol: undefined, checkpoint: undefined, parts: undefined }
  const [connection, subscriptions] = sectionsOf(bare, NO_WRITES, NOW)
  expect(connection!.rows).toContainEqual(['version', 'not known yet'])
  expect(connection!.rows).toContainEqual(['checkpoint', 'none yet'])
  expect(subscriptions!.rows[0]).toEqual(['subscribed to', 'all that may be read', ''])
  const four = sectionsOf({ ...shop, protocol: 4, checkpoint: { seq: 3n } }, NO_WRITES, NOW)[0]!
  expect(four.rows).toContainEqual(['version', '4: nothing proves that nothing was left out'])
  expect(four.rows).toContainEqual(['checkpoint', '3'])
  expect(sectionsOf({ ...shop, parts: [] }, NO_WRITES, NOW)[1]!.rows[0]![1]).toBe('manifest and accounts alone')
})

it('calls nothing proven that is not', () => {
  const subscriptions = sectionsOf(shop, NO_WRITES, NOW)[1]!
  expect(subscriptions.title).toBe('Subscriptions (3 watched)')
  expect(subscriptions.rows).toEqual([
    ['subscribed to', 'listing all, tag red', ''],
    ['Listings/1', 'ready', 'nothing left out as of 11'],
    ['Orders/', 'ready', 'nothing left out as of 9, stale'],
    ['Tags/', 'loading', 'not proven'],
  ])
})

it('tells writes with their changes, and what was told newest first', () => {
  const change = { op: 'replace', path: ['Listings', 1n, 'Price'], value: 3n } as const
  const keyed = { op: 'add', path: ['Accounts', Uint8Array.of(0xfe), 'KeyCards'] } as const
  const outbox = {
    pending: [{ id: 5n, at: 1n, changes: [change, keyed], state: 'sent' }],
    refused: [{ id: 4n, at: 1n, changes: [change], code: 'NO_RIGHT', message: 'a guest may not' }],
    isHere: true,
    isCartKept: true,
  } as const
  const [, , checked, writes, told] = sectionsOf(shop, outbox, NOW)
  expect(checked!.rows).toEqual([
    ['sets', '3'],
    ['checkpoints', '2'],
    ['snapshots', '1'],
    ['objects', '4'],
  ])
  expect(writes!.title).toBe('Writes (1 pending, 1 refused)')
  expect(writes!.rows).toEqual([
    ['5', 'replace Listings/1/Price, add Accounts/fe/KeyCards', 'sent'],
    ['4', 'replace Listings/1/Price', 'NO_RIGHT: a guest may not'],
  ])
  expect(told!.rows).toEqual([
    ['167 h ago', 'later in the list'],
    ['90 s ago', 'connection lost'],
  ])
  const nothing = sectionsOf({ ...shop, troubles: [] }, NO_WRITES, NOW)
  expect(nothing.slice(3).map(({ rows, none }) => [rows.length, none])).toEqual([
    [0, 'Nothing waits for the relay.'],
    [0, 'Nothing went wrong.'],
  ])
})

it('believes no clock of a relay that is ahead', () => {
  const ahead = { ...shop, checkpoint: { seq: 11n, timestamp: 1_700_000_200n } }
  expect(sectionsOf(ahead, NO_WRITES, NOW)[0]!.rows).toContainEqual(['checkpoint', '11, signed 0 s ago'])
})
