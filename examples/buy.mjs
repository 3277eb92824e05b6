// A guest, as a storefront acts for him: a key card, an order, a payment.
//
//     SHOP=… WALLET=… node examples/buy.mjs
//
// WALLET is a secret key with money, 64 hexadecimal digits: npm run dev:chain prints some. In a browser the wallet is
// the visitor's own: enrol takes whatever has an address and signMessage({ message }).

import { connect, formatMoney, PAID } from 'cairn-relay/client'
import { enrol, makeKeyCard } from 'cairn-relay/enrol'
import { createWalletClient, hexToBytes, http } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { foundry } from 'viem/chains'

const { URL: url = 'http://127.0.0.1:4444', RELAY: relay = 'development', LISTING = '1', RPC } = process.env
// The Payments contract of the chain; this one is the development chain's.
const payments = process.env.PAYMENTS ?? '0x9fe46736679d2d9a65f0992f2272de9f3c7fa6e0'
const missing = ['SHOP', 'WALLET'].filter((name) => !process.env[name])
if (missing.length > 0) {
  console.error(`${missing.join(' and ')} missing: SHOP=… WALLET=… node examples/buy.mjs`)
  process.exit(1)
}
const shop = BigInt(process.env.SHOP)
const account = privateKeyToAccount(`0x${process.env.WALLET.replace(/^0x/, '')}`)

// Once per guest. The secret is all that opens his orders: keep it, in localStorage or a file.
const card = makeKeyCard()
await enrol({ url, shop, card: card.publicKey, wallet: account, guest: true })

const client = await connect({ url, shop, key: card.secret, relay })
for await (const { status, error } of client.manifest()) {
  if (error) throw error
  if (status !== 'loading') break
}

const shippingAddress = {
  Name: 'A. Guest',
  Address1: 'Hut 1',
  City: 'Summit',
  PostalCode: '10000',
  Country: 'CH',
  EmailAddress: 'guest@example.org',
}
const cart = client.cart()
cart.add({ listing: BigInt(LISTING), quantity: 1n })
cart.sendTo(shippingAddress)
for await (const { quote } of cart) if (quote.problems.every(({ code }) => code !== 'LOADING')) break
const shown = cart.get().quote.total
// The pieces are reserved, all or none.
const order = await cart.checkout()

// The first payee of the manifest, in the pricing currency. As read, addresses that are keys are hexadecimal texts.
const { Payees, PricingCurrency } = client.manifest().get().data
const [[chain, payees]] = Payees
const [payee] = payees.keys()
const choice = { payee: { ChainID: chain, Address: hexToBytes(`0x${payee}`) }, currency: PricingCurrency }
// The price of an order is open until then: where it is not what he was shown (PRICE_CHANGED) the guest is asked first.
const due = await client.orders.choosePayment(order, choice, { total: shown })
const until = new Date(Number(due.payableUntil) * 1_000).toISOString()
console.log(`order ${order}: ${formatMoney(due.money, 'en')} are due until ${until}`)

const wallet = createWalletClient({ account, chain: foundry, transport: http(RPC) })
const hash = await wallet.sendTransaction({ to: payments, ...due.calls.pay })
console.log(`transaction ${hash}`)
for await (const { data, error } of client.orders.watch(order)) {
  if (error) throw error
  if (data?.State === PAID) break
}
console.log(`order ${order} is Paid`)
client.close()
