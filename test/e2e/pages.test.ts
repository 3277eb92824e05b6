/**
 * What a page is told and when (PROTOCOL §10, Pages), beside a script that keeps the plain delay; on both transports.
 */

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RelaySettings } from '../../src/relay/relay.js'
import { arrived } from '../fixtures/arrived.js'
import { enrolCard, listing, newSecret, relay, Wire, type TestRelay } from '../fixtures/relay-harness.js'
import { TestClock } from '../fixtures/turned-clock.js'

const ORIGIN = 'http://shop.example'
/** For what is on its way over the sockets, if anything is. */
const arrive = () => arrived(40)

describe.each([
  ['uWebSockets.js', false],
  ['ws', true],
])('on %s', (_name, ws) => {
  const [owner, other] = [newSecret(), newSecret()]
  let clock: TestClock
  let running: TestRelay
  let script: Wire

  async function start(settings: Partial<RelaySettings> = {}): Promise<void> {
    clock = new TestClock()
    running = await relay(
      { pushDelayMs: 100, pingIntervalMs: 3_600_000, kickTimeoutMs: 7_200_000, ...settings },
      { ws, clock },
    )
    await enrolCard(running.url, owner)
    await enrolCard(running.url, other)
    await clock.turn(200)
    script = await Wire.as(running.url, other)
  }

  /** A session that a page opened, subscribed to everything; what it is shown first is there. */
  async function page(options = { origin: ORIGIN } as { origin?: string }): Promise<Wire> {
    const wire = await Wire.as(running.url, owner, options)
    await wire.subscribe()
    await wire.until(() => wire.statuses.some(([, unpushed]) => unpushed === 0n))
    await clock.turn(1_000)
    await arrive()
    wire.sets.length = 0
    return wire
  }

  async function seen(wire: Wire, turned: number): Promise<number> {
    await clock.turn(turned)
    await arrive()
    return wire.sets.length
  }

  beforeEach(() => start())
  afterEach(async () => {
    await running.stop()
    expect(running.bugs).toEqual([])
  })

  test('a page is told at once, a script after the delay', async () => {
    const wire = await page()
    await script.subscribe([], 2n)
    await arrive()
    script.sets.length = 0
    await script.write(other, [listing(1n)])
    expect([await seen(wire, 0), script.sets.length]).toEqual([1, 0])
    expect(await seen(script, 99)).toBe(0)
    expect(await seen(script, 1)).toBe(1)
  })

  test('the next push comes 100 ms after the last, with all that waits', async () => {
    const wire = await page()
    await script.write(other, [listing(1n)])
    expect(await seen(wire, 0)).toBe(1)
    await clock.turn(1)
    await script.write(other, [listing(2n)])
    await script.write(other, [listing(3n)])
    expect(await seen(wire, 98)).toBe(1)
    expect(await seen(wire, 1)).toBe(3)
    expect(wire.pushes.at(-1)!.sets).toBe(2)
  })

  test('the echo of a click waits 250 ms, others’ sets with it', async () => {
    const wire = await page()
    await wire.write(owner, [listing(1n)])
    await script.write(other, [listing(2n)])
    expect(await seen(wire, 249)).toBe(0)
    expect(await seen(wire, 1)).toBe(2)
  })

  test('clicks that follow each other put it off for a second at most', async () => {
    const wire = await page()
    for (let id = 1n; id <= 5n; id++) {
      await wire.write(owner, [listing(id)])
      expect(await seen(wire, 199)).toBe(0)
    }
    expect(await seen(wire, 4)).toBe(0)
    expect(await seen(wire, 1)).toBe(5)
  })

  test('what it does not select holds up nothing and is not waited for', async () => {
    const wire = await Wire.as(running.url, owner, { origin: ORIGIN })
    await wire.subscribe([{ objectType: 1, objectId: new Uint8Array([0, 0, 0, 0, 0, 0, 0, 9]) }])
    await arrive()
    await wire.write(owner, [listing(1n)])
    await clock.turn(200)
    await script.write(other, [listing(9n)])
    expect(await seen(wire, 49)).toBe(0)
    expect(await seen(wire, 1)).toBe(1)
  })

  test('the end of a session calls off what waits', async () => {
    const wire = await page()
    await wire.write(owner, [listing(1n)])
    await wire.close()
    await seen(wire, 2_000)
  })
})

test.each([
  ['all', undefined, 1],
  ['none', ORIGIN, 0],
  ['pages', undefined, 0],
  ['pages', 'null', 1],
] as const)('with pushPacing %s and the origin %s', async (pushPacing, origin, atOnce) => {
  const clock = new TestClock()
  const running = await relay({ pushDelayMs: 100, pushPacing }, { clock })
  const secret = newSecret()
  await enrolCard(running.url, secret)
  const wire = await Wire.open(running.url, origin === undefined ? {} : { origin })
  await wire.subscribe([], 1n)
  await clock.turn(1_000)
  await (await Wire.as(running.url, secret)).write(secret, [listing(1n)])
  await arrive()
  expect(wire.sets.length).toBe(atOnce)
  await clock.turn(100)
  await wire.until(() => wire.sets.length === 1)
  await running.stop()
  expect(running.bugs).toEqual([])
})
