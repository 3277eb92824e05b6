/** What a codec function makes of bytes: the code of the CborError that it throws, or undefined. Any other error is thrown on. */

import { CborError } from '../../src/codec/value.js'

export function refusal(act: () => unknown): string | undefined {
  try {
    act()
    return undefined
  } catch (error) {
    if (error instanceof CborError) return error.code
    throw error
  }
}
