/**
 * Anchors on a real EVM: sent once, through restarts and re-orgs, and nothing that the log does not lead to. The thread
 * that computes anew runs what is built.
 */

import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type * as threads from 'node:worker_threads'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { readWord } from '../../../src/bytes/abi.js'
import { fromHex, prefixedHex } from '../../../src/bytes/hex.js'
import { findAnchorCall } from '../../../src/chain/anchor-call.js'
import type { TransactionChain } from '../../../src/chain/chain.js'
import { mintShopCall } from '../../../src/chain/contracts.js'
import { rootHashCall, rootNonceCall, updateRootHashCall } from '../../../src/wire/registry-calls.js'
import { openChain } from '../../../src/chain/rpc-chain.js'
import { openWallet } from '../../../src/cli/wallet.js'
import { AnchorHistory, digestOf, type AnchorEntry } from '../../../src/relay/anchor/anchor-history.js'
import { Anchors, type AnchorsOptions } from '../../../src/relay/anchor/anchors.js'
import { Revalidation } from '../../../src/relay/anchor/revalidation.js'
import { Metrics } from '../../../src/relay/instruments/metrics.js'
import { MemoryStore } from '../../../src/store/memory.js'
import { ACCOUNTS, startDevChain, type DevChain } from '../../../contracts/dev-chain.mjs'
import { AuditedData, flipped, RELAY } from '../../fixtures/audited-data.js'
import { TestClock } from '../../fixtures/turned-clock.js'

vi.mock('node:worker_threads', async (original) => {
  const real = await original<typeof threads>()
  class Worker extends real.Worker {
    constructor(file: URL, options?: threads.WorkerOptions) {
      super(builtOf(file), options)
    }
  }
  return { ...real, Worker }
})

function builtOf(file: URL): URL {
  const path = file.pathname.slice(file.pathname.indexOf('/src/') + '/src/'.length)
  return pathToFileURL(join(resolve(import.meta.dirname, '../../../dist'), path))
}

const [, OWNER, OTHER] = ACCOUNTS
const POLL_MS = 50
const NONCE_MAX = 2n ** 64n - 1n

let chain: DevChain
let snapshot: string
let written: AuditedData
let shops: Uint8Array
let directory: string
const running: (() => Promise<void>)[] = []

beforeAll(async () => {
  ;[chain, written] = await Promise.all([startDevChain(), AuditedData.written()])
  shops = fromHex(chain.addresses.shops)
  const data = prefixedHex(mintShopCall(written.shopId, fromHex(OWNER!.address)))
  await send(OWNER!.address, data)
})
beforeEach(async () => {
  snapshot = await chain.snapshot()
  directory = await mkdtemp(join(tmpdir(), 'cairn-anchor-'))
})
afterEach(async () => {
  for (const stop of running.splice(0)) await stop()
  await chain.rpc('evm_setAutomine', [true])
  await chain.revert(snapshot)
  await rm(directory, { recursive: true })
})
afterAll(() => chain.stop())

async function send(from: string, data: string): Promise<string> {
  return (await chain.rpc('eth_sendTransaction', [{ from, to: chain.addresses.shops, data }])) as string
}

function open(): TransactionChain {
  return openChain({ chainId: 31_337n, rpc: [chain.rpcUrl], pollMs: POLL_MS })
}

/** What a relay has: the log in a store, and what it signed of it. */
class Anchoring {
  readonly store = new MemoryStore()
  readonly history = new AnchorHistory(this.store)
  readonly clock = new TestClock()
  readonly lines: string[] = []
  readonly data: AuditedData
  newest = 3

  constructor(data = written) {
    this.data = data
  }

  async save(): Promise<this> {
    await this.data.saveIn(this.store)
    return this
  }

  /** Resolves with what stops it. */
  start(change: Partial<AnchorsOptions> = {}): Anchors & { end(): Promise<void> } {
    const revalidation = new Revalidation({ store: this.store, relays: [RELAY], directory })
    const own = open()
    const line = (event: string, more?: unknown) => void this.lines.push(`${event} ${textOf(more)}`)
    const anchors = new Anchors({
      chain: own,
      contract: shops,
      depth: 1n,
      wallet: walletOf(OWNER!.secret),
      everySeconds: 60,
      history: this.history,
      checkpoints: {
        newest: () => ({ seq: this.newest }),
        firstSigned: (_shopId, seq) => {
          const found = this.data.signed.find((kept) => kept.seq === seq)
          return found && [found.signed[0], found.signed[1]]
        },
      },
      shops: () => [this.data.shopId],
      revalidate: (shopId, seq, signed) => revalidation.revalidate(shopId, seq, signed),
      clock: this.clock,
      log: { info: line, warn: line, error: (event, error) => line(`${event}: ${(error as Error).message}`) },
      metrics: new Metrics(),
      ...change,
    })
    const end = async () => {
      await anchors.stop()
      await revalidation.close()
      own.close()
    }
    running.push(end)
    return Object.assign(anchors, { end })
  }

  get last(): AnchorEntry | undefined {
    return this.history.last(this.data.shopId)
  }

