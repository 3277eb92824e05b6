/** Values of CBOR bytes from anybody (PROTOCOL §2): their form is checked first. */

import { CBOR_NESTING_MAX } from '../limits.js'
import { decodeChecked } from './decode-checked.js'
import { checkForm } from './span.js'
import type { Cbor } from './value.js'

export { checkForm } from './span.js'
export { CborError, CborTime, type Cbor, type CborErrorCode, type CborKey, type CborMap } from './value.js'

/** Checks `bytes` and returns their one value; byte strings in it are views of `bytes`. Throws CborError. */
export function decode(bytes: Uint8Array, maxDepth = CBOR_NESTING_MAX): Cbor {
  checkForm(bytes, maxDepth)
  return decodeChecked(bytes)
}
