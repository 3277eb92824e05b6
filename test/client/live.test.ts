/** Live objects without a shop: who is told what, when, and how often. */

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { ClientError } from '../../src/client/client-error.js'
import type { FollowedRelay } from '../../src/client/followed-relay.js'
import { LiveObjects, type Reading, type View } from '../../src/client/live.js'
import { ShopClient } from '../../src/client/shop-client.js'

function setUp() {
  const values = new Map<string, Reading<unknown>>()
  const watched: string[] = []
  const objects = new LiveObjects({
    add: (view) => void watched.push(`+${view.id}`),
    delete: (view) => void watched.push(`-${view.id}`),
  })
  const standing = { isLoading: false, verified: undefined, complete: true, stale: false }
  const set = (name: string, data: unknown, more: Partial<Reading<unknown>> = {}) => {
    values.set(name, { ...standing, data, ...more })
    objects.changed(name)
  }
  const viewOf = (name: string): View<unknown> => ({
    id: name,
    topics: [name],
    parts: [],
    read: () => values.get(name) ?? { ...standing, data: undefined },
  })
  const live = (name: string) =>
    objects.live(
      name,
      () => viewOf(name),
      () => ({}),
    )
  return { objects, set, live, watched }
}

const turn = () => new Promise<void>((resolve) => queueMicrotask(resolve))

describe('a live object', () => {
  it('is the same for all that want the same, and its state until something changes', async () => {
    const { set, live } = setUp()
    const one = live('Tags/a')
    expect(live('Tags/a')).toBe(one)
    expect(live('Tags/b')).not.toBe(one)
    set('Tags/a', 'x')
    const before = one.get()
    expect(before).toMatchObject({ status: 'ready', data: 'x', complete: true, error: undefined })
    set('Tags/a', 'x')
    await turn()
    expect(one.get()).toBe(before)
    set('Tags/a', 'y')
    expect(one.get()).not.toBe(before)
  })

  it('needs no this: what a hook takes are two functions', () => {
    const { set, live } = setUp()
    const { get, subscribe } = live('Tags/a')
    set('Tags/a', 1)
    const stop = subscribe(() => undefined)
    expect(get().data).toBe(1)
    stop()
  })

  it('tells once of all that changed at once, after it, and collections too', async () => {
    const { set, live, objects } = setUp()
    const told: string[] = []
    const all = objects.live(
      'Tags/',
      () => ({
        id: 'Tags/',
        topics: ['Tags/'],
        parts: [],
        read: () => ({ ...live('Tags/a').get(), isLoading: false }),
      }),
      () => ({}),
    )
    const stops = [live('Tags/a').subscribe(() => told.push('a')), all.subscribe(() => told.push('all'))]
    for (let i = 0; i < 100; i++) set('Tags/a', i)
    set('Tags/b', 1)
    expect(told).toEqual([])
    await turn()
    expect(told.sort()).toEqual(['a', 'all'])
    for (const stop of stops) stop()
    set('Tags/a', -1)
    await turn()
    expect(told).toHaveLength(2)
  })

  it('is watched from its first subscriber to its last, however often one of them ends', () => {
    const { live, watched } = setUp()
    const stops = [live('a').subscribe(() => undefined), live('a').subscribe(() => undefined)]
    stops[0]!()
    stops[0]!()
    expect(watched).toEqual(['+a'])
    stops[1]!()
    expect(watched).toEqual(['+a', '-a'])
  })

  it('that nobody looks at is loading again: it may not be subscribed to any more', () => {
    const { set, live } = setUp()
    const one = live('Tags/a')
    const stop = one.subscribe(() => undefined)
    set('Tags/a', 1)
    expect(one.get()).toMatchObject({ status: 'ready', data: 1 })
    stop()
    set('Tags/a', undefined, { isLoading: true, complete: false })
    expect(one.get()).toMatchObject({ status: 'loading', complete: false })
  })

  it('that was shown stays as it was while what is newer is loading, and fails all the same', () => {
    const { set, live, objects } = setUp()
    const one = live('Tags/a')
    one.subscribe(() => undefined)
    set('Tags/a', 1)
    const before = one.get()
    set('Tags/a', undefined, { isLoading: true })
    expect(one.get()).toBe(before)
    set('Tags/a', 2)
    expect(one.get()).toMatchObject({ status: 'ready', data: 2 })
    const error = new ClientError('VERIFICATION_FAILED', 'no')
    objects.fail(error)
    expect(one.get()).toMatchObject({ status: 'failed', error, data: 2 })
  })

  it('gives each state once to for await, and ends with it', async () => {
    const { set, live, watched } = setUp()
    set('a', 1)
    const seen: unknown[] = []
    for await (const { data } of live('a')) {
      seen.push(data)
      if (seen.length === 3) break
      set('a', seen.length + 1)
    }
    expect([seen, watched]).toEqual([
      [1, 2, 3],
      ['+a', '-a'],
    ])
  })
})

it('loops end when nothing comes any more, after what came', async () => {
  const { objects, set, live, watched } = setUp()
  set('Tags/a', 1)
  const given: unknown[] = []
  const loop = (async () => {
    for await (const { data } of live('Tags/a')) given.push(data)
  })()
  await turn()
  set('Tags/a', 2)
  objects.end()
  await loop
  expect([given, watched]).toEqual([
    [1, 2],
    ['+Tags/a', '-Tags/a'],
  ])
})

it('a watcher that throws stops no other', async () => {
  const { set, live } = setUp()
  const told: number[] = []
  const thrown: unknown[] = []
  const listeners = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.once('uncaughtException', (error) => thrown.push(error))
  live('a').subscribe(() => {
    throw new Error('mine')
  })
  live('a').subscribe(() => told.push(1))
  set('a', 1)
  await new Promise((resolve) => setImmediate(resolve))
  for (const listener of listeners) process.on('uncaughtException', listener)
  expect([told, thrown]).toEqual([[1], [expect.objectContaining({ message: 'mine' })]])
})

async function collected(isEnough: () => boolean): Promise<void> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  for (let tries = 0; tries < 100 && !isEnough(); tries++) {
    collect()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

it('nobody holds what nobody looks at', async () => {
  const { live, objects } = setUp()
  const kept = live('kept')
  for (let i = 0; i < 50_000; i++) live(`dropped ${i}`)
  await collected(() => objects.size < 1_000)
  expect(objects.size).toBeLessThan(1_000)
  expect(live('kept')).toBe(kept)
})

it('a client lets go of the stock that nobody looks at', async () => {
  const relay = { keys: [new Uint8Array(20)], identity: undefined } as unknown as FollowedRelay
  const client = new ShopClient({ url: 'http://127.0.0.1:1', shop: 1n, relay: 'development' }, relay, undefined)
  const { watched } = (client as unknown as { proofs: { proven: { watched: Map<string, unknown> } } }).proofs.proven
  const kept = client.stock(7n)
  for (let id = 1_000n; id < 51_000n; id++) client.stock(id)
  expect(watched.size).toBe(50_001)
  await collected(() => watched.size < 1_000)
  expect(watched.size).toBeLessThan(1_000)
  expect(watched.has('Inventory/7')).toBe(true)
  expect(client.stock(7n)).toBe(kept)
  client.close()
})
