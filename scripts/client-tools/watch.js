// The same program for pages and for Node, Deno and Bun: says what was proven of a shop.
import { connect } from 'cairn-client'

const isPage = typeof document === 'object'
const given = new URLSearchParams(isPage ? location.search : process.argv[2])
const client = await connect({ url: given.get('url'), shop: BigInt(given.get('shop')), relay: 'development' })
for await (const { complete, data, verified } of client.listings({ orderBy: 'title' })) {
  if (!complete) continue
  const said = `${data.length} listings, proven as of checkpoint ${verified.seq}`
  if (isPage) document.body.textContent = said
  else console.log(said)
  break
}
client.close()
