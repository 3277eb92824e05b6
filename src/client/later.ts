/**
 * Parts of the library that are loaded when they are first needed: in a page a request of their own.
 *
 * Tests: test/client/later.test.ts
 */

import { ClientError } from './client-error.js'

/** Rejects with ClientError UNREACHABLE where the part does not come: no check failed, and it may come later. */
export async function loaded<T>(part: Promise<T>): Promise<T> {
  try {
    return await part
  } catch (cause) {
    const problem = `a part of the client library does not load: ${(cause as Error).message}`
    throw new ClientError('UNREACHABLE', problem, { cause })
  }
}
