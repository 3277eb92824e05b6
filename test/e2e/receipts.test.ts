/**
 * Receipts of orders on a real relay and chain (PROOFS §6): a guest's own, a merchant's of all, verified with nothing
 * but the file and the relay's address, and the commands for both.
 */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { prefixedHex, toHex } from '../../src/bytes/hex.js'
import type { Io } from '../../src/cli/io.js'
import { decode } from '../../src/codec/decode.js'
import { encode } from '../../src/codec/encode.js'
import type { Cbor, CborKey } from '../../src/codec/value.js'
import { readLevel } from '../../src/merkle/state-level.js'
import { hasAskedLevels } from '../../src/relay/shops/stored-state.js'
import { askedLevelKey, askedManifestKey } from '../../src/store/setting-keys.js'
import { run as receiptCommand } from '../../src/cli/receipt.js'
import { run as verifyCommand } from '../../src/cli/verify.js'
import { exportCard, importCard } from '../../src/client/card-text.js'
import { fetchReceipt, openReceiptLink } from '../../src/client/receipt-assembly.js'
import { COMMITTED, connect, type ClientError } from '../../src/client/shop-client.js'
import { decodeReceipt } from '../../src/proofs/receipt-form.js'
import { verifyReceipt } from '../../src/proofs/receipt.js'
import { enrolCard, newSecret, order, SHOP, Wire } from '../fixtures/relay-harness.js'
import { NATIVE, PaidShop } from '../fixtures/paid-shop.js'

const RATE = { flags: ['--price-source', 'fixed', '--price-factor', '1500', '--price-divisor', '1'] }
const PRICE = 10n ** 16n
const [PAID, CONVERTED, OPEN] = [100n, 101n, 102n]
const ordered = [PAID, CONVERTED, OPEN]

let shop: PaidShop
let guest: Awaited<ReturnType<PaidShop['guest']>>
let relayAddress: Uint8Array
let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-receipts-'))
  shop = await PaidShop.open(RATE)
  await shop.write(
    { op: 'replace', path: ['Listings', 1n, 'Price'], value: PRICE },
    { op: 'replace', path: ['Inventory', 1n], value: 1_000n },
  )
  const facts = (await (await fetch(shop.relay.url)).json()) as { relay_address: string }
  relayAddress = new Uint8Array(Buffer.from(facts.relay_address.slice(2), 'hex'))
  guest = await shop.guest()
  await shop.payByCall(await guest.checkout(PAID, 2n, NATIVE))
  await shop.orderWhere(PAID, ({ State }) => State === 6n)
  await guest.checkout(CONVERTED, 3n, shop.token)
  await guest.write(order(OPEN, 1n, 4n))
  // A card has one session at a time.
  await guest.wire.close()
})
afterAll(async () => {
  await shop.close()
  rmSync(folder, { recursive: true, force: true })
})
afterEach(() => expect(shop.relay.bugs).toEqual([]))

const place = (key: Uint8Array) => ({ url: shop.relay.url, shop: SHOP, key, relay: relayAddress })
const trust = () => ({ relays: [relayAddress], registries: [] })

/** With a link of its own: a card has one session at a time. */
async function fetched(key: Uint8Array, id: bigint, relay = relayAddress): Promise<Uint8Array> {
  const link = await openReceiptLink(shop.relay.url, key)
  try {
    return await fetchReceipt({ url: shop.relay.url, shop: SHOP, relays: [relay], link }, id)
  } finally {
    link.close()
  }
}

