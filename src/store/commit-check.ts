/**
 * What both stores check before they write anything. A shop that is not there and a wrong sequence number are
 * StoreErrors; a byte string of a wrong length is a bug of the caller.
 *
 * Tests: test/store/store.test.ts
 */

import type { Seq, ShopId } from '../brands.js'
import { assert } from '../assert.js'
import { utf8 } from '../bytes/bytes.js'
import { StoreError } from './store-error.js'
import type { Commit, DerivedPart, LogRecord } from './store.js'

const OBJECT_NAME_BYTES_MAX = 300
const SETTING_KEY_BYTES_MAX = 300
const PAYMENT_ROW_KEY_BYTES_MAX = 100

/** The records of a commit by shop, in order. Throws StoreError 'sequence', 'exists'. */
export function checkCommit(
  commit: Commit,
  headOf: (shopId: ShopId) => Seq | undefined,
): Map<bigint, readonly LogRecord[]> {
  const fresh = checkNewShops(commit, headOf)
  const head = (shopId: ShopId) => knownHead(shopId, fresh.has(shopId) ? 0 : headOf(shopId))
  for (const { shopId, signer, nonce } of commit.nonces ?? []) {
    head(shopId)
    assert(isCardOrNone(signer), 'a nonce of no card')
    assert(nonce >= 0n && nonce >> 64n === 0n, 'a nonce beyond 64 bits')
  }
  for (const { card, account, shopId, enrolledBy } of commit.cards ?? []) {
    const isWhole = card.length === 33 && account.length === 20 && isUint256(shopId)
    assert(isWhole && (enrolledBy?.digest.length ?? 32) === 32, 'a malformed card row')
  }
  for (const { shopId, key } of commit.paymentRows ?? []) {
    head(shopId)
    assert(key.length > 0 && key.length <= PAYMENT_ROW_KEY_BYTES_MAX, 'a payment row with no key or too long a one')
  }
  for (const { shopId, seq } of commit.checkpoints ?? []) {
    assert(isCount(seq) && seq > 0 && seq <= knownHead(shopId, headOf(shopId)), 'a checkpoint of no set')
  }
  for (const { key } of commit.settings ?? []) {
    assert(utf8(key).length <= SETTING_KEY_BYTES_MAX, 'a setting with too long a name')
  }
  return recordsByShop(commit, head)
}

/** Throws StoreError 'sequence' for rows that leave one out, or go beyond the log as it is with the commit. */
export function checkLogTrees(
  { logTrees = [] }: Commit,
  treeHeadOf: (shopId: ShopId) => Seq,
  headOf: (shopId: ShopId) => Seq,
): ReadonlyMap<ShopId, Seq> {
  const heads = new Map<ShopId, Seq>()
  for (const { shopId, firstSeq, sets } of logTrees) {
    const next = (heads.get(shopId) ?? treeHeadOf(shopId)) + 1
    const last = firstSeq + sets - 1
    assert(isCount(sets) && sets > 0, 'a row of no set')
    if (firstSeq !== next || last > headOf(shopId)) {
      const place = `sets ${firstSeq} to ${last} where ${next} is next and ${headOf(shopId)} the last`
      throw new StoreError('sequence', `shop ${shopId}: trees of ${place}`)
    }
    heads.set(shopId, last)
  }
  return heads
}

/** Throws StoreError 'sequence' for a shop that is not there and a state that is ahead of the log. */
export function checkFlush({ shopId, nodes, objectSeqs }: DerivedPart, seq: Seq, headOf: Seq | undefined): void {
  const head = knownHead(shopId, headOf)
  if (seq > head)
    throw new StoreError('sequence', `shop ${shopId}: a state after set ${seq}, the log ends with ${head}`)
  assert(isCount(seq), 'a state after no set')
  for (const { ref } of nodes) assert(isCount(ref) && ref > 0, 'a node ref that is no positive integer')
  for (const { object, after, seqs } of objectSeqs) {
    assert(object.length <= OBJECT_NAME_BYTES_MAX, 'an object with too long a name')
    const isRising = seqs.every((seq, i) => isCount(seq) && seq > (seqs[i - 1] ?? after))
    assert(seqs.length > 0 && isRising, 'an object changed by no set')
  }
}

/** The head of a shop; throws StoreError 'sequence' if the shop is not there. */
function knownHead(shopId: ShopId, head: Seq | undefined): Seq {
  if (head === undefined) throw new StoreError('sequence', `shop ${shopId} is not there`)
  return head
}

function checkNewShops(commit: Commit, headOf: (shopId: ShopId) => Seq | undefined): ReadonlySet<bigint> {
  const fresh = new Set<bigint>()
  for (const { shopId, secret, createdAtMs } of commit.newShops ?? []) {
    if (headOf(shopId) !== undefined || fresh.has(shopId)) {
      throw new StoreError('exists', `shop ${shopId} is there already`)
    }
    assert(isUint256(shopId) && secret.length === 32 && isCount(createdAtMs), 'a malformed shop row')
    fresh.add(shopId)
  }
  return fresh
}

function recordsByShop({ records }: Commit, headOf: (shopId: ShopId) => Seq): Map<bigint, LogRecord[]> {
  const byShop = new Map<bigint, LogRecord[]>()
  for (const { shopId, record } of records) {
    const earlier = byShop.get(shopId) ?? []
    const expected = headOf(shopId) + earlier.length + 1
    if (record.seq !== expected) {
      throw new StoreError('sequence', `shop ${shopId}: set ${record.seq} where ${expected} is next`)
    }
    checkRecord(record)
    earlier.push(record)
    byShop.set(shopId, earlier)
  }
  return byShop
}

function checkRecord({ committedAtMs, reservationSeconds, signer, account, signature, stateHash }: LogRecord): void {
  assert(isCount(committedAtMs), 'a record of no time')
  assert(isCount(reservationSeconds) && reservationSeconds < 2 ** 32, 'a record of no reservation')
  assert(isCardOrNone(signer) && (account.length === 0 || account.length === 20), 'a record of no signer')
  assert(signature.length === 65 && stateHash.length === 32, 'a record with a malformed signature or state hash')
}

function isCardOrNone(bytes: Uint8Array): boolean {
  return bytes.length === 0 || bytes.length === 33
}

function isUint256(value: bigint): boolean {
  return value >= 0n && value >> 256n === 0n
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}
