/** What a lagging log index leaves out is found in a real node's blocks, at a bounded cost (PROTOCOL §12). */

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { bloomBits, mayHold } from '../../src/chain/bloom.js'
import { ChainUnreachable, type Block, type Chain, type ChainLog } from '../../src/chain/chain.js'
import { TOKEN_TRANSFER } from '../../src/chain/contracts.js'
import { LogCheck } from '../../src/chain/log-check.js'
import { openChain } from '../../src/chain/rpc-chain.js'
import { CHECKED_BLOCKS_AT_ONCE_MAX, RECEIPT_BLOCKS_AT_ONCE_MAX, RECEIPTS_PATIENCE_SECONDS } from '../../src/limits.js'
import { ACCOUNTS, startDevChain, transactionReceipt, type DevChain } from '../../contracts/dev-chain.mjs'
import { startFaultyRpc, type FaultyRpc, type LogGaps } from '../fixtures/faulty-rpc.js'

const [FIRST, SECOND] = [ACCOUNTS[2]!.address, ACCOUNTS[3]!.address]
const TRANSFERS = 12
let node: DevChain
let rpcs: readonly FaultyRpc[]
let token: Uint8Array
let from = 0n
let newest = 0n
let now = 1_000n
const open: Chain[] = []
const givenUp: Block[] = []

const word = (address: string) => fromHex(address.slice(2).padStart(64, '0'))
const wants = (address: string) => (bloom: Uint8Array) => mayHold(bloom, bloomBits(word(address)))

function checkAt(urls: readonly FaultyRpc[]): LogCheck {
  const chain = openChain({ chainId: 31_337n, rpc: urls.map(({ url }) => url), pollMs: 20, timeoutMs: 2_000 })
  open.push(chain)
  const events = [TOKEN_TRANSFER]
  return new LogCheck({
    chain,
    address: token,
    events,
    nowSeconds: () => now,
    onGivenUp: (block) => void givenUp.push(block),
  })
}

async function mint(to: string): Promise<void> {
  const data = `0x40c10f19${to.slice(2).padStart(64, '0')}${'1'.padStart(64, '0')}`
  const call = { from: FIRST, to: node.addresses.token, data }
  await transactionReceipt(node.rpc, (await node.rpc('eth_sendTransaction', [call])) as string)
}

/** Everything that is found, in as many pieces as it takes. */
async function all(check: LogCheck, address = FIRST): Promise<{ logs: ChainLog[]; pieces: number }> {
  const logs: ChainLog[] = []
  let pieces = 0
  for (let next = from; next <= newest; pieces++) {
    const piece = await check.piece(next, newest, new Set(), wants(address))
    logs.push(...piece.logs)
    next = piece.last.number + 1n
  }
  return { logs, pieces }
}

const asked = (rpc: FaultyRpc, method: string) => rpc.calls.get(method)?.length ?? 0

beforeAll(async () => {
  node = await startDevChain()
  token = fromHex(node.addresses.token.slice(2))
  rpcs = [await startFaultyRpc(node.rpcUrl), await startFaultyRpc(node.rpcUrl)]
  const numberNow = async () => BigInt((await node.rpc('eth_blockNumber')) as string)
  from = (await numberNow()) + 1n
  for (let i = 0; i < TRANSFERS; i++) {
    await mint(FIRST)
    await mint(SECOND)
    await node.mine(10)
  }
  newest = await numberNow()
})
afterEach(() => {
  for (const chain of open.splice(0)) chain.close()
  for (const rpc of rpcs) rpc.gaps({})
  givenUp.splice(0)
})
afterAll(async () => {
  for (const rpc of rpcs ?? []) await rpc.stop()
  await node?.stop()
})

test.each<LogGaps>([{}, { receipts: 'single' }, { zeroBloom: true }, { zeroBloom: true, receipts: 'single' }])(
  'all is found with %o, once and in order',
  async (gaps) => {
    rpcs[0]!.gaps(gaps)
    const { logs } = await all(checkAt([rpcs[0]!]))
    expect(logs.filter(({ topics }) => toHex(topics[2]!) === toHex(word(FIRST)))).toHaveLength(TRANSFERS)
    const places = logs.map(({ blockNumber, logIndex }) => Number(blockNumber) * 1_000 + logIndex)
    expect(places).toEqual([...new Set(places)].toSorted((a, b) => a - b))
  },
)

