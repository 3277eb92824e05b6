/**
 * `cairn receipt`: fetches the receipt of an order, or of all, from a relay, verified.
 *
 * Tests: test/e2e/receipts.test.ts
 */

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { OrderId, ShopId } from '../brands.js'
import { equalBytes } from '../bytes/bytes.js'
import { fromHex } from '../bytes/hex.js'
import { fetchReceipt, fetchReceipts, openReceiptLink, type ReceiptSource } from '../client/receipt-assembly.js'
import { ClientError } from '../client/client-error.js'
import { FollowedRelay } from '../client/followed-relay.js'
import { relayOf } from '../client/relay-address.js'
import type { SignedHandOver } from '../proofs/checkpoint.js'
import { writeHandOvers } from '../store/hand-overs.js'
import { demoKeysIn } from './demo-keys.js'
import {
  DATA_FLAG,
  integerFlag,
  parseFlags,
  RELAY_FLAG,
  relayFlag,
  URL_FLAG,
  urlFlag,
  UsageError,
  type Flags,
} from './flags.js'
import type { Io } from './io.js'
import { cardFrom, told } from './merchant.js'
import { CHAIN_FLAG, relayGiven, relaysIn } from './relay-address.js'
import { formedReceipt, RECEIPT_FORMATS, type ReceiptFormat } from './receipt-forms.js'

const RECEIPT_HELP = `\
cairn receipt ORDER [--out FILE] [--format FORM] [--url URL] [--shop ID] [--card FILE]
              [--relay ADDRESS,…|chain] [--chain FILE] [--data DIR]
cairn receipt --all DIR [the same]

Fetches the receipt of an order: a file that proves it offline, years later, from the relay's address alone (cairn
verify). What cannot be verified is not written. A receipt holds name, address and e-mail of who ordered.

  ORDER          the order's id
  --out FILE     where to write it; left out, to stdout: cairn receipt 42 > order.cairn. To a terminal only what is
                 text, a tlog-proof
  --all DIR      of all orders that the card sees, as DIR/order-ID.FORM: a merchant's, those of his shop
  --format FORM  cairn, or one that other tools verify: tlog-proof, cose; what does not fit into the file is written
                 beside it, as FILE.binding and the like, where --out names one
  --card FILE    a key card: of the guest whose order it is, or of staff; left out, the guests of the demo shop
  --shop ID      left out, the demo shop
  --relay        the relay's address, or one that it had before a change of its key: its hand-overs are followed, and
                 written beside FILE as FILE.handovers. chain: the owner of the relay's token, asked of --chain.
                 Left out, a development relay is asked for its own
  --chain FILE   for --relay chain: a file as for cairn serve; default dev
  --data DIR     where the demo's keys and its relay's are, default ./cairn-data

Exit code: 0 all are written, 1 something is not.`

const FLAGS = {
  url: URL_FLAG,
  shop: { kind: 'text' },
  card: { kind: 'text' },
  key: { kind: 'text' },
  relay: RELAY_FLAG,
  chain: CHAIN_FLAG,
  data: DATA_FLAG,
  out: { kind: 'text' },
  format: { kind: 'text', value: 'cairn' },
  all: { kind: 'text' },
} as const

export async function run(argv: readonly string[], io: Io): Promise<number> {
  if (argv.includes('--help')) return (io.out(RECEIPT_HELP), 0)
  try {
    const [first = ''] = argv
    const order = first.startsWith('--') || first === '' ? undefined : integerFlag('order', first)
    const flags = parseFlags(order === undefined ? argv : argv.slice(1), FLAGS)
    if ((order === undefined) === (flags.all === undefined))
      throw new UsageError('give the id of an order, or --all DIR (cairn receipt --help)')
    const format = formatOf(flags)
    // Before anything is fetched.
    if (order !== undefined && flags.out === undefined && format !== 'tlog-proof' && io.outBytes === undefined)
      throw new UsageError(`a terminal takes no bytes, as a receipt of the format ${format} has: give --out FILE`)
    const { keys, ...place } = await placeOf(flags, io)
    if (order !== undefined) {
      const fetch = (source: Source) => fetchOne(source, order, { ...flags, format }, io)
      await withEachCard(keys, place, fetch, false, io)
      return 0
    }
    const tally = { written: 0, failed: 0 }
    await withEachCard(keys, place, (source) => fetchAll(source, flags.all!, format, tally, io), true, io)
    io.err(`receipts written to ${flags.all!}: ${tally.written}; not written: ${tally.failed}`)
    return tally.failed === 0 ? 0 : 1
  } catch (error) {
    return told('cairn receipt', error, io)
  }
}

/** With one card after the other: until one sees the order, or all of them. */
async function withEachCard(
  keys: readonly Uint8Array[],
  place: Place,
  fetch: (source: Source) => Promise<void>,
  all: boolean,
  io: Io,
): Promise<void> {
  for (const [i, key] of keys.entries()) {
    const link = await openReceiptLink(place.url, key, io.signal)
    try {
      await fetch({ ...place, link })
      if (!all) return
    } catch (error) {
      if (all || !(error instanceof ClientError) || i === keys.length - 1) throw error
    } finally {
      link.close()
    }
  }
}

