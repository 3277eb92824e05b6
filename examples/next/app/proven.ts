import { connect, type Listing, type Verified } from 'cairn-client'

/** Where the shop is: of the environment. */
export function place() {
  const { URL: url = 'http://127.0.0.1:4444', SHOP = '', RELAY: relay = 'development' } = process.env
  return { url, shop: BigInt(SHOP), relay }
}

/** All listings, once their proof was checked here, on the server: a page is never made of what is not proven. */
export async function provenListings(): Promise<{ listings: readonly Listing[]; verified: Verified | undefined }> {
  const tooLong = new AbortController()
  const timer = setTimeout(() => tooLong.abort(), 10_000)
  const client = await connect({ ...place(), signal: tooLong.signal })
  try {
    const list = client.listings({ orderBy: 'title', published: true })
    for await (const { complete, data = [], error, verified } of list) {
      if (error !== undefined) throw error
      if (complete) return { listings: data, verified }
    }
    throw new Error('the shop was not proven in time')
  } finally {
    clearTimeout(timer)
    client.close()
  }
}
