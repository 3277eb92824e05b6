// What a merchant does after `cairn shop create`: manifest, a first listing and its stock, written with the owner's
// card.
//
//     SHOP=… PAYEE=0x… node examples/open-shop.mjs
//
// Prices here are in the chain's own currency. Run again it says that the listing is there already.

import { readFileSync } from 'node:fs'
import { connect } from 'cairn-relay/client'
import { hexToBytes } from 'viem'

const {
  URL: url = 'http://127.0.0.1:4444',
  RELAY: relay = 'development',
  CARD = './cairn-card.key',
  CHAIN_ID,
} = process.env
const missing = ['SHOP', 'PAYEE'].filter((name) => !process.env[name])
if (missing.length > 0) {
  console.error(`${missing.join(' and ')} missing: SHOP=… PAYEE=0x… node examples/open-shop.mjs`)
  process.exit(1)
}
const shop = BigInt(process.env.SHOP)
const key = hexToBytes(`0x${readFileSync(CARD, 'utf8').trim()}`)

// Objects are maps with the protocol's field names; a chain is a bigint, an address 20 bytes, an amount a bigint.
const map = (fields) => new Map(Object.entries(fields))
const chain = BigInt(CHAIN_ID ?? 31_337)
const payee = hexToBytes(`0x${process.env.PAYEE.replace(/^0x/, '')}`)
const native = new Uint8Array(20)

const manifest = map({
  ShopID: shop,
  // By chain and address: who may be paid, and in what.
  Payees: new Map([[chain, new Map([[payee, map({ CallAsContract: false })]])]]),
  AcceptedCurrencies: new Map([[chain, new Map([[native, new Map()]])]]),
  PricingCurrency: map({ ChainID: chain, Address: native }),
  // An empty text stands for any; without a region that fits his address a guest cannot choose payment.
  ShippingRegions: map({ everywhere: map({ Country: '', PostalCode: '', City: '' }) }),
})
const listing = map({
  ID: 1n,
  Price: 2n * 10n ** 15n,
  Metadata: map({ Title: 'Summit stone', Description: 'Round, about a pound' }),
  // Published.
  ViewState: 1n,
})

const client = await connect({ url, shop, key, relay, only: [] })
try {
  await client.write([
    { op: 'replace', path: ['Manifest'], value: manifest },
    { op: 'add', path: ['Listings', 1n], value: listing },
  ])
  // Stock in a set of its own: whoever is shown a part of a set also gets hashes of the rest, and could guess a number.
  await client.write([{ op: 'add', path: ['Inventory', 1n], value: 10n }])
  console.log(`shop ${shop} sells listing 1`)
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
client.close()
