/**
 * Listings as they were when an order's payment was chosen, kept as blobs (PROTOCOL §11): under the identifier that
 * every blob has, and under the one that the order itself names, its ListingHash as raw bytes (`bafkrei…`).
 *
 * Tests: test/e2e/payments.test.ts
 */

import { sha256 } from '#hash'
import { toHex } from '../../bytes/hex.js'
import { rawCidOf } from '../../bytes/raw-cid.js'
import type { BlobStore } from '../../store/blobs.js'
import { CidHasher } from './cid.js'

/** Hashes remembered, so that a listing that sells well is not written again for each order. */
const REMEMBERED_MAX = 10_000
/** Each opens files: an order has up to a thousand listings. */
const PUTS_AT_ONCE = 16

export class PricedListings {
  private readonly blobs: BlobStore
  private readonly kept = new Set<string>()

  constructor(blobs: BlobStore) {
    this.blobs = blobs
  }

  /** Canonical CBOR of listings. Durable when it resolves. Throws StoreError. */
  async keep(listings: readonly Uint8Array[]): Promise<void> {
    const fresh = new Map(listings.map((bytes) => [toHex(sha256(bytes)), bytes] as const))
    for (const hash of fresh.keys()) if (this.kept.has(hash)) fresh.delete(hash)
    const all = [...fresh.values()]
    for (let i = 0; i < all.length; i += PUTS_AT_ONCE)
      await Promise.all(all.slice(i, i + PUTS_AT_ONCE).map((bytes) => this.put(bytes)))
    if (this.kept.size + fresh.size > REMEMBERED_MAX) this.kept.clear()
    for (const hash of fresh.keys()) this.kept.add(hash)
  }

  private async put(bytes: Uint8Array): Promise<void> {
    const hasher = new CidHasher()
    hasher.update(bytes)
    await Promise.all([this.blobs.put(hasher.digest(), bytes), this.blobs.put(rawCidOf(sha256(bytes)), bytes)])
  }
}
