/**
 * A relay on a chain as people meet it who know its chain, or an address from before a change of its key: what was
 * anchored, who signs, and what a receipt says of both.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPublicClient, http } from 'viem'
import { startDevChain, type DevChain } from '../../contracts/dev-chain.mjs'
import { fromHex, prefixedHex, toHex } from '../../src/bytes/hex.js'
import { connect, type ConnectOptions, type ShopChain } from '../../src/client/shop-client.js'
import { decodeCheckpoint } from '../../src/proofs/checkpoint.js'
import { checkpointDigest } from '../../src/proofs/checkpoint-form.js'
import { readCheckpointAnswer, readLogProofAnswer } from '../../src/wire/proof-payloads.js'
import { decodeReceipt, encodeReceipt } from '../../src/proofs/receipt-form.js'
import { main } from '../../src/cli/main.js'
import { openWallet } from '../../src/cli/wallet.js'
import { updateRootHashCall } from '../../src/wire/registry-calls.js'
import { cairn } from '../fixtures/program.js'
import { newSecret } from '../fixtures/relay-harness.js'
import { enrolGuest, furnish, LISTING, order, PRICE } from '../fixtures/small-shop.js'

const MS = 60_000

let home: string
let devChain: DevChain
let chainFile: string
let chain: ShopChain
let rpcUrl: string
let data: string
let relay: Running | undefined
let url: string
let shop: bigint
let orderId: bigint
/** Of the relay's first key. */
let address: string

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'cairn-rotated-'))
  devChain = await startDevChain()
  const { shops, relays } = devChain.addresses
  rpcUrl = devChain.rpcUrl
  chain = { chainId: BigInt(devChain.chainId), shops, relays, rpc: rpcUrl }
  chainFile = join(home, 'chain.json')
  const chains = [{ chainId: devChain.chainId, rpc: [rpcUrl], depth: 1, pollMs: 200 }]
  writeFileSync(chainFile, JSON.stringify({ registry: { chainId: devChain.chainId, shops, relays }, chains }))
  data = join(home, 'data')
  address = await serve()
  const made = await command('shop', 'create', '--url', url, '--card', join(home, 'owner.key'))
  shop = BigInt(/^shop (\d+)$/mu.exec(made)![1]!)
  await furnish({ url, shop, key: fromHex(readFileSync(join(home, 'owner.key'), 'utf8').trim()) })
  const key = newSecret()
  writeFileSync(join(home, 'guest.key'), toHex(key))
  await enrolGuest({ url, shop, key }, devChain.accounts[2]!.secret)
  orderId = await order({ url, shop, key }, 2n, false)
}, MS)
afterAll(async () => {
  await relay?.end()
  await devChain.stop()
  rmSync(home, { recursive: true, force: true })
})

/** A command in this process. */
class Running {
  out = ''
  err = ''
  readonly exit: Promise<number>
  private readonly stop = new AbortController()

  constructor(argv: readonly string[]) {
    this.exit = main(argv, {
      out: (line) => void (this.out += `${line}\n`),
      err: (line) => void (this.err += `${line}\n`),
      env: { CAIRN_WALLET_KEY: devChain.accounts[1]!.secret },
      isTerminal: false,
      signal: this.stop.signal,
    })
  }

  async says(pattern: RegExp, where: 'out' | 'err' = 'out'): Promise<RegExpExecArray> {
    const exit = this.exit.then(() => true)
    for (;;) {
      const found = pattern.exec(this[where])
      if (found !== null) return found
      const isOver = await Promise.race([exit, new Promise<false>((wait) => setTimeout(wait, 20, false))])
      if (isOver && pattern.exec(this[where]) === null)
        throw new Error(`it never says ${pattern}: ${this.out}${this.err}`)
    }
  }

  end(): Promise<number> {
    this.stop.abort(new Error('SIGINT'))
    return this.exit
  }
}

/** Starts the relay, again on the same data; the address of its key. */
async function serve(): Promise<string> {
  await relay?.end()
  const place = ['--chain', chainFile, '--port', '0', '--metrics-port', '0', '--data', data]
  relay = new Running(['serve', ...place, '--empty', '--log-format', 'json'])
  url = (await relay.says(/listens on (\S+)/u))[1]!
  return (await relay.says(/relay address {2}(0x\w{40})/u))[1]!
}

async function outcome(...argv: readonly string[]) {
  const isPlain = argv[0] === 'verify' || argv.includes('--chain')
  const ran = new Running([...argv, ...(isPlain ? [] : ['--chain', chainFile])])
  return { code: await ran.exit, out: ran.out, err: ran.err }
}

