/** `cairn verify`: whether a receipt, or checkpoints, are what a shop's relay signed; offline. */

import { readFile } from 'node:fs/promises'
import { readAddress } from '../bytes/abi.js'
import { fromHex, prefixedHex, toHex } from '../bytes/hex.js'
import { findAnchorCall } from '../chain/anchor-call.js'
import { ChainUnreachable, type TransactionChain } from '../chain/chain.js'
import { ownerOfCall } from '../wire/registry-calls.js'
import { openChain } from '../chain/rpc-chain.js'
import { ClientError } from '../client/client-error.js'
import { HAND_OVERS_PATH } from '../client/followed-relay.js'
import { bytesFromRelay } from '../client/relay-http.js'
import { formOf, NoteError, readWitnessKey, type WitnessPolicy } from '../notes/forms.js'
import { checkpointDigest } from '../proofs/checkpoint-form.js'
import { CheckpointError, relaysAfter, type SignedHandOver } from '../proofs/checkpoint.js'
import { decodeHandOvers } from '../proofs/hand-over.js'
import type { ExpectedReceipt } from '../proofs/receipt.js'
import { receiptReport, reportWithAnchor, type AnchorFinding, type ReportTrust } from '../proofs/receipt-report.js'
import { SettingsError } from '../settings/settings.js'
import { HandOversError, readHandOvers } from '../store/hand-overs.js'
import { chainSettingsOf } from './chains.js'
import { integerFlag, relayFlag, urlFlag, UsageError } from './flags.js'
import type { Io } from './io.js'
import { namedIn, namedInForm, type NamedRelay } from './named-relay.js'
import { receiptJson, receiptLines } from './receipt-lines.js'
import { whyUnread } from './unread-file.js'
import { formReport, readBeside } from './verify-forms.js'
import { checkpointReport, isCheckpointFile, namedInCheckpoint } from './verify-checkpoints.js'

const VERIFY_HELP = `\
cairn verify FILE [--relay 0x… …] [--chain FILE] [--registry CHAIN:0x… …] [--shop ID] [--order ID]
             [--hand-overs FILE|URL] [--witness KEY …] [--witnesses N] [--json]
cairn verify CHECKPOINT [CHECKPOINT] --relay 0x… … [--hand-overs FILE|URL] [--json]

Tells whether an order receipt is what a shop's relay signed. It needs the file and the relay's address, and no network.
Of one checkpoint, or of a relay's answer about a set of its log, it tells whether the relay signed it, of two whether
they can both be true: if not, it names the kind of evidence against the relay (of a whole log cairn audit does).
A tlog-proof or a COSE receipt is read too; what is not in it stands beside it, as FILE.binding and FILE.receipt or
FILE.statement.

  --relay     the address of the shop's relay, as the shop tells it; several after a change of its key. Without one
              nothing is said to match
  --chain     of a receipt: asks a chain for it instead, the owner of the relay token that the receipt names; and
              whether what the receipt says is anchored stands there. A file as for cairn serve, or dev
  --registry  a shop registry that you know; without one an anchor in the receipt counts for nothing. Nothing is
              looked for there: for that give --chain
  --hand-overs  a file of hand-overs, as cairn key rotate keeps them, or the URL of the relay: keys that came after
                --relay are the relay's too. Left out, FILE.handovers is read if it is there
  --witness   the key of a witness, name+hash+base64, whose cosignature the note of a tlog-proof has to have; may come
              again
  --witnesses how many of those named have to have cosigned, all if left out; with 0 they are counted alone
  --shop, --order  what it has to be a receipt of
  --json      one line of JSON for a program

Exit code: 0 matches, 1 does not match, 2 unreadable or wrong usage, 3 cannot decide (unknown key, newer format).`

interface VerifyFlags {
  readonly files: readonly string[]
  readonly relays: readonly Uint8Array[]
  readonly registries: readonly (readonly [bigint, Uint8Array])[] | undefined
  readonly chain: string | undefined
  readonly handOvers: string | undefined
  readonly witnesses: WitnessPolicy | undefined
  readonly expected: ExpectedReceipt
  readonly json: boolean
}

export async function run(argv: readonly string[], io: Io): Promise<number> {
  if (argv.includes('--help')) return (io.out(VERIFY_HELP), 0)
  try {
    const flags = readFlags(argv)
    const files = await Promise.all(flags.files.map(readWhole))
    const checkpoints = files.filter(isCheckpointFile).length
    if (files.length === checkpoints && flags.chain !== undefined)
      throw new UsageError('--chain is for receipts: name the keys of the relay with --relay, and --hand-overs')
    if (files.length === checkpoints && flags.witnesses !== undefined) throw new UsageError(NO_COSIGNATURES)
    if (files.length === checkpoints) {
      const relays = await handedOver(namedInCheckpoint(files[0]!), flags.relays, flags)
      return checkpointReport(files, relays, { json: flags.json }, io)
    }
    if (files.length > 1) throw new UsageError('one receipt at a time, or two checkpoints')
    return await verifyOne(files[0]!, flags, io)
  } catch (error) {
    const kinds = [UsageError, SettingsError, ChainUnreachable]
    if (!kinds.some((kind) => error instanceof kind)) throw error
    io.err(`cairn verify: ${(error as Error).message}`)
    return 2
  }
}

