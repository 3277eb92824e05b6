// A client that receives and verifies the whole of a large shop, in a process of its own. Sends to its parent what it
// took: to complete, and for the first checkpoint after, which is compared with the tree of all that is held.

import { connect } from '../dist/client/shop-client.js'
import { useOf } from './large-shop.mjs'

const [, , url, shop, listings] = process.argv
const begunMs = performance.now()
const client = await connect({ url, shop: BigInt(shop), relay: 'development' })
let completeSeq
// One listing would be proven by itself before all are there.
for await (const { complete, verified, total } of client.listings({ limit: 20 })) {
  if (!complete || total !== Number(listings)) continue
  const seconds = (performance.now() - begunMs) / 1_000
  if (completeSeq === undefined) process.send({ seconds, use: useOf(process.pid) })
  else if (verified.seq > completeSeq) break
  completeSeq = verified.seq
}
process.send({ seconds: (performance.now() - begunMs) / 1_000, use: useOf(process.pid) })
client.close()
process.disconnect()
