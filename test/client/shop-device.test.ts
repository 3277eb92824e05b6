/** What tabs of one card tell each other, with a channel and locks that a test holds. */

import { describe, expect, it, vi } from 'vitest'
import { Cart } from '../../src/client/cart.js'
import { ClientError, type ClientErrorCode } from '../../src/client/client-error.js'
import * as guestSide from '../../src/client/guest-side.js'
import type { ReplicaStore } from '../../src/client/kept-replica.js'
import type { Live } from '../../src/client/live.js'
import type { WriteLink } from '../../src/client/outbox.js'
import type { Manifest } from '../../src/objects/manifest.js'
import { encodeChange, type Patch } from '../../src/patches/patch.js'
import { readPatchSet, signPatches } from '../../src/patches/patch-set.js'
import type { WriteRequest } from '../../src/wire/messages.js'
import { encodeWriteAnswer } from '../../src/wire/proof-payloads.js'
import { ShopDevice } from '../../src/client/shop-device.js'
import type { TabPlatform } from '../../src/client/tab-turn.js'

const KEY = new Uint8Array(32).fill(3)

type Heard = (data: unknown) => void

/** Tabs that hear each other at once; the first one to ask has the turn. */
function tabs(): TabPlatform & { readonly told: unknown[]; isDelayed: boolean } {
  const listeners = new Map<object, Heard>()
  const told: unknown[] = []
  let isHeld = false
  const request = (name: string, _options: unknown, act: () => Promise<void>) => {
    // That of the place, for a moment.
    if (name === 'cairn outbox') return act()
    if (isHeld) return new Promise(() => undefined)
    isHeld = true
    return act()
  }
  const platform = {
    told,
    /** Nobody hears anything any more. */
    isDelayed: false,
    locks: { request } as never,
    channel: (_name: string, heard: Heard) => {
      const own = {}
      listeners.set(own, heard)
      const post = (data: unknown) => {
        told.push(data)
        if (platform.isDelayed) return
        for (const [other, hear] of listeners) if (other !== own) hear(data)
      }
      return { post, close: () => void listeners.delete(own) }
    },
    onLooked: () => () => undefined,
  }
  return platform
}

function emptyStore(): ReplicaStore {
  let kept: Uint8Array | undefined
  return {
    load: () => Promise.resolve(kept),
    save: (bytes: Uint8Array) => Promise.resolve(void (kept = bytes)),
  }
}

interface DeviceParts {
  readonly store?: ReplicaStore
  readonly link?: { connection: WriteLink | undefined }
  readonly left?: (order: bigint, error: ClientError | undefined) => void
}

async function deviceOf(
  platform: TabPlatform,
  cartChanged: (device: ShopDevice, text: string) => void,
  { store = emptyStore(), link: held = { connection: undefined }, left }: DeviceParts = {},
) {
  const link = Object.assign(held, { pause: () => undefined, resume: () => undefined })
  const device: ShopDevice = new ShopDevice(
    { store, purpose: 'mine', tabs: platform },
    link,
    { changed: () => undefined },
    {
      sign: (patches, nonce) => {
        const { headerBytes: header, signature } = signPatches({ shopId: 1n, nonce, timestamp: 1n, patches }, KEY)
        return { header, signature }
      },
      notice: () => undefined,
      left: ([patch], outcome) =>
        left?.(patch!.path[1] as bigint, outcome instanceof ClientError ? outcome : undefined),
      cartChanged: (text) => cartChanged(device, text),
    },
  )
  await device.open()
  return device
}

it('a tab keeps only while no tab of any card does', async () => {
  const platform = tabs()
  const waiting: (() => Promise<void>)[] = []
  const { request } = platform.locks as unknown as { readonly request: (...of: unknown[]) => Promise<void> }
  const held = (name: string, options: unknown, act: () => Promise<void>) => {
    if (name !== 'cairn outbox') return request(name, options, act)
    return new Promise<void>((done) => {
      waiting.push(async () => {
        await act()
        done()
      })
    })
  }
  const store = emptyStore()
  const device = await deviceOf({ ...platform, locks: { request: held } as never }, () => undefined, { store })
  await vi.waitFor(() => expect(device.outbox.isHeld).toBe(true))
  device.keepCart('mine')
  await vi.waitFor(() => expect(waiting).toHaveLength(1))
  expect(await store.load()).toBeUndefined()
  await waiting[0]!()
  expect(await store.load()).toBeDefined()
  device.close()
})

