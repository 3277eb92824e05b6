/** A chain over JSON-RPC against a real node whose endpoints fail, lie and refuse (PROTOCOL §12). */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { ChainUnreachable, type Chain } from '../../src/chain/chain.js'
import { readWord } from '../../src/bytes/abi.js'
import { balanceOfCall, DECIMALS_CALL, TOKEN_TRANSFER } from '../../src/chain/contracts.js'
import { openChain, PENALTY_MS, type RpcChainOptions } from '../../src/chain/rpc-chain.js'
import { ACCOUNTS, transactionReceipt, startDevChain, type DevChain } from '../../contracts/dev-chain.mjs'
import { LIE_NAMES, startFaultyRpc, type FaultyRpc } from '../fixtures/faulty-rpc.js'

const HOLDER = ACCOUNTS[3]!.address
const TRANSFERS = 5
let node: DevChain
let first: FaultyRpc
let second: FaultyRpc
let token: Uint8Array
const open: Chain[] = []

function chainAt(rpc: readonly string[], options: Partial<RpcChainOptions> = {}): Chain {
  const chain = openChain({ chainId: 31_337n, rpc, pollMs: 20, timeoutMs: 400, ...options })
  open.push(chain)
  return chain
}

/** The token's transfers so far. */
async function transfers(chain: Chain, fromBlock = 0n): Promise<number> {
  const { number: toBlock } = await chain.head()
  return (await chain.logs({ fromBlock, toBlock, addresses: [token], topics: [[TOKEN_TRANSFER]] })).length
}

beforeAll(async () => {
  node = await startDevChain()
  token = fromHex(node.addresses.token.slice(2))
  ;[first, second] = [await startFaultyRpc(node.rpcUrl), await startFaultyRpc(node.rpcUrl)]
  for (let i = 0; i < TRANSFERS; i++) {
    const data = `0x40c10f19${HOLDER.slice(2).padStart(64, '0')}${'1'.padStart(64, '0')}`
    const call = { from: HOLDER, to: node.addresses.token, data }
    await transactionReceipt(node.rpc, (await node.rpc('eth_sendTransaction', [call])) as string)
    await node.mine(10)
  }
})
afterEach(async () => {
  for (const chain of open.splice(0)) chain.close()
  await first.mode('none')
  await second.mode('none')
})
afterAll(async () => {
  await first?.stop()
  await second?.stop()
  await node?.stop()
})

describe('logs', () => {
  test('of a long range come in pieces where an endpoint refuses so many, each once and in order', async () => {
    const chain = chainAt([first.url])
    const { number: toBlock } = await chain.head()
    const query = { fromBlock: 0n, toBlock, addresses: [token], topics: [[TOKEN_TRANSFER]] }
    const whole = await chain.logs(query)
    expect(whole).toHaveLength(TRANSFERS)
    await first.mode('narrow')
    expect(await chain.logs(query)).toEqual(whole)
    expect(chain.problem).toBeUndefined()
  })

  test('of one block that an endpoint refuses come from the next one', async () => {
    await first.mode('no logs')
    const chain = chainAt([first.url, second.url])
    expect(await transfers(chain)).toBe(TRANSFERS)
    const alone = chainAt([first.url])
    await expect(transfers(alone)).rejects.toThrow(ChainUnreachable)
    expect(alone.problem).toMatch(/it answers with error -32005/u)
  })

  test('are not asked for in ever smaller pieces where an endpoint is asked too often', async () => {
    const chain = chainAt([first.url])
    await chain.head()
    await first.mode('often')
    const before = first.calls.get('eth_getLogs')?.length ?? 0
    const query = { fromBlock: 0n, toBlock: 50n, addresses: [token], topics: [] }
    await expect(chain.logs(query)).rejects.toThrow(ChainUnreachable)
    expect((first.calls.get('eth_getLogs')?.length ?? 0) - before).toBe(1)
  })

  test.each(LIE_NAMES)('that are a %s are not believed; the next endpoint is asked', async (lie) => {
    await first.mode(lie)
    await expect(transfers(chainAt([first.url]))).rejects.toThrow(ChainUnreachable)
    expect(await transfers(chainAt([first.url, second.url]))).toBe(TRANSFERS)
  })
})