async function verifyOne(bytes: Uint8Array, flags: VerifyFlags, io: Io): Promise<number> {
  const form = formOf(bytes)
  if (flags.witnesses !== undefined && form !== 'tlog-proof') throw new UsageError(NO_COSIGNATURES)
  const beside = form === undefined ? {} : await readBeside(flags.files[0]!)
  const whose = form === undefined ? namedIn(bytes) : namedInForm(bytes, beside)
  const named: OnChain = flags.chain === undefined ? flags : await trustOfChain(whose, flags, flags.chain)
  const relays = await handedOver(whose, named.relays, flags)
  const trust = { relays, registries: named.registries }
  if (form !== undefined) return formReport(bytes, beside, { trust, ...flags }, io)
  const offline = receiptReport(bytes, trust, flags.expected)
  const report = named.anchor === undefined ? offline : reportWithAnchor(offline, named.anchor)
  if (flags.json) io.out(JSON.stringify(receiptJson(report)))
  else for (const line of receiptLines(report, { isOffline: flags.chain === undefined })) io.out(line)
  return report.exitCode
}

const NO_COSIGNATURES = '--witness and --witnesses are for tlog-proofs: nothing else carries cosignatures'

/** What a chain says of a receipt. */
interface OnChain extends ReportTrust {
  /** Of its Anchor; undefined if it has none, or nobody looked for it. */
  readonly anchor?: AnchorFinding | undefined
}

/**
 * The registry of the chain file, and the owners of the relay token there: at a receipt's anchor's block or, where the
 * chain does not show that anchor, now.
 */
async function trustOfChain(
  named: NamedRelay | undefined,
  { relays, registries }: VerifyFlags,
  name: string,
): Promise<OnChain> {
  const settings = chainSettingsOf({ chain: name })
  if (settings === undefined) throw new UsageError('--chain none has no relay tokens: give --relay')
  const { registry, chains } = settings
  const known = [...(registries ?? []), [registry.chainId, registry.shops] as const]
  if (named === undefined) return { relays, registries: known }
  if (named.chainId !== registry.chainId || toHex(named.registry) !== toHex(registry.shops))
    throw new UsageError(
      `the receipt is of registry ${prefixedHex(named.registry)} on chain ${named.chainId}, and --chain has ` +
        `${prefixedHex(registry.shops)} on chain ${registry.chainId}`,
    )
  const row = chains.find(({ chainId }) => chainId === registry.chainId)!
  const chain = openChain(row)
  try {
    const anchor = named.anchored && (await anchorOn(chain, row.depth, registry.shops, named.anchored))
    const call = { to: registry.relays, data: ownerOfCall(named.relay) }
    const owners = await Promise.all(
      blocksOf(named, anchor).map(async (blockNumber) => {
        const owner = readAddress(await chain.call(blockNumber === undefined ? call : { ...call, blockNumber }))
        if (owner !== undefined) return owner
        throw new UsageError(`relay token ${named.relay} has no owner on chain ${registry.chainId}`)
      }),
    )
    return { relays: [...relays, ...owners], registries: known, anchor }
  } finally {
    chain.close()
  }
}

function blocksOf({ anchored, blocks }: NamedRelay, anchor: AnchorFinding | undefined): NamedRelay['blocks'] {
  if (anchored === undefined) return blocks
  return [anchor?.outcome === 'found' ? anchored.anchor.Block : undefined]
}

/** Whether the call is where the receipt says, so deep that it counts. Rejects with ChainUnreachable. */
async function anchorOn(
  chain: TransactionChain,
  depth: bigint,
  contract: Uint8Array,
  { shop: shopId, anchor }: NonNullable<NamedRelay['anchored']>,
): Promise<AnchorFinding> {
  const {
    Tx: tx,
    Block,
    Checkpoint: [checkpoint],
  } = anchor
  const found = await findAnchorCall(chain, { contract, tx, shopId, digest: checkpointDigest(checkpoint), depth })
  if (found.outcome !== 'found' || found.block === Block) return found
  return { outcome: 'other', reason: `transaction ${prefixedHex(tx)} is in block ${found.block}, not in ${Block}` }
}

/** With the keys that hand-overs lead to. Throws UsageError where a place that was named has none of the relay's. */
async function handedOver(
  named: NamedRelay | undefined,
  relays: readonly Uint8Array[],
  { handOvers: place, files: [file] }: VerifyFlags,
): Promise<readonly Uint8Array[]> {
  if (named === undefined) return relays
  const identity = { ChainID: named.chainId, Registry: named.registry, Relay: named.relay }
  try {
    const handOvers = await handOversAt(place ?? file!)
    if (handOvers.length === 0 && place !== undefined) throw new UsageError(`there are no hand-overs at ${place}`)
    return relaysAfter(handOvers, relays, identity)
  } catch (error) {
    if (error instanceof HandOversError || error instanceof CheckpointError || error instanceof ClientError)
      throw new UsageError(`${place ?? `${file}.handovers`}: ${error.message}`)
    throw error
  }
}

