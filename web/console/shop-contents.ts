/** A shop read whole, as tables are made of it. */

import type { ShopContents } from 'cairn-relay/catalogue'
import type { Live, ShopClient } from 'cairn-relay/client'

/** How long a state that is proven whole is waited for: checkpoints come once a second. */
const PROVEN_MS_MAX = 20_000
const LOOK_AGAIN_MS = 1_000

/** As of one moment, and proven where the relay speaks version 5. */
export async function contentsOf(client: ShopClient): Promise<ShopContents> {
  const [listings, tags, stock] = await whole(client, [client.listings(), client.tagList(), client.stockList()])
  return { listings, tags, stock }
}

/** As it is held at this moment. */
export function heldContents(client: ShopClient): ShopContents {
  const [listings, tags, stock] = [client.listings(), client.tagList(), client.stockList()].map(
    (live) => live.get().data,
  )
  return { listings, tags, stock } as ShopContents
}

type Values<L extends readonly Live<unknown>[]> = { readonly [I in keyof L]: L[I] extends Live<infer T> ? T : never }

/** Values of which nothing is missing. Rejects with what a check found, and where that cannot be proven in time. */
export async function whole<const L extends readonly Live<unknown>[]>(
  client: ShopClient,
  lives: L,
): Promise<Values<L>> {
  const until = performance.now() + PROVEN_MS_MAX
  for (;;) {
    const states = lives.map((live) => live.get())
    for (const { error } of states) if (error !== undefined) throw error
    const isThere = states.every(({ status }) => status !== 'loading')
    if (isThere && (client.protocol === 4 || states.every(({ complete }) => complete)))
      return states.map(({ data }) => data) as unknown as Values<L>
    if (performance.now() > until)
      throw new Error('The shop is not here whole, and proven, yet: look at the connection, and try again.')
    await changed(lives)
  }
}

/** Resolves with the next change, and after a second at the latest. */
function changed(lives: readonly Live<unknown>[]): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      for (const stop of stops) stop()
      resolve()
    }
    const timer = setTimeout(done, LOOK_AGAIN_MS)
    const stops = lives.map((live) => live.subscribe(done))
  })
}
