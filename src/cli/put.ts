/** `cairn put`: changes a listing of the demo shop with a key card of its own. */

import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { walletOf } from './wallet.js'
import { publicKeyOf } from '#signature'
import { fromHex, toHex } from '../bytes/hex.js'
import { enrol } from '../client/enrol.js'
import { connect, ClientError, type Change } from '../client/shop-client.js'
import type { DemoKeys } from './demo-shop.js'
import { integerFlag, parseFlags, UsageError, type Value } from './flags.js'
import type { Io } from './io.js'

export const PUT_HELP = `cairn put --shop ID --listing ID (--price AMOUNT | --title TEXT | --stock PIECES) [--url URL] [--data DIR]

Changes a listing. The key card is its own: made at the first call, enrolled with the demo shop's wallet
and kept in DIR/card.key (DIR as for cairn serve, default ./cairn-data).
`

const FLAGS = {
  url: { kind: 'text', value: 'http://127.0.0.1:4444' },
  shop: { kind: 'text', required: true },
  listing: { kind: 'text', required: true },
  price: { kind: 'text' },
  title: { kind: 'text' },
  stock: { kind: 'text' },
  data: { kind: 'text', value: './cairn-data' },
} as const

export async function run(argv: readonly string[], io: Io): Promise<number> {
  if (argv.includes('--help')) return (io.out(PUT_HELP), 0)
  try {
    const flags = parseFlags(argv, FLAGS)
    const url = String(flags['url'])
    const shop = integerFlag('shop', flags['shop'])
    const changes = changesOf(integerFlag('listing', flags['listing']), flags)
    const key = await enrolledCard(url, shop, String(flags['data']), io.signal)
    const client = await connect({ url, shop, key, relay: 'development', only: [], signal: io.signal })
    try {
      const { stateHash } = await client.write(changes, { signal: io.signal })
      io.out(`done: the shop's state hash is now ${toHex(stateHash)}`)
    } finally {
      client.close()
    }
    return 0
  } catch (error) {
    if (!(error instanceof UsageError) && !(error instanceof ClientError)) throw error
    io.err(`cairn put: ${error.message}`)
    return 1
  }
}

function changesOf(listing: bigint, flags: Readonly<Record<string, Value>>): Change[] {
  const changes: Change[] = []
  if (flags['price'] !== undefined)
    changes.push({
      op: 'replace',
      path: ['Listings', listing, 'Price'],
      value: integerFlag('price', flags['price']),
    })
  if (flags['title'] !== undefined)
    changes.push({ op: 'replace', path: ['Listings', listing, 'Metadata', 'Title'], value: String(flags['title']) })
  if (flags['stock'] !== undefined)
    changes.push({ op: 'replace', path: ['Inventory', listing], value: integerFlag('stock', flags['stock']) })
  if (changes.length === 0) throw new UsageError('say what to change: --price, --title or --stock')
  return changes
}

/** The secret key of this command's card, 32 bytes. */
async function enrolledCard(url: string, shop: bigint, data: string, signal: AbortSignal): Promise<Uint8Array> {
  const file = join(data, 'card.key')
  const known = await readFile(file, 'utf8').catch(() => undefined)
  if (known !== undefined) return fromHex(known.trim())
  const demo = await readFile(join(data, 'demo.json'), 'utf8').catch(() => undefined)
  if (demo === undefined)
    throw new UsageError(`there is no demo shop in ${data}: give the --data directory of the relay`)
  const key = new Uint8Array(randomBytes(32))
  const { wallet } = JSON.parse(demo) as DemoKeys
  await enrol({ url, shop, card: publicKeyOf(key), wallet: walletOf(wallet), signal })
  await writeFile(file, `${toHex(key)}\n`, { mode: 0o600 })
  return key
}