/** Of a relay, or of a file that may be named with or without its ending. */
async function handOversAt(place: string): Promise<readonly SignedHandOver[]> {
  if (!/^https?:/iu.test(place)) return readHandOvers(place.replace(/\.handovers$/u, ''))
  return decodeHandOvers(await bytesFromRelay({ url: urlFlag('hand-overs', place) }, HAND_OVERS_PATH))
}

async function readWhole(file: string): Promise<Uint8Array> {
  let bytes: Uint8Array
  try {
    bytes = new Uint8Array(await readFile(file))
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${whyUnread(error)}`)
  }
  if (isSecret(bytes)) throw new UsageError(`${file} is a secret key, and no receipt: show it to nobody`)
  return bytes
}

/** Whether a file has the form of a key card, a wallet or a relay's key, of which nothing may be shown. */
function isSecret(bytes: Uint8Array): boolean {
  return /^\s*(?:(?:0x)?[0-9a-f]{64}\s*$|CAIRN-CARD:)/iu.test(Buffer.from(bytes.subarray(0, 200)).toString('latin1'))
}

/** `--relay` and `--registry` take one or more words, and may come again. Throws UsageError. */
function readFlags(argv: readonly string[]): VerifyFlags {
  const words = new Map<string, string[]>()
  let name = ''
  for (const word of argv.flatMap(splitInline)) {
    if (word.startsWith('--')) {
      if (!FLAGS.has(word)) throw new UsageError(`there is no ${word}; known are ${[...FLAGS].join(', ')}`)
      name = word === '--json' ? '' : word
      words.set(word, words.get(word) ?? [])
      continue
    }
    // Behind an address that is none, a word is a file: cairn verify --relay 0x… order.cairn.
    const place = MANY[name]?.test(word) === false && words.get(name)!.length > 0 ? '' : name
    words.set(place, [...(words.get(place) ?? []), word])
    if (MANY[place] === undefined) name = ''
  }
  return flagsOf(words)
}

const FLAGS: ReadonlySet<string> = new Set([
  '--relay',
  '--chain',
  '--registry',
  '--shop',
  '--order',
  '--hand-overs',
  '--witness',
  '--witnesses',
  '--json',
])
/** Flags that take several words, and what these look like. */
const MANY: Readonly<Record<string, RegExp>> = {
  '--relay': /^(0x)?[0-9a-f]{40}$/iu,
  '--registry': /:/u,
  '--witness': /\+[0-9a-f]{8}\+/u,
}

function splitInline(word: string): string[] {
  const [, name, value] = /^(--[^=]+)=(.*)$/su.exec(word) ?? []
  return name === undefined ? [word] : [name, value!]
}

function flagsOf(words: ReadonlyMap<string, readonly string[]>): VerifyFlags {
  for (const [name, values] of words)
    if (name !== '' && name !== '--json' && values.length === 0) throw new UsageError(`${name} needs a value`)
  const files = words.get('') ?? []
  if (files.length === 0 || files.length > 2)
    throw new UsageError(`${files.length} files: give a receipt, or one or two checkpoints (cairn verify --help)`)
  const integer = (name: string) => {
    const text = words.get(`--${name}`)?.at(-1)
    return text === undefined ? undefined : integerFlag(name, text)
  }
  const [shop, order] = [integer('shop'), integer('order')]
  return {
    files,
    relays: (words.get('--relay') ?? []).map((text) => fromHex(relayFlag(text).replace(/^0x/iu, '').toLowerCase())),
    registries: words.get('--registry')?.map(registryOf),
    chain: words.get('--chain')?.at(-1),
    handOvers: words.get('--hand-overs')?.at(-1),
    witnesses: witnessesOf(words.get('--witness') ?? [], integer('witnesses')),
    expected: { ...(shop !== undefined && { ShopID: shop }), ...(order !== undefined && { Order: order }) },
    json: words.has('--json'),
  }
}

function registryOf(text: string): readonly [bigint, Uint8Array] {
  const [, chain, address] = /^([0-9]+):(?:0x)?([0-9a-f]{40})$/iu.exec(text) ?? []
  if (chain === undefined) throw new UsageError('--registry is CHAIN:0x… , a chain id and an address of 40 digits')
  return [BigInt(chain), fromHex(address!.toLowerCase())]
}

/** Throws UsageError for a text that is no key, and where fewer keys are named than have to have cosigned. */
function witnessesOf(keys: readonly string[], atLeast: bigint | undefined): WitnessPolicy | undefined {
  if (keys.length === 0 && atLeast === undefined) return undefined
  try {
    const named = new Map(keys.map(readWitnessKey).map((witness) => [toHex(witness.key), witness]))
    if (atLeast !== undefined && atLeast > named.size)
      throw new UsageError(`--witnesses ${atLeast}: there are ${named.size} keys with --witness`)
    return { known: [...named.values()], atLeast: Number(atLeast ?? named.size) }
  } catch (error) {
    if (!(error instanceof NoteError)) throw error
    throw new UsageError(`--witness: ${error.message}`)
  }
}
