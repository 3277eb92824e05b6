// A shop’s listings, proven, once: URL=http://127.0.0.1:4444 SHOP=… npm start
import { connect } from 'cairn-client'

const { URL: url = 'http://127.0.0.1:4444', SHOP = '', RELAY: relay = 'development' } = process.env
const client = await connect({ url, shop: BigInt(SHOP), relay })
for await (const { complete, data = [], verified, error } of client.listings({ orderBy: 'title', published: true })) {
  if (error !== undefined) throw error
  if (!complete) continue
  for (const { Metadata, Price } of data) console.log(`${Metadata.Title}: ${Price}`)
  console.log(`${data.length} listings, proven as of checkpoint ${verified?.seq}, nothing left out`)
  break
}
client.close()