  async until(status: string, seq = this.newest): Promise<AnchorEntry> {
    await vi.waitFor(() => expect([this.last?.seq, this.last?.status, this.lines]).toEqual([seq, status, this.lines]), {
      timeout: 30_000,
      interval: 20,
    })
    return this.last!
  }

  async said(text: RegExp): Promise<void> {
    await vi.waitFor(() => expect(this.lines.join('\n')).toMatch(text), { timeout: 10_000, interval: 20 })
  }
}

const textOf = (fields: unknown) =>
  JSON.stringify(fields ?? '', (_name, value: unknown) => (typeof value === 'bigint' ? `${value}` : value))

const walletOf = (secret: string) => openWallet({ url: chain.rpcUrl, chainId: 31_337n, secret })

/** What the registry holds. */
async function anchored(): Promise<{ root: Uint8Array | undefined; nonce: bigint }> {
  const own = open()
  const ask = (data: Uint8Array) => own.call({ to: shops, data })
  const [root, nonce] = [await ask(rootHashCall(written.shopId)), await ask(rootNonceCall(written.shopId))]
  own.close()
  return { root, nonce: readWord(nonce)! }
}

describe('by the relay', () => {
  it('computed anew, sent, final; and the next one when it is time for it', async () => {
    const relay = await new Anchoring().save()
    relay.start()
    const entry = await relay.until('final')
    expect(await anchored()).toEqual({ root: digestOf(entry), nonce: 3n })
    expect(await readdir(directory)).toEqual([`${written.shopId}.audit`])

    const own = open()
    const query = { contract: shops, tx: entry.tx!, shopId: written.shopId, digest: digestOf(entry), depth: 1n }
    const block = entry.block!.number
    expect(await findAnchorCall(own, query)).toEqual({ outcome: 'found', block, depth: 1n, nonce: 3n })
    expect(await findAnchorCall(own, { ...query, depth: 2n })).toMatchObject({ outcome: 'not yet' })
    const others = [{ shopId: 4n }, { digest: flipped(query.digest) }, { contract: new Uint8Array(20) }]
    for (const other of others)
      expect(await findAnchorCall(own, { ...query, ...other })).toMatchObject({ outcome: 'other' })
    expect(await findAnchorCall(own, { ...query, tx: flipped(query.tx) })).toMatchObject({ outcome: 'not yet' })
    own.close()

    relay.newest = 6
    await new Promise((wait) => setTimeout(wait, 4 * POLL_MS))
    expect(relay.history.count(written.shopId)).toBe(1)
    await relay.clock.turn(60_000)
    const next = await relay.until('final')
    expect(await anchored()).toEqual({ root: digestOf(next), nonce: 6n })
    expect([...relay.history.entries(written.shopId)].map(({ seq, status }) => [seq, status])).toEqual([
      [6, 'final'],
      [3, 'final'],
    ])
  })

  it('is included, and final when blocks lie on it', async () => {
    const relay = await new Anchoring().save()
    relay.start({ depth: 3n })
    await relay.until('included')
    await chain.mine(2)
    await relay.until('final')
  })

  it('goes on after a restart between broadcast and block, though the chain forgot the transaction', async () => {
    await chain.rpc('evm_setAutomine', [false])
    const relay = await new Anchoring().save()
    const first = relay.start()
    const { tx } = await relay.until('broadcast')
    await first.end()
    await chain.rpc('anvil_dropTransaction', [prefixedHex(tx!)])
    relay.start()
    await vi.waitFor(async () =>
      expect(await chain.rpc('eth_getTransactionByHash', [prefixedHex(tx!)])).toMatchObject({ blockNumber: null }),
    )
    await chain.mine()
    expect((await relay.until('final')).tx).toEqual(tx)
    expect(relay.history.count(written.shopId)).toBe(1)
  })

  it('goes on where the crash came before it was sent at all', async () => {
    const relay = await new Anchoring().save()
    const wallet = walletOf(OWNER!.secret)
    const first = relay.start({ wallet: { ...wallet, broadcast: () => Promise.reject(new Error('killed')) } })
    const { tx } = await relay.until('broadcast')
    await first.end()
    relay.start()
    expect((await relay.until('final')).tx).toEqual(tx)
  })

  it('falls back in a re-org, and is included again', async () => {
    const relay = await new Anchoring().save()
    relay.start({ depth: 5n })
    const { block, tx } = await relay.until('included')
    await chain.rpc('evm_setAutomine', [false])
    await chain.reorg(1)
    await relay.said(/"status":"included"[^]*"status":"broadcast"/u)
    await relay.until('broadcast')
    await chain.rpc('evm_setAutomine', [true])
    await chain.mine(5)
    const again = await relay.until('final')
    expect(again.tx).toEqual(tx)
    expect(again.block!.hash).not.toEqual(block!.hash)
  })

  it('another transaction of its account took its place: fails, and is sent anew', async () => {
    await chain.rpc('evm_setAutomine', [false])
    const relay = await new Anchoring().save()
    const first = relay.start()
    const { tx } = await relay.until('broadcast')
    await first.end()
    await chain.rpc('anvil_dropTransaction', [prefixedHex(tx!)])
    await chain.rpc('evm_setAutomine', [true])
    await chain.rpc('eth_sendTransaction', [{ from: OWNER!.address, to: OTHER!.address, value: '0x1' }])
    relay.start()
    await relay.until('failed')
    await relay.clock.turn(60_000)
    expect((await relay.until('final')).tx).not.toEqual(tx)
    expect(relay.history.count(written.shopId)).toBe(2)
  })

  it('two relays of one shop overwrite each other’s, with rising nonces', async () => {
    const digest = new Uint8Array(32).fill(1)
    await send(OWNER!.address, prefixedHex(updateRootHashCall(written.shopId, digest, 40n)))
    const relay = await new Anchoring().save()
    relay.start()
    const entry = await relay.until('final')
    expect(await anchored()).toEqual({ root: digestOf(entry), nonce: 41n })
    await send(OWNER!.address, prefixedHex(updateRootHashCall(written.shopId, digest, 50n)))
    relay.newest = 6
    await relay.clock.turn(60_000)
    const next = await relay.until('final')
    expect(await anchored()).toEqual({ root: digestOf(next), nonce: 51n })
  })

  it('there already: nothing is sent', async () => {
    const relay = await new Anchoring().save()
    const digest = digestOf({ ...NO_ENTRY, checkpoint: [relay.data.signed[0]!.signed[0], new Uint8Array(65)] })
    const tx = await send(OWNER!.address, prefixedHex(updateRootHashCall(written.shopId, digest, 9n)))
    relay.start()
    const entry = await relay.until('final')
    expect([prefixedHex(entry.tx!), entry.nonce, entry.raw]).toEqual([tx, 9n, undefined])
    expect((await anchored()).nonce).toBe(9n)
  })

  it.each<[string, () => Promise<unknown>, Partial<AnchorsOptions>, RegExp]>([
    [
      'a nonce that cannot rise',
      () => send(OWNER!.address, prefixedHex(updateRootHashCall(written.shopId, new Uint8Array(32), NONCE_MAX))),
      {},
      /its nonce in the registry is 18446744073709551615, the highest/u,
    ],
    ['an account that may not', () => Promise.resolve(), { wallet: undefined }, /not allowed/u],
    [
      'an account without ether',
      () => Promise.resolve(),
      { wallet: undefined },
      /cannot be made, its gas paid by that account/u,
    ],
  ])('%s is told, and stops nothing', async (what, prepare, change, text) => {
    await prepare()
    const relay = await new Anchoring().save()
    const secret = what.includes('ether') ? '77'.repeat(32) : OTHER!.secret
    const anchors = relay.start('wallet' in change ? { wallet: walletOf(secret) } : change)
    await relay.said(text)
    expect(anchors.problems).toEqual([expect.stringMatching(text)])
    expect(relay.last!.status).toBe('revalidated')
  })
})

