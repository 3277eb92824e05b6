/**
 * `cairn watch`: a visitor's live feed of one listing, with what proves each value.
 *
 * Tests: test/cli/watch.test.ts, test/cli/serve.test.ts
 */

import { connect, ClientError, type LiveState, type ShopClient } from '../client/shop-client.js'
import type { Listing } from '../objects/listing.js'
import { SettingsError } from '../settings/settings.js'
import { demoKeysIn } from './demo-keys.js'
import { DATA_FLAG, integerFlag, parseFlags, RELAY_FLAG, URL_FLAG, urlFlag, UsageError } from './flags.js'
import type { Io } from './io.js'
import { CHAIN_FLAG, relayGiven } from './relay-address.js'

export const WATCH_HELP = `cairn watch --listing ID [--shop ID] [--url URL] [--relay ADDRESS|chain]
            [--chain FILE] [--json]

Prints the listing each time it changes, with the checkpoint that proves it: that it is what the relay signed, and that
nothing was left out. Ends with 1, and says why, when anything does not verify.

  --url URL        the relay; ${URL_FLAG.value} if left out
  --shop ID        the shop; left out, the one shop of a development relay, or the demo's in --data
  --relay ADDRESS  the relay's address, or one that it had before a change of its key; chain: the owner of the relay's
                   token, asked of --chain, where what was anchored is checked too; left out, a development relay is
                   asked for its own
  --chain FILE     for --relay chain: a file as for cairn serve; default dev, the chain of npm run dev:chain
  --data FOLDER    where a demo's shop is looked up; ${DATA_FLAG.value} if left out
  --json           a JSON object per line
`

const FLAGS = {
  url: URL_FLAG,
  shop: { kind: 'text' },
  listing: { kind: 'text', required: true },
  relay: RELAY_FLAG,
  chain: CHAIN_FLAG,
  data: DATA_FLAG,
  json: { kind: 'switch' },
} as const

export async function run(argv: readonly string[], io: Io): Promise<number> {
  if (argv.includes('--help')) return (io.out(WATCH_HELP), 0)
  let client: ShopClient | undefined
  try {
    const flags = parseFlags(argv, FLAGS)
    const id = integerFlag('listing', flags.listing)
    const url = urlFlag('url', flags.url)
    const relay = relayGiven(flags)
    const shop = flags.shop === undefined ? await shopOf(url, flags.data, io) : integerFlag('shop', flags.shop)
    client = await connect({ url, shop, relay, only: [{ listing: id }], signal: io.signal, onNotice: io.err })
    const stopped = new Promise<'stopped'>((resolve) =>
      io.signal.addEventListener('abort', () => resolve('stopped'), { once: true }),
    )
    return await Promise.race([new Feed(client, flags.json, io).show(client.listing(id)), stopped.then(() => 0)])
  } catch (error) {
    if (io.signal.aborted) return 0
    if (!EXPECTED.some((kind) => error instanceof kind)) throw error
    io.err(alarm(`cairn watch: ${(error as Error).message}`, error instanceof ClientError && isFailed(error), io))
    return 1
  } finally {
    client?.close()
  }
}

const EXPECTED = [UsageError, SettingsError, ClientError] as const

/** A development relay tells its shops; of several the demo's is meant. Throws UsageError, ClientError UNREACHABLE. */
async function shopOf(url: string, data: string, io: Io): Promise<bigint> {
  const shops = await shopsAt(url, io.signal)
  const [only, ...others] = shops
  if (only !== undefined && others.length === 0) return BigInt(only)
  const demo = await demoKeysIn(data)
  if (demo !== undefined && (shops.length === 0 || shops.includes(demo.shop))) return BigInt(demo.shop)
  if (only === undefined) throw new UsageError(`--shop is missing: the relay at ${url} does not tell its shops`)
  throw new UsageError(`--shop is missing: the relay at ${url} has ${shops.slice(0, 8).join(', ')}`)
}

