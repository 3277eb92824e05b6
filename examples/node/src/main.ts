// A shop’s listings, proven, once: npm run build && URL=http://127.0.0.1:4444 SHOP=… npm start
// Before `npm install`, in the clone: npm run pack:client -- --out examples/node
import { connect } from 'cairn-client'

const { URL: url = 'http://127.0.0.1:4444', SHOP = '', RELAY: relay = 'development' } = process.env
if (!/^\d+$/u.test(SHOP)) {
  console.error('SHOP is no number of a shop: set it, and URL, to what the relay printed.')
  process.exit(1)
}
const client = await connect({ url, shop: BigInt(SHOP), relay })
for await (const { complete, data = [], verified, error } of client.listings({ orderBy: 'title', published: true })) {
  if (error !== undefined) throw error
  if (!complete) continue
  for (const { Metadata, Price } of data) console.log(`${Metadata.Title}: ${Price}`)
  console.log(`${data.length} listings, proven as of checkpoint ${verified?.seq}, nothing left out`)
  break
}
client.close()
