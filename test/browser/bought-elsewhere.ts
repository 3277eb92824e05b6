/** A shop's page of another origin, made of the client library alone: from a wallet to a receipt. */

import { readFileSync } from 'node:fs'
import type { Page } from 'playwright-core'
import { bundled, servePage } from '../fixtures/chromium.js'
import { requireThat, until, type Ground } from './ground.js'
import { openPaidShop, type PaidGround } from './relays.js'
import { openVerify, verifyOffline } from './verified-offline.js'
import { giveWallet } from './wallet.js'

/** One button for each step; what came of it stands in the status. */
const SCRIPT = `
  import { connect, PAID } from 'cairn-relay/client'
  import { enrol, makeKeyCard } from 'cairn-relay/enrol'
  import { createStore } from 'mipd'

  const { relay: url, shop, address, payments } = Object.fromEntries(new URL(location).searchParams)
  const bytesOf = (hex) => Uint8Array.from(hex.match(/../gu) ?? [], (byte) => parseInt(byte, 16))
  const digits = (byte) => byte.toString(16).padStart(2, '0')
  const hexOf = (text) => '0x' + Array.from(new TextEncoder().encode(text), digits).join('')
  const wallets = createStore()
  const wallet = async () => {
    const [{ provider }] = wallets.getProviders()
    const [account] = await provider.request({ method: 'eth_requestAccounts' })
    return { account, request: (method, ...params) => provider.request({ method, params }) }
  }
  const status = Object.assign(document.createElement('p'), { role: 'status' })
  document.body.append(status)
  const step = (name, act) => {
    const button = Object.assign(document.createElement('button'), { textContent: name })
    button.onclick = () => act().then((text) => (status.textContent = text), (error) => {
      status.textContent = 'failed: ' + error.code + ': ' + error.message
    })
    document.body.append(button)
  }

  let client, order
  step('Enrol', async () => {
    const { account, request } = await wallet()
    const signMessage = ({ message }) => request('personal_sign', hexOf(message), account)
    const card = makeKeyCard()
    const signer = { address: account, signMessage }
    await enrol({ url, shop: BigInt(shop), card: card.publicKey, wallet: signer, guest: true })
    client = await connect({ url, shop: BigInt(shop), key: card.secret, relay: address })
    for await (const { complete, data, verified } of client.listings())
      if (complete) return data.length + ' listings, proven as of checkpoint ' + verified.seq
  })
  step('Put into the cart', async () => {
    client.cart().add({ listing: 1n, quantity: 2n })
    return client.cart().get().count + ' in the cart'
  })
  step('Order', async () => {
    client.cart().sendTo({
      Name: 'Ada Guest', Address1: 'Hut 1', City: 'Summit', PostalCode: '10000', Country: 'CH',
      EmailAddress: 'ada@example.org',
    })
    order = await client.cart().checkout()
    return 'ordered'
  })
  step('Pay', async () => {
    const { Payees, PricingCurrency } = client.manifest().get().data
    const [[ChainID, payees]] = Payees
    const [payee] = payees.keys()
    const choice = { payee: { ChainID, Address: bytesOf(payee) }, currency: PricingCurrency }
    const due = await client.orders.choosePayment(order, choice)
    const { account, request } = await wallet()
    const { data, value } = due.calls.pay
    await request('eth_sendTransaction', { from: account, to: payments, data, value: '0x' + value.toString(16) })
    for await (const { data } of client.orders.watch(order)) if (data?.State === PAID) return 'Paid'
  })
  step('Receipt', async () => {
    const receipt = await client.order(order).receipt()
    const href = URL.createObjectURL(new Blob([receipt]))
    Object.assign(document.createElement('a'), { href, download: 'order.cairn' }).click()
    return 'receipt of ' + receipt.length + ' bytes'
  })
  document.title = 'ready'
`
/** Of the chain's: others are the merchant's and the relay's. */
const ACCOUNT = 6

export async function boughtElsewhere(ground: Ground): Promise<string> {
  const [paid, page] = await Promise.all([openPaidShop(), bundled(SCRIPT).then(servePage)])
  try {
    return await buy(ground, paid, page.url)
  } finally {
    page.close()
    paid.merchant.client.close()
    await paid.relay.end()
    await paid.chain.stop()
  }
}

async function buy(ground: Ground, { chain, relay, merchant }: PaidGround, url: string): Promise<string> {
  const context = await ground.open()
  await giveWallet(context, chain.rpcUrl, ACCOUNT)
  const tab = await context.newPage()
  const told = { relay: relay.url, shop: `${merchant.shop}`, address: relay.address }
  await tab.goto(`${url}?${new URLSearchParams({ ...told, payments: chain.addresses.payments }).toString()}`)
  await tab.waitForFunction(() => document.title === 'ready')
  const proven = await step(ground, tab, 'Enrol', /^3 listings, proven as of checkpoint \d+$/u)
  await step(ground, tab, 'Put into the cart', /^2 in the cart$/u)
  await step(ground, tab, 'Order', /^ordered$/u)
  await step(ground, tab, 'Pay', /^Paid$/u)
  const download = tab.waitForEvent('download')
  await step(ground, tab, 'Receipt', /^receipt of \d+ bytes$/u)
  const receipt = readFileSync(await (await download).path())
  const verify = await openVerify(ground, context, relay.url)
  await relay.stop()
  const said = await verifyOffline(ground, verify, { relay: relay.address, receipt })
  requireThat(said.includes('Thing 1'), `the receipt does not name what was bought: ${said}`)
  return `${proven}; receipt of ${receipt.length} bytes`
}

async function step(ground: Ground, tab: Page, name: string, outcome: RegExp): Promise<string> {
  const before = await tab.getByRole('status').innerText()
  await tab.getByRole('button', { name }).click()
  const said = await until(
    `${name} says ${outcome}`,
    () => tab.getByRole('status').innerText(),
    (text) => text !== before && text !== '',
  )
  requireThat(outcome.test(said), `${name}: ${said}`)
  ground.tell(`${name}: ${said}`)
  return said
}