/** None of a relay that is not for development. */
async function shopsAt(url: string, signal: AbortSignal): Promise<readonly string[]> {
  let response: Response
  try {
    response = await fetch(`${url}/testing/discovery`, { signal })
  } catch (error) {
    throw new ClientError('UNREACHABLE', `no relay answers at ${url}`, { cause: error })
  }
  const document = (await response.json().catch(() => ({}))) as { readonly shops?: unknown }
  const { shops } = document
  return Array.isArray(shops) ? shops.filter((shop) => typeof shop === 'string' && /^[0-9]+$/u.test(shop)) : []
}

class Feed {
  private readonly client: ShopClient
  private readonly json: boolean
  private readonly io: Io
  /** What was printed last. */
  private shown: string | undefined

  constructor(client: ShopClient, json: boolean, io: Io) {
    this.client = client
    this.json = json
    this.io = io
  }

  /** Ends where a check fails, with the exit code. */
  async show(listing: AsyncIterable<LiveState<Listing>>): Promise<number> {
    for await (const state of listing) {
      if (state.status === 'failed') return this.failed(state)
      // What is shown while the backlog comes may be of the past, and a change is proven within a second or so.
      if (state.status === 'loading' || !(state.complete || state.stale || this.client.protocol === 4)) continue
      const value = [textOf(state.data), state.stale, state.complete].join()
      if (value === this.shown) continue
      this.shown = value
      this.io.out(this.json ? asJson(state, this.client.protocol) : this.line(state))
    }
    return 0
  }

  private failed({ error, data }: LiveState<Listing>): number {
    const last = data === undefined ? '' : `; the last value, ${textOf(data)}, is not to be relied on`
    const reason = `what the relay sent does not verify: ${error?.message ?? 'no reason'}${last}`
    this.io.err(alarm(`cairn watch: ${reason}`, error !== undefined && isFailed(error), this.io))
    return 1
  }

  private line(state: LiveState<Listing>): string {
    return `${textOf(state.data)}  ${this.proof(state)}`
  }

  private proof({ verified, complete, stale }: LiveState<Listing>): string {
    if (this.client.protocol === 4) {
      const set = verified === undefined ? '' : ` in set ${verified.seq}`
      return `signed${set}, version 4: nothing proves that nothing was left out`
    }
    const proof = complete ? `✓ proven as of checkpoint ${verified!.seq}` : 'not proven'
    if (!stale) return proof
    const since = verified?.timestamp === undefined ? '' : ` of ${timeText(verified.timestamp)}`
    return `${proof}${since}, stale: the relay shows no newer one`
  }
}

function textOf(data: Listing | undefined): string {
  if (data === undefined) return 'there is no such listing'
  const unpublished = data.ViewState === 1n ? '' : '  (not published)'
  return `${data.Metadata.Title}  price ${data.Price}${unpublished}`
}

function timeText(seconds: bigint): string {
  return new Date(Number(seconds) * 1_000).toISOString().replace('.000Z', 'Z')
}

function asJson({ status, data, verified, complete, stale }: LiveState<Listing>, version: number): string {
  const listing =
    data === undefined
      ? null
      : {
          id: String(data.ID),
          title: data.Metadata.Title,
          price: String(data.Price),
          viewState: Number(data.ViewState),
        }
  const seq = verified === undefined ? null : Number(verified.seq)
  return JSON.stringify({ status, seq, complete, stale, version, listing })
}

function isFailed(error: Error): boolean {
  return error instanceof ClientError && error.code === 'VERIFICATION_FAILED'
}

/** Red on a terminal; the words say it too. */
function alarm(text: string, isAlarm: boolean, { isTerminal, env }: Io): string {
  const isRed = isAlarm && isTerminal && (env['NO_COLOR'] ?? '') === ''
  return isRed ? `\u001b[31m${text}\u001b[0m` : text
}