it('a cart that another tab told of is not told back', async () => {
  const platform = tabs()
  // As a client does: its cart takes the text, and says that it has changed.
  const takes = (device: ShopDevice, text: string) => device.keepCart(text)
  const [one, two] = [await deviceOf(platform, takes), await deviceOf(platform, takes)]
  one.keepCart('first')
  one.keepCart('second')
  expect([one.outbox.cart, two.outbox.cart]).toEqual(['second', 'second'])
  const carts = platform.told.flatMap((data) => {
    const { message } = data as { readonly message?: { readonly kind: string; readonly text: string } }
    return message?.kind === 'cart' ? message.text : []
  })
  expect(carts).toEqual(['first', 'second'])
  one.close()
  two.close()
})

/** Of a shop that holds nothing: that is known of all. */
const none = {
  get: () => ({ status: 'ready', data: undefined }),
  subscribe: () => () => undefined,
} as unknown as Live<never>
const orderOf = (ID: bigint) => {
  const Items = [{ ListingID: 1n, Quantity: 2n }]
  const data = { ID, State: 3n, Items }
  return { get: () => ({ status: 'ready', data }), subscribe: () => () => undefined } as unknown as Live<never>
}
const manifest = {
  get: () => ({ status: 'ready', data: { PricingCurrency: { ChainID: 1n, Address: new Uint8Array(20) } } }),
  subscribe: () => () => undefined,
} as unknown as Live<Manifest>

/** A tab with its cart, as a client has them; `orders`: those that are there. */
async function tabOf(platform: TabPlatform, store: ReplicaStore, orders: ReadonlySet<bigint> = new Set()) {
  const link: { connection: WriteLink | undefined } = { connection: undefined }
  const restore = (_device: ShopDevice, text: string) => cart.restore(text)
  const left = (order: bigint, error: ClientError | undefined) => cart.left(order, error)
  const cart: Cart = new Cart({
    currencies: [],
    client: { state: 'connected', onState: () => () => undefined },
    side: () => guestSide,
    loadedSide: () => Promise.resolve(guestSide),
    listing: () => none,
    manifest: () => manifest,
    order: (id) => (orders.has(id) ? orderOf(id) : none),
    kept: (text) => device.keepCart(text),
    made: (order) => {
      for (const { id, changes } of device.get().refused) if (changes[0]!.path[1] === order) device.outbox.dismiss(id)
    },
    isWaiting: (order) => device.get().pending.some(({ changes }) => changes[0]!.path[1] === order),
    place: async ({ id }, { signal }) => {
      const patch = encodeChange({ op: 'add', path: ['Orders', id], value: new Map() })
      await device.outbox.add([patch], undefined, signal)
      return id
    },
  })
  const device: ShopDevice = await deviceOf(platform, restore, { store, link, left })
  const online = (request: WriteLink['request'], version: 4 | 5 = 5) => {
    link.connection = { version, request }
    device.outbox.run()
  }
  const away = () => void (link.connection = undefined)
  return { device, cart, online, away, lines: () => cart.get().lines.map(({ quantity }) => quantity) }
}

const taken = () => {
  const digest = new Uint8Array(32)
  return Promise.resolve(encodeWriteAnswer({ Seq: 1n, StateRoot: digest, StateHash: digest }))
}

it.each([
  ['taken, and empties the cart of both', taken, []],
  ['refused, and stays in both', () => Promise.reject(new ClientError('OUT_OF_STOCK', 'none left')), [2n]],
] as const)('a checkout that waits is one for two tabs: %s', async (_what, request, left) => {
  const [platform, store] = [tabs(), emptyStore()]
  const [one, two] = [await tabOf(platform, store), await tabOf(platform, store)]
  one.cart.add({ listing: 1n, quantity: 2n })
  const ordered = one.cart.checkout().catch((error: ClientError) => error.code)
  const { ordering } = one.cart.get()
  await vi.waitFor(() => expect(two.device.get().pending).toHaveLength(1))
  expect([two.lines(), two.cart.get().ordering]).toEqual([[2n], ordering])
  await expect(two.cart.checkout()).rejects.toMatchObject({ code: 'CHECKOUT_PENDING', objectId: ordering })
  one.online(request)
  expect(await ordered).toBe(left.length === 0 ? ordering : 'OUT_OF_STOCK')
  for (const { lines, cart } of [one, two]) expect([lines(), cart.get().ordering]).toEqual([left, undefined])
  one.device.close()
  two.device.close()
})