describe('fetched by a guest', () => {
  test('a paid order: total recomputed, each step with who signed it', async () => {
    const receipt = verifyReceipt(await fetched(guest.card, PAID), trust(), { ShopID: SHOP, Order: PAID })
    expect(receipt.order.State).toBe(6n)
    expect(receipt.total).toMatchObject({ kind: 'recomputed', asked: 2n * PRICE, computed: 2n * PRICE })
    expect(receipt.history.at(-1)!.signer).toBe('relay')
    expect(receipt.history[0]!.signer).toMatchObject({ account: new Uint8Array(20) })
    expect(receipt.listings.get(1n)!.Price).toBe(PRICE)
  })

  test('one in another currency: the rate is the relay’s word', async () => {
    const { total } = verifyReceipt(await fetched(guest.card, CONVERTED), trust())
    expect(total).toMatchObject({ kind: 'rate taken from the relay', asked: 4_500n, computed: 3n * PRICE })
  })

  test('an open one has no total', async () => {
    expect(verifyReceipt(await fetched(guest.card, OPEN), trust()).total).toBeUndefined()
  })

  test('prices and manifest that changed meanwhile do not matter: those of then are proven', async () => {
    await shop.write({ op: 'replace', path: ['Listings', 1n, 'Price'], value: 7n })
    await shop.write({
      op: 'replace',
      path: ['Manifest', 'AcceptedCurrencies'],
      value: new Map([[31_337n, new Map([[NATIVE.Address, new Map()]])]]),
    })
    const { total, manifest } = verifyReceipt(await fetched(guest.card, CONVERTED), trust())
    expect(total!.computed).toBe(3n * PRICE)
    expect(manifest!.AcceptedCurrencies!.get(31_337n)!.size).toBe(2)
  })

  test('another guest’s order is refused, one that is not there too', async () => {
    const other = newSecret()
    await enrolCard(shop.relay.url, other, { wallet: toHex(newSecret()), guest: true })
    const refused = (id: bigint, key: Uint8Array) => fetched(key, id).catch((error: ClientError) => error.code)
    expect(await refused(PAID, other)).toBe('INVALID')
    expect(await refused(999n, other)).toBe('INVALID')
  })

  test('against another address than the relay’s nothing is handed out', async () => {
    const error = await fetched(guest.card, PAID, new Uint8Array(20).fill(1)).catch((error: ClientError) => error)
    expect((error as ClientError).code).toBe('VERIFICATION_FAILED')
  })

  test('a relay that is asked for too much at once is asked again after a pause', async () => {
    const [real, refused] = [globalThis.fetch, { times: 0 }]
    // The relay of this test runs beside it and asks its chain with the same function.
    const ofRelay = ([target]: Parameters<typeof fetch>) => new Request(target).url.startsWith(shop.relay.url)
    globalThis.fetch = (...args) => {
      if (!ofRelay(args) || refused.times++ > 1) return real(...args)
      return Promise.resolve(new Response('{"error":"too many proofs in a short time"}', { status: 429 }))
    }
    try {
      expect(verifyReceipt(await fetched(guest.card, OPEN), trust()).orderId).toBe(OPEN)
      expect(refused.times).toBeGreaterThan(2)
    } finally {
      globalThis.fetch = real
    }
  })

  test('one that changed a moment ago, before a checkpoint covers it, is as it is now', async () => {
    const client = await connect({ ...place(guest.card), only: [{ order: 'all' }] })
    const id = await client.orders.create({ items: [{ listing: 1n, quantity: 1n }] })
    ordered.push(id)
    await client.orders.commit(id)
    const receipt = verifyReceipt(await client.order(id).receipt(), trust())
    client.close()
    expect([receipt.orderId, receipt.order.State]).toEqual([id, COMMITTED])
  })

  test('by order(id).receipt() of the client', async () => {
    const client = await connect({ ...place(guest.card), only: [{ order: 'all' }] })
    const receipt = verifyReceipt(await client.order(PAID).receipt(), trust())
    client.close()
    expect(receipt.orderId).toBe(PAID)
  })

  test('whose card is offered as a text once an order is Paid: from it another device is this guest', async () => {
    const client = await connect(place(guest.card))
    const offer = client.cardOffer()
    for await (const { data } of offer) if (data?.ID === PAID) break
    const text = client.exportCard()
    expect(offer.get().data).toBeUndefined()
    client.close()
    const { shop: shopId, relay: address, secret } = importCard(text, { shop: SHOP })
    const other = await connect({ url: shop.relay.url, shop: shopId, relay: address, key: secret })
    for await (const { complete, data } of other.orders.all())
      if (complete && data?.some(({ ID }) => ID === PAID)) break
    other.dismissCardOffer()
    expect(other.cardOffer().get().data).toBeUndefined()
    other.close()
  })

  test('staff has no card offered', async () => {
    await shop.owner.close()
    const client = await connect(place(shop.ownerCard))
    for await (const { complete, data } of client.orders.all())
      if (complete && data?.some(({ ID }) => ID === PAID)) break
    expect(client.cardOffer().get()).toMatchObject({ complete: true, data: undefined })
    client.close()
    shop.owner = await Wire.as(shop.relay.url, shop.ownerCard)
  })
})

test('nobody else learns which sets asked for payment', async () => {
  const path = `${shop.relay.url}/v5/shops/${SHOP}/level`
  const { Sets } = decodeReceipt(await fetched(guest.card, PAID))
  const asking = Sets.find(({ Level }) => Level !== undefined)!
  const other = Sets[0]!
  const answer = async (seq: bigint, signature?: Uint8Array) => {
    const query = signature === undefined ? '' : `?signature=${toHex(signature)}`
    const response = await fetch(`${path}/${seq}${query}`)
    return [response.status, (await response.text()).replace(String(seq), 'N')]
  }
  const refused = [404, JSON.stringify({ error: NO_LEVEL })]
  for (const seq of [asking.Seq, other.Seq, 999_999n, 10n ** 15n - 1n])
    for (const signature of [undefined, new Uint8Array(65), new Uint8Array(0)])
      expect(await answer(seq, signature)).toEqual(refused)
  expect(await answer(other.Seq, other.Signature)).toEqual(refused)
  expect(await answer(asking.Seq, other.Signature)).toEqual(refused)
  expect((await answer(asking.Seq, asking.Signature))[0]).toBe(200)
})
const NO_LEVEL = 'no level is kept of a set N that has this signature and asks for payment'

