// A client that receives and verifies the whole of a large shop, in a process of its own. Sends to its parent what it
// took: to complete, and for the first checkpoint after, which is compared with the tree of all that is held.

import { connect } from '../dist/client/shop-client.js'
import { useOf } from '../dist/cli/bench/relay-process.js'

const [, , url, shop] = process.argv
const begunMs = performance.now()
const client = await connect({ url, shop: BigInt(shop), relay: 'development' })
let completeSeq
// A list is complete with the whole snapshot, one object by its own proof before; that of the tags reads no listing.
for await (const { complete, verified } of client.tags()) {
  if (!complete) continue
  const seconds = (performance.now() - begunMs) / 1_000
  if (completeSeq === undefined) process.send({ seconds, use: useOf(process.pid) })
  else if (verified.seq > completeSeq) break
  completeSeq = verified.seq
}
process.send({ seconds: (performance.now() - begunMs) / 1_000, use: useOf(process.pid) })
client.close()
process.disconnect()
