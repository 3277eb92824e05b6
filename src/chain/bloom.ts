/** The Bloom filter in a block's header (Ethereum Yellow Paper, 4.3.1): 2,048 bits, three an address or topic. */

import { keccak256 } from '#hash'

/** Where the three bits of an item stand. */
export type BloomBits = readonly number[]

/** `item`: an address (20 bytes) or a topic (32 bytes). */
export function bloomBits(item: Uint8Array): BloomBits {
  const hash = keccak256(item)
  return [0, 2, 4].map((i) => ((hash[i]! << 8) | hash[i + 1]!) & 2_047)
}

/** False: no log of the block has the item. `bloom`: 256 bytes. */
export function mayHold(bloom: Uint8Array, bits: BloomBits): boolean {
  return bits.every((bit) => (bloom[255 - (bit >> 3)]! & (1 << (bit & 7))) !== 0)
}
