import { connect, type Listing, type ShopClient, type Verified } from 'cairn-client'

/** Where the shop is: of the environment. */
export function place() {
  const { URL: url = 'http://127.0.0.1:4444', SHOP = '', RELAY: relay = 'development' } = process.env
  return { url, shop: BigInt(SHOP), relay }
}

/** All listings, once their proof was checked here, on the server: a page is never made of what is not proven. */
export async function provenListings(): Promise<Proven> {
  const client = await connect(place())
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
