/**
 * `cairn watch`: a visitor's live, verified feed of one listing.
 * Tests: test/cli/serve.test.ts, test/cli/chain-commands.test.ts
 */

import { connect, ClientError, type Snapshot } from '../client/shop-client.js'
import type { Listing } from '../objects/listing.js'
import { integerFlag, parseFlags, relayFlag, urlFlag, UsageError } from './flags.js'
import type { Io } from './io.js'

export const WATCH_HELP = `cairn watch --url URL --shop ID --listing ID [--relay ADDRESS] [--json]

Prints the listing each time it changes. Every set is checked before it is shown: signature, signer, proofs, order.

  --relay ADDRESS  the relay's address; left out, a development relay is asked for its own
  --json           a JSON object per line
`

const FLAGS = {
  url: { kind: 'text', value: 'http://127.0.0.1:4444' },
  shop: { kind: 'text', required: true },
  listing: { kind: 'text', required: true },
  relay: { kind: 'text', value: 'development' },
  json: { kind: 'switch', value: false },
} as const

export async function run(argv: readonly string[], io: Io): Promise<number> {
  if (argv.includes('--help')) return (io.out(WATCH_HELP), 0)
  try {
    const flags = parseFlags(argv, FLAGS)
    const id = integerFlag('listing', flags['listing'])
    const client = await connect({
      url: urlFlag('url', flags['url']),
      shop: integerFlag('shop', flags['shop']),
      relay: relayFlag(flags['relay']),
      only: [{ listing: id }],
      signal: io.signal,
      onNotice: io.err,
    })
    const stopped = new Promise<'stopped'>((resolve) =>
      io.signal.addEventListener('abort', () => resolve('stopped'), { once: true }),
    )
    return await Promise.race([show(client.listing(id), Boolean(flags['json']), io), stopped.then(() => 0)])
  } catch (error) {
    if (io.signal.aborted) return 0
    if (!(error instanceof UsageError) && !(error instanceof ClientError)) throw error
    io.err(`cairn watch: ${error.message}`)
    return 1
  }
}

async function show(listing: AsyncIterable<Snapshot<Listing>>, json: boolean, io: Io): Promise<number> {
  for await (const snapshot of listing) {
    if (snapshot.status === 'failed') {
      io.err(`cairn watch: what the relay sent does not verify: ${snapshot.error?.message ?? ''}`)
      return 1
    }
    // What is shown while the backlog comes may be of the past.
    if (snapshot.status !== 'loading') io.out(json ? asJson(snapshot) : asText(snapshot))
  }
  return 0
}

function asText({ data, verified }: Snapshot<Listing>): string {
  if (data === undefined) return 'there is no such listing'
  return `set ${verified?.seq} ✓  ${data.Metadata.Title}  price ${data.Price}${data.ViewState === 1n ? '' : '  (not published)'}`
}

function asJson({ status, data, verified }: Snapshot<Listing>): string {
  const listing =
    data === undefined
      ? null
      : {
          id: String(data.ID),
          title: data.Metadata.Title,
          price: String(data.Price),
          viewState: Number(data.ViewState),
        }
  return JSON.stringify({ status, seq: verified === undefined ? null : Number(verified.seq), listing })
}