describe('the commands', () => {
  beforeAll(() => shop.owner.close())
  const said: string[] = []
  const bytes: Uint8Array[] = []
  const io = {
    out: (line: string) => void said.push(line),
    outBytes: (part: Uint8Array) => void bytes.push(part),
    err: (line: string) => void said.push(line),
    env: {},
    isTerminal: false,
    signal: new AbortController().signal,
  }
  const flags = (file: string) => [
    '--url',
    shop.relay.url,
    '--shop',
    `${SHOP}`,
    '--card',
    file,
    '--relay',
    prefixedHex(relayAddress),
  ]

  function cardFile(secret: Uint8Array): string {
    const file = join(folder, `${toHex(secret).slice(0, 8)}.key`)
    writeFileSync(file, `${toHex(secret)}\n`, { mode: 0o600 })
    return file
  }

  test('cairn receipt writes to stdout what cairn verify says to match', async () => {
    expect(await receiptCommand([`${PAID}`, ...flags(cardFile(guest.card))], io)).toBe(0)
    const file = join(folder, 'order.cairn')
    writeFileSync(file, bytes.at(-1)!)
    said.length = 0
    expect(await verifyCommand([file, '--relay', prefixedHex(relayAddress)], io)).toBe(0)
    expect(said[0]).toMatch(/^Matches, not yet anchored/u)
    expect(said.join('\n')).toContain('0.02 ETH on chain 31337')
    expect(await verifyCommand([file, '--relay', prefixedHex(relayAddress), '--order', '7'], io)).toBe(1)
  })

  test('cairn receipt takes the text of exportCard as a card too', async () => {
    const file = join(folder, 'card.txt')
    writeFileSync(file, exportCard({ shop: SHOP, relay: relayAddress, secret: guest.card }), { mode: 0o600 })
    expect(await receiptCommand([`${PAID}`, ...flags(file)], io)).toBe(0)
    writeFileSync(file, exportCard({ shop: SHOP, relay: relayAddress, secret: guest.card }).slice(0, -1))
    said.length = 0
    expect(await receiptCommand([`${PAID}`, ...flags(file)], io)).not.toBe(0)
    expect(said.join()).toContain('its checksum is')
  })

  test('a chain names the relay: the owner of its token', async () => {
    const file = join(folder, 'order.cairn')
    const chain = join(shop.directory, 'chain.json')
    said.length = 0
    expect(await verifyCommand([file, '--chain', chain], io)).toBe(0)
    expect(said[0]).toMatch(/^Matches/u)
  })

  test('a merchant gets those of all orders at once', async () => {
    const all = join(folder, 'all')
    expect(await receiptCommand(['--all', all, ...flags(cardFile(shop.ownerCard))], io)).toBe(0)
    expect(readdirSync(all).sort()).toEqual(ordered.map((id) => `order-${id}.cairn`).sort())
    for (const name of readdirSync(all)) verifyReceipt(new Uint8Array(readFileSync(join(all, name))), trust())
  })

  test.each([
    ['tlog-proof', []],
    ['cose', ['binding', 'statement']],
  ] as const)('in the form %s, which cairn verify reads, with what stands beside it', async (format, beside) => {
    const name = `paid.${format}`
    const file = join(folder, name)
    const given = [`${PAID}`, '--format', format, '--out', file, ...flags(cardFile(shop.ownerCard))]
    expect(await receiptCommand(given, io)).toBe(0)
    const written = readdirSync(folder).filter((one) => one.startsWith(name))
    expect(written.sort()).toEqual([name, ...beside.map((part) => `${name}.${part}`)])
    said.length = 0
    expect(await verifyCommand([file, '--relay', prefixedHex(relayAddress)], io)).toBe(0)
    expect(said[0]).toMatch(format === 'cose' ? /^Matches: this set is in the log/u : /^Matches: the order is as/u)
    expect(await verifyCommand([file, '--relay', `0x${'11'.repeat(20)}`], io)).toBe(1)
    expect(await verifyCommand([file, '--chain', join(shop.directory, 'chain.json')], io)).toBe(0)
  })

  test('to stdout: a tlog-proof is text, a COSE receipt is bytes, and what is not in it is named', async () => {
    const card = flags(cardFile(shop.ownerCard))
    const terminal = { ...io, outBytes: undefined }
    const file = join(folder, 'stdout')
    said.length = 0
    expect(await receiptCommand([`${PAID}`, '--format', 'tlog-proof', ...card], terminal as unknown as Io)).toBe(0)
    writeFileSync(file, `${said.join('\n')}\n`)
    expect(await verifyCommand([file, '--relay', prefixedHex(relayAddress)], io)).toBe(0)
    bytes.length = 0
    expect(await receiptCommand([`${PAID}`, '--format', 'cose', ...card], io)).toBe(0)
    expect(said.at(-1)).toContain('(statement and binding): --out FILE writes that beside it')
    writeFileSync(file, bytes[0]!)
    expect(await verifyCommand([file, '--relay', prefixedHex(relayAddress)], io)).toBe(3)
    for (const format of ['cairn', 'cose']) {
      expect(await receiptCommand([`${PAID}`, '--format', format, ...card], terminal as unknown as Io)).toBe(1)
      expect(said.at(-1)).toContain(`a terminal takes no bytes, as a receipt of the format ${format} has: give --out`)
    }
  })

  test('several addresses of a relay whose key was changed', async () => {
    const file = join(folder, 'several.cairn')
    const given = [`${PAID}`, '--out', file, ...flags(cardFile(guest.card)).slice(0, -1)]
    const several = `0x${'11'.repeat(20)},${prefixedHex(relayAddress)}`
    expect(await receiptCommand([...given, several], io)).toBe(0)
    verifyReceipt(new Uint8Array(readFileSync(file)), trust())
    expect(await receiptCommand([...given, `${several},development`], io)).toBe(1)
    expect(said.at(-1)).toContain('--relay names addresses with commas between, or none')
  })

  test('a form that nobody knows is refused before anything is asked', async () => {
    said.length = 0
    const card = flags(cardFile(shop.ownerCard))
    expect(await receiptCommand([`${PAID}`, '--format', 'pdf', ...card], io)).toBe(1)
    expect(said.at(-1)).toContain('--format is one of cairn, tlog-proof, cose, not pdf')
  })

  test('says what is wrong, and is used as its help says', async () => {
    said.length = 0
    expect(await receiptCommand(['999', ...flags(cardFile(shop.ownerCard))], io)).toBe(1)
    expect(said.at(-1)).toContain('the shop has no order 999')
    expect(await receiptCommand([], io)).toBe(1)
    expect(await receiptCommand(['--help'], io)).toBe(0)
  })
})