function formatOf({ format }: Flags<typeof FLAGS>): ReceiptFormat {
  const found = RECEIPT_FORMATS.find((name) => name === format)
  if (found === undefined) throw new UsageError(`--format is one of ${RECEIPT_FORMATS.join(', ')}, not ${format}`)
  return found
}

async function fetchOne(
  source: Source,
  order: OrderId,
  { out, format }: { readonly out?: string | undefined; readonly format: ReceiptFormat },
  io: Io,
): Promise<void> {
  const receipt = await fetchReceipt(source, order).catch((error: unknown) => {
    if (!(error instanceof ClientError) || error.code !== 'INVALID') throw error
    const problem = `order ${order} is none of this card's, or there is no such order`
    throw new ClientError('INVALID', `${problem}: give the card of its guest or of staff (--card FILE)`, {
      cause: error,
    })
  })
  if (out !== undefined) return writeReceipt(source, out, receipt, format, io)
  const { bytes, beside } = await formedReceipt(source, receipt, format)
  if (format === 'tlog-proof') io.out(new TextDecoder().decode(bytes).replace(/\n$/u, ''))
  else io.outBytes!(bytes)
  const missing = Object.keys(beside).join(' and ')
  if (missing !== '') io.err(`what is checked with it is not in it (${missing}): --out FILE writes that beside it`)
}

async function writeReceipt(
  source: Source,
  file: string,
  receipt: Uint8Array,
  format: ReceiptFormat,
  io: Io,
): Promise<void> {
  const { bytes, beside } = await formedReceipt(source, receipt, format)
  await writeFile(file, bytes, { mode: 0o600 })
  if (source.handOvers.length > 0) {
    await writeHandOvers(file, source.handOvers)
    io.err(`${file}.handovers belongs to it: the relay's key came after the one that is known`)
  }
  for (const [name, part] of Object.entries(beside)) {
    await writeFile(`${file}.${name}`, part, { mode: 0o600 })
    io.err(`${file}.${name} belongs to it`)
  }
}

/** One file each. Those that cannot be made are told and do not stop the others. */
async function fetchAll(
  source: Source,
  folder: string,
  format: ReceiptFormat,
  tally: { written: number; failed: number },
  io: Io,
): Promise<void> {
  await mkdir(folder, { recursive: true })
  await fetchReceipts(source, 'all', async (id, receipt) => {
    source.signal?.throwIfAborted()
    const file = join(folder, `order-${id}.${format}`)
    const outcome = receipt instanceof Uint8Array ? await written(source, file, receipt, format, io) : receipt
    if (outcome === undefined) {
      io.out(file)
      tally.written++
    } else if (outcome.code !== 'NOT_FOUND' || outcome.objectId === undefined) {
      io.err(`cairn receipt: order ${id}: ${outcome.message}`)
      tally.failed++
    }
  })
}

/** What went wrong with this one; undefined if it is there. */
async function written(...receipt: Parameters<typeof writeReceipt>): Promise<ClientError | undefined> {
  try {
    await writeReceipt(...receipt)
    return undefined
  } catch (error) {
    if (error instanceof ClientError && error.code !== 'ABORTED') return error
    throw error
  }
}

interface RelayKeys {
  readonly relays: readonly Uint8Array[]
  /** By which the later ones of them came; whoever knows the first alone needs them beside the file. */
  readonly handOvers: readonly SignedHandOver[]
}
type Source = ReceiptSource & RelayKeys
type Place = Omit<Source, 'link'>

async function placeOf(flags: Flags<typeof FLAGS>, io: Io): Promise<Place & { readonly keys: readonly Uint8Array[] }> {
  const demo =
    flags.shop === undefined || (flags.card ?? flags.key) === undefined ? await demoKeysIn(flags.data) : undefined
  const shop = flags.shop ?? demo?.shop
  if (shop === undefined) throw new UsageError(`there is no demo shop in ${flags.data}: give --shop ID`)
  const file = flags.card ?? flags.key
  if (file === undefined && demo === undefined)
    throw new UsageError(`there is no demo shop in ${flags.data}: give --card FILE`)
  const url = urlFlag('url', flags.url)
  const place = { url, shop: integerFlag('shop', shop) }
  return {
    ...place,
    // The demo holds the session of its merchant's card.
    keys: file === undefined ? demo!.guests.map(fromHex) : [await cardFrom(file)],
    ...(await relaysOf(place, flags, io)),
    signal: io.signal,
  }
}

/**
 * Those that the flags name, with those that came after them; else a development relay's own, and those before it where
 * its data are at hand.
 */
async function relaysOf(place: { readonly url: string; readonly shop: ShopId }, flags: Flags<typeof FLAGS>, io: Io) {
  const { relay, data } = flags
  const named = relay.split(',')
  if (named.length > 1 && named.some((one) => one === 'development' || one === 'chain'))
    throw new UsageError('--relay names addresses with commas between, or none')
  const options = { ...place, signal: io.signal, onNotice: io.err }
  const known =
    named.length > 1
      ? new FollowedRelay(named.map(relayFlag).map(fromHex))
      : await relayOf({ ...options, relay: relayGiven(flags) })
  const own = relay === 'development' ? await relaysIn(data) : undefined
  if (own !== undefined && equalBytes(own.at(-1)!, known.keys[0]!)) return { relays: own, handOvers: [] }
  const { length } = known.keys
  await known.follow(options)
  return { relays: known.keys, handOvers: known.keys.length > length ? known.handOvers : [] }
}