async function command(...argv: readonly string[]): Promise<string> {
  const { code, out, err } = await outcome(...argv)
  expect([code, err.split('\n').filter((line) => line.startsWith('cairn '))], argv.join(' ')).toEqual([0, []])
  return out
}

/** The receipt's file, with what the command said of it. */
async function receipt(name: string, who: string): Promise<{ readonly file: string; readonly err: string }> {
  const file = join(home, name)
  const place = ['--url', url, '--shop', `${shop}`, '--card', join(home, 'guest.key'), '--relay', who, '--out', file]
  const { code, err } = await outcome('receipt', `${orderId}`, ...place)
  expect([code, err]).toEqual([0, expect.not.stringContaining('cairn receipt:')])
  return { file, err }
}

const firstLine = (out: string) => out.split('\n')[0]

async function watched(who: string): Promise<string> {
  const place = ['--url', url, '--shop', `${shop}`, '--relay', who, '--chain', chainFile]
  const program = new Running(['watch', '--listing', `${LISTING}`, ...place])
  const [line] = await program.says(/^Stone .*$/mu)
  await program.end()
  return line
}

/** Once it is proven, and that price if one is given. */
async function priceBy({ relay: given }: Pick<ConnectOptions, 'relay'>, wanted?: bigint): Promise<unknown> {
  const client = await connect({ url, shop, only: [{ listing: LISTING }], relay: given })
  try {
    for await (const { complete, data: found, error } of client.listing(LISTING)) {
      if (error !== undefined) throw error
      if (complete && (wanted ?? found?.Price) === found?.Price) return found?.Price
    }
    return undefined
  } finally {
    client.close()
  }
}

describe('by the chain', () => {
  it(
    'the relay is known: by its endpoint, a provider, and the command',
    async () => {
      expect(await priceBy({ relay: { chain } })).toBe(PRICE)
      const provider = createPublicClient({ transport: http(rpcUrl) })
      expect(await priceBy({ relay: { chain: { ...chain, rpc: provider } } })).toBe(PRICE)
      expect(await watched('chain')).toMatch(/^Stone {2}price \S+ .* {2}✓ proven as of checkpoint \d+$/u)
    },
    MS,
  )

  it('a shop that names no relay, another chain, and one that does not answer are told', async () => {
    const open = (more: object, id = shop) => connect({ url, shop: id, relay: { chain: { ...chain, ...more } } })
    await expect(open({}, 5n)).rejects.toMatchObject({ code: 'NOT_FOUND', message: /^shop 5 names no relay in / })
    await expect(open({ chainId: 1n })).rejects.toMatchObject({
      code: 'USAGE',
      message: 'the endpoint is of chain 31337, not of 1',
    })
    await expect(open({ rpc: 'http://127.0.0.1:1/secret' })).rejects.toMatchObject({
      code: 'UNREACHABLE',
      message: expect.not.stringContaining('secret'),
    })
    await expect(open({ shops: '0x12' })).rejects.toMatchObject({ code: 'USAGE' })
  })
})

describe('a receipt', () => {
  it(
    'says that it is not anchored, until it is',
    async () => {
      const { file } = await receipt('before.cairn', 'chain')
      const said = await command('verify', file, '--chain', chainFile)
      expect(firstLine(said)).toMatch(/^Matches, not yet anchored: /u)
    },
    MS,
  )

  it(
    'carries what the owner anchored, and the chain is asked for it',
    async () => {
      await command('anchor', '--url', url, '--shop', `${shop}`)
      await relay!.says(/"event":"an anchor was found in the registry".*"status":"final"/u, 'err')
      const { file } = await receipt('after.cairn', address)
      expect(firstLine(await command('verify', file, '--chain', chainFile))).toMatch(/^Matches, anchored: /u)
      const known = `${chain.chainId}:${String(chain.shops)}`
      const offline = await command('verify', file, '--relay', address, '--registry', known)
      expect(firstLine(offline)).toMatch(/^Matches: .*; anchor not checked\.$/u)
      expect(offline).toMatch(/^Not checked: the anchor on chain; /mu)
    },
    MS,
  )

  it.each([
    ['Tx', { Tx: new Uint8Array(32).fill(7) }, 0, /^Matches, not yet anchored: /u, /does not know transaction 0x0707/u],
    ['Block', { Block: 1n }, 1, /^Does not match\.$/u, /is in block \d+, not in 1\./u],
  ] as const)(
    'with a false %s',
    async (name, changes, exitCode, first, reason) => {
      const honest = decodeReceipt(new Uint8Array(readFileSync(join(home, 'after.cairn'))))
      const file = join(home, `false-${name}.cairn`)
      writeFileSync(file, encodeReceipt({ ...honest, Anchor: { ...honest.Anchor!, ...changes } }))
      const { code, out } = await outcome('verify', file, '--chain', chainFile)
      expect([code, firstLine(out)]).toEqual([exitCode, expect.stringMatching(first)])
      expect(out).toMatch(reason)
    },
    MS,
  )
})

