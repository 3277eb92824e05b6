/**
 * `cairn page`: the page that checks receipts, with the operator's relay built in.
 *
 * Tests: test/e2e/verify-page.test.ts
 */

import { writeFile } from 'node:fs/promises'
import { builtPage, verifyPageFor } from '../relay/pages.js'
import { parseFlags, relayFlag, UsageError } from './flags.js'
import type { Io } from './io.js'

const PAGE_HELP = `\
cairn page --relay 0x… [--registry CHAIN:0x…] --out FILE

Writes the page that checks order receipts: one HTML file that asks no network, to be put on the shop's own site. The
address in it is yours to vouch for: who reads the page takes it from you. Several after a change of the relay's key,
with commas between.

  --relay     the address of your relay, which it prints at its start
  --registry  the shop registry, if receipts with an anchor are to be taken
  --out FILE  where to write it

Exit code: 0 written, 1 not.`

const FLAGS = {
  relay: { kind: 'text', required: true },
  registry: { kind: 'text' },
  out: { kind: 'text', required: true },
} as const

export async function run(argv: readonly string[], io: Io): Promise<number> {
  if (argv.includes('--help')) return (io.out(PAGE_HELP), 0)
  try {
    const { relay, registry = '', out } = parseFlags(argv, FLAGS)
    const addresses = relay.split(',').map((text) => `0x${relayFlag(text).replace(/^0x/iu, '').toLowerCase()}`)
    if (relay.includes('development')) throw new UsageError("--relay must be the relay's address, 0x and 40 digits")
    if (registry !== '' && !/^[0-9]+:0x[0-9a-f]{40}$/iu.test(registry))
      throw new UsageError('--registry is CHAIN:0x… , a chain id and an address of 40 digits')
    const page = builtPage('verify')
    if (page === undefined) throw new UsageError('the page is not built: npm run build')
    const named = { addresses: addresses.join(' '), namedBy: 'operator', registries: registry } as const
    await writeFile(out, verifyPageFor(page, named))
    io.err(`${out} is written: put it where your customers find it`)
    return 0
  } catch (error) {
    if (!(error instanceof UsageError) && (error as NodeJS.ErrnoException).code === undefined) throw error
    io.err(`cairn page: ${(error as Error).message}`)
    return 1
  }
}
