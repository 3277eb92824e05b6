/**
 * The closed list of error codes on the wire (PROTOCOL §7). A code that a later version adds is a number without a name
 * here.
 */

export const ErrorCode = {
  UNSPECIFIED: 0,
  NOT_FOUND: 1,
  INVALID: 2,
  NOT_AUTHENTICATED: 3,
  ALREADY_AUTHENTICATED: 4,
  ALREADY_CONNECTED: 5,
  TOO_MANY_CONCURRENT_REQUESTS: 6,
  UNLINKED_KEYCARD: 7,
  /** Never sent by this relay (§8). */
  MINIMUM_VERSION_NOT_REACHED: 8,
  OUT_OF_STOCK: 9,
  /** Never sent by this relay (§8). */
  SIMULATED: 10,
  CLOSE_SUBSCRIPTION: 11,
  /** Version 5 (PROOFS §4): the shop's head is another than the writer expected. */
  CONFLICT: 12,
  /** Version 5: a set that cannot be stored now. */
  UNAVAILABLE: 13,
} as const

export type ErrorName = keyof typeof ErrorCode
export type ErrorCode = (typeof ErrorCode)[ErrorName]

/** The name of `code`; undefined where the list has none. */
export function errorName(code: number): ErrorName | undefined {
  return names.get(code)
}

const names: ReadonlyMap<number, ErrorName> = new Map(
  Object.entries(ErrorCode).map(([name, code]) => [code, name as ErrorName]),
)