it('a checkout in two tabs before either hears of the other is one order', async () => {
  const [platform, store] = [tabs(), emptyStore()]
  const orders = new Set<bigint>()
  const one = await tabOf(platform, store, orders)
  const two = await tabOf(platform, store, orders)
  one.cart.add({ listing: 1n, quantity: 2n })
  expect(two.lines()).toEqual([2n])
  platform.isDelayed = true
  const both = [one.cart.checkout(), two.cart.checkout()]
  const relay = (request: WriteRequest) => {
    const [{ path }] = readPatchSet(request.patchSet).patches as [Patch]
    const id = path[1] as bigint
    if (orders.has(id)) return Promise.reject(new ClientError('INVALID', 'it is there'))
    orders.add(id)
    return taken()
  }
  one.online(relay)
  await both[0]
  await one.device.outbox.release()
  await two.device.outbox.hold()
  two.online(relay)
  const [first, second] = await Promise.all(both)
  expect([second, orders.size]).toEqual([first, 1])
  expect([one.lines(), two.lines(), two.device.get().refused]).toEqual([[], [], []])
  one.device.close()
  two.device.close()
})

describe('a checkout in the outbox of which nobody knows what became', () => {
  const rejects = (code: ClientErrorCode) => () => Promise.reject(new ClientError(code, 'as the relay says'))
  const codeOf = (checkout: Promise<unknown>) => checkout.catch((error: ClientError) => error.code)

  /** Signed and sent over version 5, and then over 4, which cannot know whether it was taken. */
  async function unknown() {
    const tab = await tabOf(tabs(), emptyStore())
    tab.cart.add({ listing: 1n, quantity: 2n })
    const ordered = codeOf(tab.cart.checkout())
    const { ordering } = tab.cart.get()
    const lost = new Promise<void>((resolve) => {
      tab.online(() => (resolve(), Promise.reject(new ClientError('OUTCOME_UNKNOWN', 'lost'))))
    })
    await lost
    tab.online(taken, 4)
    expect(await ordered).toBe('OUTCOME_UNKNOWN')
    return { ...tab, ordering }
  }

  it('is the same order at the next checkout, which may say that it is there', async () => {
    const { cart, online, device, lines, ordering } = await unknown()
    expect([lines(), cart.get().ordering]).toEqual([[2n], ordering])
    for (const code of ['INVALID', 'CONFLICT'] as const) {
      online(rejects(code))
      expect(await codeOf(cart.checkout())).toBe(code)
      expect([lines(), cart.get().ordering]).toEqual([[2n], ordering])
    }
    online(taken)
    expect(await cart.checkout()).toBe(ordering)
    expect([lines(), cart.get().ordering]).toEqual([[], undefined])
    device.close()
  })

  it('is the same order after a second try that was aborted, over a reload too', async () => {
    const { cart, device, away, lines, ordering } = await unknown()
    away()
    const stop = new AbortController()
    const second = codeOf(cart.checkout({ signal: stop.signal }))
    stop.abort()
    expect(await second).toBe('ABORTED')
    expect([lines(), cart.get().ordering]).toEqual([[2n], ordering])
    device.close()
    const after = await tabOf(tabs(), emptyStore())
    after.cart.restore(cart.save())
    // It was sent twice, as far as a text can tell.
    after.cart.left(ordering!, new ClientError('INVALID', 'it is there already'))
    expect(after.cart.get().ordering).toBe(ordering)
    after.device.close()
  })

  it('is the same order too where it was refused, or sent once and not taken: nobody proves a refusal', async () => {
    const { cart, online, device, ordering } = await unknown()
    online(rejects('OUT_OF_STOCK'))
    expect(await codeOf(cart.checkout())).toBe('OUT_OF_STOCK')
    expect(cart.get().ordering).toBeUndefined()
    online(rejects('INVALID'))
    expect(await codeOf(cart.checkout())).toBe('INVALID')
    expect(cart.get().ordering).toBeUndefined()
    online(taken)
    expect(await cart.checkout()).toBe(ordering)
    // What comes then is another one.
    cart.add({ listing: 1n, quantity: 1n })
    expect(await cart.checkout()).not.toBe(ordering)
    device.close()
  })
})
