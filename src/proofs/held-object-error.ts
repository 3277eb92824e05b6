/**
 * What is held against what is proven.
 *
 * Tests: test/client/proven-client.test.ts
 */

/**
 * An object that is held is not the one that is proven: a patch of it did not come, or came that no set has. Values are
 * hexadecimal, long ones their SHA-256.
 */
export class HeldObjectError extends Error {
  override readonly name = 'HeldObjectError'
  /** `Listings/000000000000002a` */
  readonly where: string
  readonly found: string
  readonly wanted: string

  constructor(where: string, found: string, wanted: string, seq: bigint) {
    super(`${where}: held as of set ${seq} is ${found}, and the relay proves ${wanted}`)
    this.where = where
    this.found = found
    this.wanted = wanted
  }
}