describe('of a log that was written before levels of asked payments were kept', () => {
  /** What that version left: no level, no manifest, and a state that does not say that there are any. */
  async function forget(): Promise<number> {
    const { store } = shop
    const seqs = Array.from({ length: store.head(SHOP) }, (_, i) => i + 1)
    const levels = seqs.flatMap((seq) => {
      const level = store.setting(askedLevelKey(SHOP, seq))
      return level === undefined ? [] : [{ seq, hash: readLevel(level).manifestHash }]
    })
    const keys = levels.flatMap(({ seq, hash }) => [askedLevelKey(SHOP, seq), askedManifestKey(SHOP, hash)])
    await store.commit({ records: [], settings: keys.map((key) => ({ key, value: undefined })) })
    const { seq, roots } = store.derived(SHOP)!
    const early = new Map([...(decode(roots) as ReadonlyMap<CborKey, Cbor>)].filter(([name]) => name !== 'AskedLevels'))
    await store.flushDerived({ shopId: SHOP, seq, roots: encode(early), nodes: [], objectSeqs: [] })
    return levels.length
  }

  async function restarted(between: () => Promise<unknown>): Promise<void> {
    await shop.relay.stop()
    await between()
    await shop.startRelay()
    await shop.reconnect()
  }

  test('each order that asked for payment has its receipt after the next start', async () => {
    const before = await fetched(guest.card, PAID)
    await restarted(async () => expect(await forget()).toBeGreaterThanOrEqual(2))
    for (const order of [PAID, CONVERTED]) {
      const receipt = verifyReceipt(await fetched(guest.card, order), trust(), { ShopID: SHOP, Order: order })
      expect(receipt.total!.computed).toBe((order === PAID ? 2n : 3n) * PRICE)
    }
    const [was, is] = [before, await fetched(guest.card, PAID)].map((bytes) => decodeReceipt(bytes))
    expect(is!.Sets).toEqual(was!.Sets)
  })

  test('a start after that begins where the state was flushed', async () => {
    let replayed: number | undefined
    await restarted(() => Promise.resolve((replayed = shop.store.derived(SHOP)!.seq)))
    expect(replayed).toBe(shop.store.head(SHOP))
    expect(hasAskedLevels(shop.store.derived(SHOP)!.roots)).toBe(true)
  })
})
