/** What tabs of one card tell each other, with a channel and locks that a test holds. */

import { expect, it } from 'vitest'
import { ShopDevice } from '../../src/client/shop-device.js'
import type { TabPlatform } from '../../src/client/tab-turn.js'

type Heard = (data: unknown) => void

/** Tabs that hear each other at once; the first one to ask has the turn. */
function tabs(): TabPlatform & { readonly told: unknown[] } {
  const listeners = new Map<object, Heard>()
  const told: unknown[] = []
  let isHeld = false
  const request = (_name: string, _options: unknown, act: () => Promise<void>) => {
    if (isHeld) return new Promise(() => undefined)
    isHeld = true
    return act()
  }
  return {
    told,
    locks: { request } as never,
    channel: (_name, heard) => {
      const own = {}
      listeners.set(own, heard)
      const post = (data: unknown) => {
        told.push(data)
        for (const [other, hear] of listeners) if (other !== own) hear(data)
      }
      return { post, close: () => void listeners.delete(own) }
    },
    onLooked: () => () => undefined,
  }
}

async function deviceOf(platform: TabPlatform, cartChanged: (device: ShopDevice, text: string) => void) {
  let kept: Uint8Array | undefined
  const store = {
    load: () => Promise.resolve(kept),
    save: (bytes: Uint8Array) => Promise.resolve(void (kept = bytes)),
  }
  const link = { connection: undefined, pause: () => undefined, resume: () => undefined }
  const device: ShopDevice = new ShopDevice(
    { store, purpose: 'mine', tabs: platform },
    link,
    { changed: () => undefined },
    {
      sign: () => ({ header: new Uint8Array(0), signature: new Uint8Array(0) }),
      notice: () => undefined,
      cartChanged: (text) => cartChanged(device, text),
    },
  )
  await device.open()
  return device
}

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
