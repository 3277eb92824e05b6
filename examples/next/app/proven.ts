import { connect, type Listing, type ShopClient, type Verified } from 'cairn-client'

export interface Place {
  readonly url: string
  readonly shop: bigint
  readonly relay: string
}

/** Where the shop is: of the environment; undefined where that names none. */
export function place(): Place | undefined {
  const { URL: url = 'http://127.0.0.1:4444', SHOP = '', RELAY: relay = 'development' } = process.env
  return /^\d+$/u.test(SHOP) ? { url, shop: BigInt(SHOP), relay } : undefined
}

/** All listings, once their proof was checked here, on the server: a page is never made of what is not proven. */
export async function provenListings(where: Place): Promise<Proven> {
  const client = await connect(where)
  let timer: NodeJS.Timeout | undefined
  const tooLong = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the shop was not proven in time')), PROVEN_MS_MAX)
  })
  try {
    return await Promise.race([firstProven(client), tooLong])
  } finally {
    clearTimeout(timer)
    client.close()
  }
}

interface Proven {
  readonly listings: readonly Listing[]
  readonly verified: Verified | undefined
}

/** A visitor of the page waits for it. */
const PROVEN_MS_MAX = 10_000

async function firstProven(client: ShopClient): Promise<Proven> {
  const list = client.listings({ orderBy: 'title', published: true })
  for await (const { complete, data = [], error, verified } of list) {
    if (error !== undefined) throw error
    if (complete) return { listings: data, verified }
  }
  throw new Error('the client was closed')
}
