/**
 * `cairn key`: makes the relay's key, shows whose it is, and hands over to a new one.
 *
 * Tests: test/cli/key.test.ts
 */

import { existsSync } from 'node:fs'
import { link } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { addressOf, publicKeyOf } from '#signature'
import { equalBytes, fromBigEndian } from '../bytes/bytes.js'
import { prefixedHex, toHex } from '../bytes/hex.js'
import { formatRfc3339 } from '../codec/time.js'
import { CborTime } from '../codec/value.js'
import { relayIdentity } from '../chain/registry.js'
import { DevelopmentRegistry } from '../chain/development-registry.js'
import { syncDirectory } from '../disk/sync-directory.js'
import { moveInto } from '../disk/whole-file.js'
import { readHandOver, signHandOver, type RelayIdentity, type SignedHandOver } from '../proofs/hand-over.js'
import { KEY_VARIABLE, KeyFileError, makeKeyFile, readKeyFile, readKeyVariable } from '../settings/relay-key.js'
import { SettingsError } from '../settings/settings.js'
import { HandOversError, keysUpTo, readHandOvers, writeHandOvers } from '../store/hand-overs.js'
import { lock } from '../store/lock.js'
import { StoreError } from '../store/store-error.js'
import { chainSettingsOf } from './chains.js'
import { DATA_FLAG, parseFlags, UsageError } from './flags.js'
import type { Io } from './io.js'

const KEY_HELP = `cairn key make|show|rotate [--data DIR] [--relay-key-file FILE] [--chain none|dev[:PORT]|FILE]

make    makes the relay's secret key, if there is none yet: a file that its owner alone may read (mode 600)
show    tells address and public key, and which keys were before it; never the key itself
rotate  makes a new key. The old one signs a hand-over to it, which is kept beside it (FILE.handovers): whoever trusts
        the old address can follow it to the new one. The old key is kept as FILE.ADDRESS. Stop the relay before, and
        start it again; on a chain the relay's token then goes to the new address

  --data DIR             of the relay; the default is that of cairn serve
  --relay-key-file FILE  where the key is, if it is not relay.key in DIR
  --chain FILE           rotate: as the relay is started with (none, dev, dev:PORT or a file), for the hand-over says
                         which relay's key it is

show also takes the key that is in ${KEY_VARIABLE}.
Exit code: 0 done, 1 failed.`

const FLAGS = {
  data: DATA_FLAG,
  'relay-key-file': { kind: 'text' },
  chain: { kind: 'text', value: 'none' },
} as const

const VERBS = ['make', 'show', 'rotate']

export async function run([verb, ...argv]: readonly string[], io: Io): Promise<number> {
  if (verb === '--help' || argv.includes('--help')) return (io.out(KEY_HELP), 0)
  try {
    if (verb === undefined || !VERBS.includes(verb))
      throw new UsageError(`it needs a verb: make, show or rotate (more: cairn key --help)`)
    const flags = parseFlags(argv, FLAGS)
    const file = flags['relay-key-file'] ?? join(flags.data, 'relay.key')
    if (verb === 'make') await make(file, io)
    else if (verb === 'show') await show(file, io)
    else await withoutRelay(flags.data, () => rotate(file, flags.chain, io))
    return 0
  } catch (error) {
    if (!EXPECTED.some((kind) => error instanceof kind)) throw error
    io.err(`cairn key: ${(error as Error).message}`)
    return 1
  }
}

const EXPECTED = [UsageError, SettingsError, KeyFileError, HandOversError, StoreError] as const

async function make(file: string, io: Io): Promise<void> {
  refuseVariable(io)
  if ((await readKeyFile(file)) !== undefined) throw new KeyFileError(`${file} holds a key: cairn key show tells of it`)
  const secret = await makeKeyFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw new KeyFileError(`${file} cannot be made (${cause.message}): make its folder first`, { cause })
  })
  await syncDirectory(dirname(file))
  tell(secret, file, [], io)
}

async function show(file: string, io: Io): Promise<void> {
  const text = io.env[KEY_VARIABLE]
  if (text !== undefined && text !== '') tell(readKeyVariable(text), KEY_VARIABLE, [], io)
  else tell(await keyIn(file), file, await readHandOvers(file), io)
}

/** A relay that runs would go on signing with the old key. Throws StoreError if one has the data. */
async function withoutRelay(data: string, work: () => Promise<void>): Promise<void> {
  if (!existsSync(data)) return work()
  const release = await lock(data)
  try {
    await work()
  } finally {
    await release()
  }
}

async function rotate(file: string, chain: string, io: Io): Promise<void> {
  refuseVariable(io)
  const secret = await keyIn(file)
  const handOvers = await readHandOvers(file)
  const From = addressOf(publicKeyOf(secret))
  const identity = identityOf(chain, keysUpTo(From, handOvers)[0]!)
  // Left there by a rotation that was interrupted.
  const fresh = `${file}.new`
  const next = (await readKeyFile(fresh)) ?? (await makeKeyFile(fresh))
  const To = addressOf(publicKeyOf(next))
  const isSigned = handOvers.map(readHandOver).some((made) => equalBytes(made.From, From) && equalBytes(made.To, To))
  if (!isSigned) {
    const Timestamp = new CborTime(BigInt(Math.floor(Date.now() / 1_000)))
    handOvers.push(signHandOver({ Version: 1n, ...identity, From, To, Timestamp }, secret))
    await writeHandOvers(file, handOvers)
  }
  const old = `${file}.${toHex(From)}`
  await link(file, old).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  await moveInto(file, fresh)
  tell(next, file, handOvers, io)
  io.err(`the old key is kept in ${old}; start the relay again`)
}

async function keyIn(file: string): Promise<Uint8Array> {
  const secret = await readKeyFile(file)
  if (secret === undefined) throw new KeyFileError(`${file} is not there: cairn key make makes it`)
  return secret
}

/** A file beside a key that nobody uses would be a slip. */
function refuseVariable(io: Io): void {
  const text = io.env[KEY_VARIABLE]
  if (text !== undefined && text !== '')
    throw new UsageError(
      `the key is in ${KEY_VARIABLE}, which it cannot change: take that away and name the key's file`,
    )
}

/** Of the relay whose first key has this address: on a development chain its token has its number. */
function identityOf(chain: string, first: Uint8Array): RelayIdentity {
  const settings = chainSettingsOf({ chain })
  if (settings === undefined) {
    return relayIdentity(new DevelopmentRegistry(() => undefined))
  }
  const { chainId, shops, relayTokenId } = settings.registry
  return { ChainID: chainId, Registry: shops, Relay: relayTokenId ?? fromBigEndian(first) }
}

function tell(secret: Uint8Array, place: string, handOvers: readonly SignedHandOver[], io: Io): void {
  const publicKey = publicKeyOf(secret)
  io.out(`address      ${prefixedHex(addressOf(publicKey))}`)
  io.out(`public key   ${prefixedHex(publicKey)}`)
  io.out(`in           ${place}`)
  for (const { From, To, Timestamp } of handOvers.map(readHandOver))
    io.out(`handed over  ${prefixedHex(From)} to ${prefixedHex(To)} at ${formatRfc3339(Timestamp.seconds)}`)
}
