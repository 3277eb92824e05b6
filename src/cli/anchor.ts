/**
 * `cairn anchor`: a shop's owner anchors a checkpoint of his relay's in the shop registry (PROOFS §3).
 *
 * Tests: test/e2e/anchor.test.ts
 */

import { readAddress, readWord } from '../bytes/abi.js'
import type { Seq, ShopId } from '../brands.js'
import { equalBytes } from '../bytes/bytes.js'
import { prefixedHex } from '../bytes/hex.js'
import { nextAnchorNonce } from '../chain/anchor-call.js'
import {
  getAllRelaysCall,
  ownerOfCall,
  readRelays,
  rootHashCall,
  rootNonceCall,
  updateRootHashCall,
} from '../wire/registry-calls.js'
import { FollowedRelay } from '../client/followed-relay.js'
import { bytesFromRelay } from '../client/relay-http.js'
import { CheckpointError } from '../proofs/checkpoint-error.js'
import {
  decodeCheckpoint,
  requireIdentity,
  verifyCheckpoint,
  verifyLast,
  type VerifiedCheckpoint,
} from '../proofs/checkpoint-form.js'
import { readLogProofAnswer } from '../wire/proof-payloads.js'
import { ProofPayloadError } from '../wire/snapshot-payloads.js'
import { integerFlag, parseFlags, URL_FLAG, urlFlag, UsageError } from './flags.js'
import type { Io } from './io.js'
import { newestSeq } from './newest-seq.js'
import { DEVELOPMENT_ACCOUNTS, told, WALLET_FLAGS, WALLET_HELP, walletOfFlags, type ChainWallet } from './merchant.js'

const ANCHOR_HELP = `cairn anchor --shop ID [--url URL] [--seq N] [--print] [--chain FILE] [--wallet FILE]

Takes the relay's newest checkpoint of the shop, verifies who signed it, and writes its digest into the shop registry:
from then on the relay cannot deny what the shop was. The wallet has to be the shop's owner, or hold permission 2. A
relay with --anchor owner tells in its log which checkpoint it has computed anew, and follows what was sent.

  --shop ID      the shop
  --seq N        the checkpoint of this set instead, such as the one that the relay computed anew
  --print        sends nothing: prints contract and call data, for another wallet
${WALLET_HELP}

Exit code: 0 it is in the registry, or was already; 1 not.`

const FLAGS = {
  url: URL_FLAG,
  shop: { kind: 'text', required: true },
  seq: { kind: 'number' },
  print: { kind: 'switch' },
  ...WALLET_FLAGS,
} as const

export async function run(argv: readonly string[], io: Io): Promise<number> {
  if (argv.includes('--help')) return (io.out(ANCHOR_HELP), 0)
  try {
    const flags = parseFlags(argv, FLAGS)
    const [url, shop] = [urlFlag('url', flags.url), integerFlag('shop', flags.shop)]
    const wallet = walletOfFlags(flags, io, { account: DEVELOPMENT_ACCOUNTS.merchant })
    const seq = flags.seq ?? (await newestSeq({ url, signal: io.signal }, shop))
    const checkpoint = await checkpointOf({ url, shop, seq }, wallet, io.signal)
    await anchor(checkpoint, { shop, print: flags.print }, wallet, io)
    return 0
  } catch (error) {
    if (error instanceof CheckpointError || error instanceof ProofPayloadError) {
      io.err(`cairn anchor: what the relay answers cannot be anchored: ${error.message}`)
      return 1
    }
    return told('cairn anchor', error, io)
  }
}

async function anchor(
  { fields, digest }: VerifiedCheckpoint,
  { shop, print }: { readonly shop: ShopId; readonly print: boolean },
  wallet: ChainWallet,
  io: Io,
): Promise<void> {
  const { shops } = wallet.chains.registry
  const what = `checkpoint ${fields.Seq} of shop ${shop}, digest ${prefixedHex(digest)}`
  const root = await wallet.read({ to: shops, data: rootHashCall(shop) })
  if (root !== undefined && equalBytes(root, digest)) return io.out(`${what}: anchored already`)
  const last = readWord(await wallet.read({ to: shops, data: rootNonceCall(shop) })) ?? 0n
  const nonce = nextAnchorNonce(last, fields.Seq)
  if (nonce === undefined)
    throw new UsageError(
      `the shop's nonce in the registry is ${last}, the highest there is: it can be anchored no more`,
    )
  const data = updateRootHashCall(shop, digest, nonce)
  if (print) {
    io.err(`${what}, nonce ${nonce}; nothing was sent`)
    io.out(`to   ${prefixedHex(shops)}`)
    io.out(`data ${prefixedHex(data)}`)
    return
  }
  const tx = await wallet.send({ to: shops, data })
  io.out(`${what}: anchored with nonce ${nonce} in transaction ${tx}`)
}

/**
 * As it was first signed, which is the same for ever. Rejects with CheckpointError, ProofPayloadError, UsageError,
 * ClientError.
 */
async function checkpointOf(
  { url, shop, seq }: { readonly url: string; readonly shop: ShopId; readonly seq: Seq },
  wallet: ChainWallet,
  signal: AbortSignal,
): Promise<VerifiedCheckpoint> {
  const answer = readLogProofAnswer(await bytesFromRelay({ url, signal }, `/v5/shops/${shop}/log/${seq}?at=${seq}`))
  const { registry } = wallet.chains
  const tokens = readRelays(await wallet.read({ to: registry.shops, data: getAllRelaysCall(shop) }))
  const calls = tokens.map((token) => wallet.read({ to: registry.relays, data: ownerOfCall(token) }))
  const relays = (await Promise.all(calls)).flatMap((owner) => readAddress(owner) ?? [])
  if (relays.length === 0) throw new UsageError(`shop ${shop} names no relay in the registry`)
  const named = decodeCheckpoint(answer.Checkpoint[0]).Relay
  const identity = {
    ChainID: registry.chainId,
    Registry: registry.shops,
    Relay: tokens.includes(named) ? named : tokens[0]!,
  }
  // A key that came after that of the token's owner, until the token is his.
  const relay = new FollowedRelay(relays, identity)
  await relay.follow({ url, signal })
  const checkpoint = verifyCheckpoint(answer.Checkpoint, relay.keys)
  const { ChainID, Registry, Relay, ShopID } = checkpoint.fields
  const wanted = { ...identity, ShopID: shop }
  requireIdentity({ ChainID, Registry, Relay, ShopID }, wanted)
  verifyLast(answer.Last, checkpoint.fields)
  if (checkpoint.fields.Seq !== BigInt(seq))
    throw new UsageError(`the relay answers with checkpoint ${checkpoint.fields.Seq}, not ${seq}`)
  return checkpoint
}