describe('after a change of its key', () => {
  it(
    'the address of before goes on to work',
    async () => {
      await relay!.end()
      relay = undefined
      await command('key', 'rotate', '--data', data)
      const next = await serve()
      expect(next).not.toBe(address)
      for (const who of [address, 'chain', next])
        expect(await watched(who), who).toMatch(/^Stone {2}price \S+ .* {2}✓ proven as of checkpoint \d+$/u)
      expect(await priceBy({ relay: fromHex(address) })).toBe(PRICE)
    },
    MS,
  )

  it(
    'a receipt is fetched and verified by it, with the hand-over beside it or from the relay',
    async () => {
      const { file, err } = await receipt('rotated.cairn', address)
      expect(err).toContain(`${file}.handovers belongs to it`)
      expect(firstLine(await command('verify', file, '--relay', address))).toMatch(/^Matches/u)
      rmSync(`${file}.handovers`)
      const lost = await outcome('verify', file, '--relay', address)
      expect([lost.code, firstLine(lost.out)]).toEqual([1, 'Does not match.'])
      const asked = await command('verify', file, '--relay', address, '--hand-overs', url)
      expect(firstLine(asked)).toMatch(/^Matches/u)
    },
    MS,
  )
})

describe('what is in the registry', () => {
  it(
    'is found by the audit, where the relay looked at no chain too',
    async () => {
      const place = ['--url', url, '--shop', `${shop}`, '--card', join(home, 'owner.key'), '--relay', 'chain']
      await command('put', '--listing', `${LISTING}`, '--price', '8', ...place)
      expect(await priceBy({ relay: { chain } }, 8n)).toBe(8n)
      const log = ['audit', url, '--shop', `${shop}`, '--card', join(home, 'owner.key'), '--relay', address]
      const { code, out, err } = await cairn(log).outcome()
      expect([code, out], err).toEqual([0, expect.stringMatching(/differences 0/u)])
      // The token is still the first key's.
      expect(await command('anchor', '--url', url, '--shop', `${shop}`)).toMatch(/: anchored with nonce /u)
      await command('put', '--listing', `${LISTING}`, '--price', '7', ...place)
      const digest = await newestDigest()
      await relay!.end()
      relay = undefined
      await anchor(digest, 500n)
      expect(await audit()).toEqual([0, expect.stringMatching(/3 anchors/u)])
    },
    MS,
  )

  it(
    'and of another history, is told at first contact and by the audit, with both values',
    async () => {
      await serve()
      const digest = new Uint8Array(32).fill(0xee)
      await anchor(digest, 1_000n)
      const error = { code: 'VERIFICATION_FAILED', message: expect.stringContaining(prefixedHex(digest)) }
      await expect(priceBy({ relay: { chain } })).rejects.toMatchObject(error)
      await expect(priceBy({ relay: { chain } })).rejects.toThrow(/the newest, of set \d+, has 0x\w{64}/u)
      expect(await audit()).toEqual([1, expect.stringContaining(prefixedHex(digest))])
    },
    MS,
  )

  async function anchor(digest: Uint8Array, nonce: bigint): Promise<void> {
    const { secret } = devChain.accounts[1]!
    const wallet = openWallet({ url: rpcUrl, chainId: chain.chainId, secret })
    await wallet.send({ to: fromHex(String(chain.shops)), data: updateRootHashCall(shop, digest, nonce) })
  }

  /** Of a checkpoint of all sets, as it was first signed. */
  async function newestDigest(): Promise<Uint8Array> {
    await priceBy({ relay: { chain } }, 7n)
    const answer = async (path: string) =>
      new Uint8Array(await (await fetch(`${url}/v5/shops/${shop}/${path}`)).arrayBuffer())
    const { Seq } = decodeCheckpoint(readCheckpointAnswer(await answer('checkpoint')).Checkpoint[0])
    const { Checkpoint } = readLogProofAnswer(await answer(`log/1?at=${Seq}`))
    return checkpointDigest(Checkpoint[0])
  }

  /** In a process of its own: it has threads. */
  async function audit(): Promise<[number | string, string]> {
    const { code, out } = await cairn(['audit', data, '--chain', chainFile]).outcome()
    return [code, out]
  }
})
