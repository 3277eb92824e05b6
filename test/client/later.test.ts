/** Parts of the library that come later. */

import { expect, test } from 'vitest'
import { loaded } from '../../src/client/later.js'

test('a part that does not load is the network’s fault, not a check that failed', async () => {
  expect(await loaded(Promise.resolve(7))).toBe(7)
  const cause = new TypeError('Failed to fetch dynamically imported module')
  await expect(loaded(Promise.reject(cause))).rejects.toMatchObject({ code: 'UNREACHABLE', retryable: true, cause })
})
