/** The least shop that sells something for ether, written with the owner's card, and a guest's order in it. */

import { publicKeyOf } from '../../src/bytes/signature.node.js'
import { walletOf } from '../../src/cli/wallet.js'
import { enrol } from '../../src/client/enrol.js'
import { connect } from '../../src/client/shop-client.js'
import type { Encodable } from '../../src/codec/encode.js'
import type { CborKey } from '../../src/codec/value.js'

export const LISTING = 1n
export const PRICE = 10n ** 15n

export interface Place {
  readonly url: string
  readonly shop: bigint
  /** A card's secret key, 32 bytes. */
  readonly key: Uint8Array
}

const CHAIN_ID = 31_337n
const NATIVE = { ChainID: CHAIN_ID, Address: new Uint8Array(20) }
const PAYEE = { ChainID: CHAIN_ID, Address: new Uint8Array(20).fill(0xca) }
const map = (fields: Readonly<Record<string, Encodable>>): ReadonlyMap<CborKey, Encodable> =>
  new Map(Object.entries(fields))

/** One listing, nine pieces. */
export async function furnish({ url, shop, key }: Place): Promise<void> {
  const client = await connect({ url, shop, key, relay: 'development', only: [] })
  const manifest = map({
    ShopID: shop,
    Payees: new Map([[CHAIN_ID, new Map([[PAYEE.Address, map({ CallAsContract: false })]])]]),
    AcceptedCurrencies: new Map([[CHAIN_ID, new Map([[NATIVE.Address, new Map()]])]]),
    PricingCurrency: map(NATIVE),
    ShippingRegions: map({ anywhere: map({ Country: '', PostalCode: '', City: '' }) }),
  })
  const listing = map({
    ID: LISTING,
    Price: PRICE,
    Metadata: map({ Title: 'Stone', Description: 'Round' }),
    ViewState: 1n,
  })
  await client.write([
    { op: 'replace', path: ['Manifest'], value: manifest },
    { op: 'add', path: ['Listings', LISTING], value: listing },
    { op: 'add', path: ['Inventory', LISTING], value: 9n },
  ])
  client.close()
}

/** `wallet`: 64 hexadecimal digits; of no meaning to a guest. */
export async function enrolGuest({ url, shop, key }: Place, wallet: string): Promise<void> {
  await enrol({ url, shop, card: publicKeyOf(key), wallet: walletOf(wallet), guest: true })
}

/** A guest's order of so many pieces; `payable`: payment in ether is chosen, and what is due is known. */
export async function order(place: Place, pieces: bigint, payable = true): Promise<bigint> {
  const client = await connect({ ...place, relay: 'development' })
  try {
    for await (const { status } of client.manifest()) if (status !== 'loading') break
    const items = [{ listing: LISTING, quantity: pieces }]
    const id = await client.orders.create({ items, shippingAddress: ADDRESS })
    await client.orders.commit(id)
    if (payable) await client.orders.choosePayment(id, { payee: PAYEE, currency: NATIVE })
    return id
  } finally {
    client.close()
  }
}

const ADDRESS = {
  Name: 'A. Guest',
  Address1: 'Hut 1',
  City: 'Summit',
  PostalCode: '10000',
  Country: 'CH',
  EmailAddress: 'guest@example.org',
}