describe('its cost', () => {
  test('a piece asks for so many blocks and receipts, and not for those of blocks that hold nothing', async () => {
    const [rpc] = rpcs
    const before = { blocks: asked(rpc!, 'eth_getBlockByNumber'), receipts: asked(rpc!, 'eth_getBlockReceipts') }
    const check = checkAt([rpc!])
    const piece = await check.piece(from, newest, new Set(), wants(FIRST))
    expect(asked(rpc!, 'eth_getBlockByNumber') - before.blocks).toBe(CHECKED_BLOCKS_AT_ONCE_MAX)
    expect(piece.last.number).toBe(from + BigInt(CHECKED_BLOCKS_AT_ONCE_MAX) - 1n)
    expect(asked(rpc!, 'eth_getBlockReceipts') - before.receipts).toBe(piece.logs.length)
    await all(check, '0x00000000000000000000000000000000000000ee')
    expect(asked(rpc!, 'eth_getBlockReceipts') - before.receipts).toBe(piece.logs.length)
  })

  test('not more receipts than that where filters are zeros, and none of blocks without transactions', async () => {
    const [rpc] = rpcs
    rpc!.gaps({ zeroBloom: true })
    const before = asked(rpc!, 'eth_getBlockReceipts')
    const piece = await checkAt([rpc!]).piece(from, newest, new Set(), wants(FIRST))
    expect(asked(rpc!, 'eth_getBlockReceipts') - before).toBe(RECEIPT_BLOCKS_AT_ONCE_MAX)
    // Two of twelve blocks have transactions: the next one is left for the next piece.
    expect(piece.last.number).toBe(from + 12n * BigInt(RECEIPT_BLOCKS_AT_ONCE_MAX / 2) - 1n)
  })

  test('a block whose logs an index has told costs nothing more', async () => {
    const [rpc] = rpcs
    const check = checkAt([rpc!])
    const { logs } = await all(check)
    const before = asked(rpc!, 'eth_getBlockReceipts')
    const told = new Set(logs.map(({ blockHash }) => toHex(blockHash)))
    const piece = await check.piece(from, newest, told, wants(FIRST))
    expect(piece.logs).toEqual([])
    expect(asked(rpc!, 'eth_getBlockReceipts')).toBe(before)
  })

  test('an endpoint that refuses so much at once is asked for less', async () => {
    const [rpc] = rpcs
    const check = checkAt([rpc!])
    await rpc!.mode('often')
    await expect(check.piece(from, newest, new Set(), wants(FIRST))).rejects.toThrow(ChainUnreachable)
    await rpc!.mode('none')
    await expect
      .poll(
        async () => (await check.piece(from, newest, new Set(), wants(FIRST)).catch(() => undefined))?.last.number,
        { timeout: 10_000 },
      )
      .toBeLessThan(from + BigInt(CHECKED_BLOCKS_AT_ONCE_MAX) - 1n)
  })
})

describe('receipts that an endpoint does not tell', () => {
  test('come from the next one, and both are asked for all else', async () => {
    rpcs[0]!.gaps({ receipts: 'none' })
    const { logs } = await all(checkAt(rpcs))
    expect(logs.length).toBeGreaterThanOrEqual(TRANSFERS)
    expect(open.at(-1)!.problem).toBeUndefined()
    const before = asked(rpcs[0]!, 'eth_getBlockByNumber')
    await open.at(-1)!.head()
    expect(asked(rpcs[0]!, 'eth_getBlockByNumber')).toBe(before + 1)
  })

  test('are waited for, then the blocks are passed over, and a person is told', async () => {
    const [rpc] = rpcs
    rpc!.gaps({ receipts: 'none' })
    const check = checkAt([rpc!])
    await expect(check.piece(from, newest, new Set(), wants(FIRST))).rejects.toThrow(/tells no receipts/u)
    expect(check.problem).toBeUndefined()
    now += RECEIPTS_PATIENCE_SECONDS
    const { logs } = await all(check)
    expect(logs).toEqual([])
    expect(givenUp).toHaveLength(1)
    expect(check.problem).toMatch(/^chain 31337: no endpoint tells the receipts/u)
    expect(check.doubtful).toBeGreaterThan(0n)
    rpc!.gaps({})
    expect((await all(check)).logs.length).toBeGreaterThanOrEqual(TRANSFERS)
    expect(check.problem).toBeUndefined()
  })
})
