/**
 * The stored format: which one a database is of, and how an older one becomes today's.
 *
 * Format 1 had no checksums, and its log does not tell how long a reservation lasts. When it is upgraded its small rows
 * get checksums, and removed cards a time of removal; its log chunks and trie nodes stay as they are and are readable
 * without. What the setting is that day becomes the duration of the sets that are there.
 *
 * Tests: test/store/format.test.ts
 */

import { fromBigEndian, toBigEndian } from '../bytes/bytes.js'
import {
  ALL_CARDS,
  ALL_DERIVED,
  ALL_SHOPS,
  describeKey,
  EARLY_RESERVATIONS_KEY,
  earlyDerivedKey,
  END_KEY,
  FORMAT_KEY,
  SMALL_ROWS,
} from './keys.js'
import { decodeCard, encodeCard } from './rows.js'
import { StoreError } from './store-error.js'
import type { Put, Table } from './table.js'

/** Of the stored bytes; another one is refused, but for format 1. */
export const STORE_FORMAT = 2
const WITHOUT_CHECKSUMS = 1
const FORMAT_ROW: Put = [FORMAT_KEY, Uint8Array.of(STORE_FORMAT)]
const END_ROW: Put = [END_KEY, new Uint8Array(0)]

/**
 * Makes the table one of today's format. `reservationSeconds`: of the sets of a log that does not tell. Rejects with
 * StoreError 'version', 'not-ours', 'full', 'failed'.
 */
export async function takeFormat(table: Table, reservationSeconds: number): Promise<void> {
  const format = formatOf(table)
  if (format === STORE_FORMAT) return
  if (format === undefined) return table.write([END_ROW], [], [FORMAT_ROW])
  await upgrade(table, reservationSeconds)
}

/** For reading alone. Throws StoreError 'version', 'not-ours'. */
export function readFormat(table: Table): void {
  const format = formatOf(table)
  if (format === undefined) throw foreign()
  table.early = format === WITHOUT_CHECKSUMS
}

/** How long reservations lasted, in seconds, where the log does not tell; undefined if it always does. */
export function earlyReservationSeconds(table: Table): number | undefined {
  const value = table.get(EARLY_RESERVATIONS_KEY)
  return value && Number(fromBigEndian(value))
}

/** All in one transaction: an upgrade that was cut off has not begun. */
async function upgrade(table: Table, reservationSeconds: number): Promise<void> {
  const rows: Put[] = []
  for (const range of [ALL_SHOPS, ...SMALL_ROWS]) rows.push(...table.range(range))
  // When a card was removed was not kept: at the latest now.
  const removedAtMs = Date.now()
  for (const [key, value] of table.range(ALL_CARDS)) {
    const row = decodeCard(key.subarray(1), value)
    rows.push([key, encodeCard(row.removed ? { removedAtMs, ...row } : row)])
  }
  for (const [key, roots] of table.range(ALL_DERIVED)) rows.push([earlyDerivedKey(describeKey(key).shop!), roots])
  rows.push([EARLY_RESERVATIONS_KEY, toBigEndian(BigInt(reservationSeconds), 8)], END_ROW)
  await table.write(rows, [], [FORMAT_ROW])
}

/** Undefined for an empty database. */
function formatOf(table: Table): number | undefined {
  const stored = table.raw(FORMAT_KEY)
  if (stored === undefined) {
    if (table.keys({ limit: 1 }).length > 0) throw foreign()
    return undefined
  }
  const format = stored.length === 1 ? stored[0]! : 0
  if (format === STORE_FORMAT || format === WITHOUT_CHECKSUMS) return format
  const found = `the data are of format ${fromBigEndian(stored)}, this cairn knows ${STORE_FORMAT}`
  const advice = 'use the version that wrote them (and its backup, to take them elsewhere), or another --data directory'
  throw new StoreError('version', `${found}: ${advice}; nothing was changed`)
}

function foreign(): StoreError {
  return new StoreError('not-ours', 'the database holds data of another program: use another --data directory')
}
