/** Parts of the library that come later. */

import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ClientError } from '../../src/client/client-error.js'
import { inTime, inTries, loaded } from '../../src/client/later.js'
import { LOAD_PAUSE_MS_MAX, LOAD_PAUSE_MS_MIN, LOAD_TRIES_MAX } from '../../src/limits.js'

const absent = new ClientError('UNREACHABLE', 'a part of the client library does not load: no file')

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A part that does not come, and how often it was asked for. */
function trying(more: Partial<Parameters<typeof inTries>[1]> = {}) {
  const load = vi.fn<() => Promise<number>>(async () => Promise.reject(absent))
  const notices: string[] = []
  const options = { isWanted: () => true, counts: () => true, notice: (text: string) => void notices.push(text) }
  const ended = inTries(load, { ...options, ...more }).then(
    (part) => ({ part }),
    (error: unknown) => ({ error }),
  )
  return { load, notices, ended }
}

test('a part that does not load is the network’s fault, not a check that failed', async () => {
  expect(await loaded(Promise.resolve(7))).toBe(7)
  const cause = new TypeError('Failed to fetch dynamically imported module')
  await expect(loaded(Promise.reject(cause))).rejects.toMatchObject({ code: 'UNREACHABLE', retryable: true, cause })
})

test('it is asked for again after rising pauses, and at last the page has to be loaded anew', async () => {
  const { load, notices, ended } = trying()
  await vi.runAllTimersAsync()
  const remedy = expect.stringMatching(/^Reload the page/u)
  expect(await ended).toMatchObject({ error: { code: 'UNREACHABLE', cause: absent, remedy } })
  expect(load).toHaveBeenCalledTimes(LOAD_TRIES_MAX)
  const pauses = notices.map((text) => Number(/again in (\d+) ms$/u.exec(text)![1]))
  expect(pauses).toEqual(pauses.map((_, i) => Math.min(LOAD_PAUSE_MS_MIN * 2 ** i, LOAD_PAUSE_MS_MAX)))
})

test('one that comes at last is taken', async () => {
  const { load, ended } = trying()
  load.mockRejectedValueOnce(absent).mockResolvedValueOnce(7)
  await vi.runAllTimersAsync()
  expect(await ended).toEqual({ part: 7 })
})

test('without a connection no try counts', async () => {
  let isConnected = false
  const { load, ended } = trying({ counts: () => isConnected })
  await vi.advanceTimersByTimeAsync(20 * LOAD_PAUSE_MS_MAX)
  expect(load.mock.calls.length).toBeGreaterThan(LOAD_TRIES_MAX)
  isConnected = true
  await vi.runAllTimersAsync()
  expect(await ended).toMatchObject({ error: { code: 'UNREACHABLE' } })
})

test('what is not wanted any more, or fails otherwise, is not asked for again', async () => {
  const unwanted = trying({ isWanted: () => false })
  expect(await unwanted.ended).toEqual({ error: absent })
  const { load, ended } = trying()
  load.mockReset().mockRejectedValue(new Error('a bug'))
  await vi.runAllTimersAsync()
  expect(await ended).toMatchObject({ error: { message: 'a bug' } })
})

test('nobody waits longer than he said', async () => {
  const waiting = inTime(new Promise(() => undefined), 20)
  const ended = expect(waiting).rejects.toMatchObject({ code: 'TIMEOUT', message: expect.stringContaining('20 ms') })
  await vi.advanceTimersByTimeAsync(20)
  await ended
  expect(await inTime(Promise.resolve(7), 20)).toBe(7)
  expect(vi.getTimerCount()).toBe(0)
})