const NO_ENTRY = { seq: 3, status: 'revalidated', atMs: 0 } as const

describe('by the owner', () => {
  it('is left to him, found when he sent it, and computed anew where he did not', async () => {
    const relay = await new Anchoring().save()
    relay.start({ wallet: undefined })
    const entry = await relay.until('revalidated')
    await relay.said(/an anchor waits for the owner/u)
    relay.newest = 6
    await relay.clock.turn(60_000)
    await relay.until('revalidated', 6)
    expect(relay.history.count(written.shopId)).toBe(1)
    const wallet = walletOf(OWNER!.secret)
    const tx = await wallet.send({ to: shops, data: updateRootHashCall(written.shopId, digestOf(relay.last!), 6n) })
    expect(digestOf(entry)).not.toEqual(digestOf(relay.last!))
    expect(prefixedHex((await relay.until('final')).tx!)).toBe(tx)
  })
})

describe('a log that does not lead to what was signed: nothing is sent, and an alarm', () => {
  it.each<[string, (data: AuditedData) => void, RegExp]>([
    ['a state root', (data) => (data.added[1] = flipped(data.added[1]!)), /set 2: its state root: found 0x/u],
    [
      'a signature',
      (data) => (data.records[1] = { ...data.records[1]!, signature: data.records[2]!.signature }),
      /set 2: it is signed by/u,
    ],
    [
      'the checkpoint',
      (data) => (data.checkpoints[0]!.fields = { ...data.checkpoints[0]!.fields, StateHash: new Uint8Array(32) }),
      /set 3: its checkpoint's/u,
    ],
  ])('%s', async (_what, change, text) => {
    const data = Object.assign(new AuditedData(written.shopId), written, {
      records: [...written.records],
      added: [...written.added],
      checkpoints: written.checkpoints.map(({ fields, secret }) => ({ fields: { ...fields }, secret })),
    })
    change(data)
    const relay = await new Anchoring(data).save()
    const anchors = relay.start()
    await relay.said(/ALARM/u)
    expect(anchors.problems).toEqual([expect.stringMatching(text)])
    expect(relay.last).toBeUndefined()
    expect((await anchored()).nonce).toBe(1n)
  })
})