describe('a contract that anybody may have written', () => {
  const WORD = `0x${'00'.repeat(31)}2a`
  const ask = (chain: Chain, to: Uint8Array) => chain.call({ to, data: DECIMALS_CALL, foreign: true })

  test.each([
    ['reverts', '0x60006000fd'],
    ['traps', '0xfe'],
    ['underflows its stack', '0x50'],
    ['jumps nowhere', '0x600056'],
    ['runs out of gas', '0x5b600056'],
  ])('and %s is no failure of the endpoint', async (_what, code) => {
    const place = fromHex('00000000000000000000000000000000000bad01')
    await node.rpc('anvil_setCode', [`0x${toHex(place)}`, code])
    const chain = chainAt([first.url])
    expect(await ask(chain, place)).toBeUndefined()
    expect(chain.problem).toBeUndefined()
    const balance = await chain.call({ to: token, data: balanceOfCall(fromHex(HOLDER.slice(2))), foreign: true })
    expect(readWord(balance)).toBe(BigInt(TRANSFERS))
  })

  test('and an endpoint that does not answer is still one', async () => {
    await first.mode('error')
    await expect(ask(chainAt([first.url]), token)).rejects.toThrow(ChainUnreachable)
    expect(await ask(chainAt([first.url, second.url]), token)).toHaveLength(WORD.length / 2 - 1)
    await first.mode('often')
    await expect(ask(chainAt([first.url]), token)).rejects.toThrow(ChainUnreachable)
  })
})

test.each([
  ['a block far away', { number: `0x${(2n ** 54n).toString(16)}` }],
  ['a time far away', { timestamp: `0x${(2n ** 41n).toString(16)}` }],
  ['a hash of another length', { hash: '0x12' }],
  ['a number that is none', { number: '12' }],
  ['a number of over 256 bits', { timestamp: `0x1${'0'.repeat(64)}` }],
])('a newest block with %s is not believed', async (_what, lie) => {
  const block = { number: '0x1', hash: `0x${'11'.repeat(32)}`, parentHash: `0x${'00'.repeat(32)}`, timestamp: '0x1' }
  let told: object = block
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const calls = [JSON.parse(Buffer.concat(chunks).toString()) as { id: number; method: string }[]].flat()
      const answers = calls.map(({ id, method }) => ({
        jsonrpc: '2.0',
        id,
        result: method === 'eth_chainId' ? '0x7a69' : told,
      }))
      response.setHeader('content-type', 'application/json').end(JSON.stringify(answers))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const chain = chainAt([`http://127.0.0.1:${(server.address() as AddressInfo).port}`])
  expect(await chain.head()).toMatchObject({ number: 1n, timestamp: 1n })
  told = { ...block, ...lie }
  await expect(chain.head()).rejects.toThrow(ChainUnreachable)
  server.close()
  server.closeAllConnections()
})

describe('an endpoint', () => {
  test.each(['hang', 'stall', 'error', 'garbage', 'cut', 'missing', 'other chain', 'often'] as const)(
    'with %s: the other one answers, and the first one is taken again when it is well',
    async (fault) => {
      await first.mode(fault)
      const chain = chainAt([first.url, second.url])
      expect((await chain.head()).number).toBeGreaterThan(0n)
      expect(chain.problem).toBeUndefined()
      await first.mode('none')
      await second.mode('error')
      const end = Date.now() + 2 * PENALTY_MS.most
      for (let head: unknown; head === undefined && Date.now() < end;) {
        head = await chain.head().catch(() => undefined)
        if (head === undefined) await new Promise((resolve) => setTimeout(resolve, 50))
      }
      expect(chain.problem).toBeUndefined()
    },
  )

  test('that stands still is passed over for one that goes on', async () => {
    await first.mode('stale')
    const chain = chainAt([first.url, second.url])
    const heads: bigint[] = []
    chain.onHead(({ number }) => heads.push(number))
    const { number } = await chainAt([second.url]).head()
    await node.mine(3)
    for (const end = Date.now() + 20_000; heads.at(-1) !== number + 3n && Date.now() < end;)
      await new Promise((resolve) => setTimeout(resolve, 20))
    expect(heads.at(-1)).toBe(number + 3n)
  })

  test('over WebSocket that cannot be reached is silent, for its URL may hold a key', async () => {
    const written = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const closed = createServer()
    await new Promise<void>((listening) => closed.listen(0, '127.0.0.1', listening))
    const { port } = closed.address() as AddressInfo
    await new Promise((done) => closed.close(done))
    const chain = chainAt([`ws://127.0.0.1:${port}/v2/SECRETKEY`, first.wsUrl])
    expect((await chain.head()).number).toBeGreaterThan(0n)
    await new Promise((wait) => setTimeout(wait, 700))
    expect(written.mock.calls).toEqual([])
    written.mockRestore()
  })

  test('over WebSocket tells of blocks by itself, and after a disconnection too; polling does without', async () => {
    const chain = chainAt([first.wsUrl], { pollMs: 300 })
    const heads: bigint[] = []
    chain.onHead(({ number }) => heads.push(number))
    for (const step of ['told', 'disconnected', 'mute'] as const) {
      if (step === 'disconnected') first.disconnect()
      if (step === 'mute') await first.mode('mute')
      await node.mine(1)
      const { number } = await chainAt([second.url]).head()
      for (const end = Date.now() + 20_000; heads.at(-1) !== number && Date.now() < end;)
        await new Promise((resolve) => setTimeout(resolve, 20))
      expect(heads.at(-1), step).toBe(number)
    }
  })
})
