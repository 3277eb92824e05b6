/** Bloom filters of headers against what a real node makes of real logs (Ethereum Yellow Paper, 4.3.1). */

import { afterAll, beforeAll, expect, test } from 'vitest'
import { toBigEndian } from '../../src/bytes/bytes.js'
import { fromHex } from '../../src/bytes/hex.js'
import { bloomBits, mayHold } from '../../src/chain/bloom.js'
import { TOKEN_TRANSFER } from '../../src/chain/contracts.js'
import { ACCOUNTS, startDevChain, transactionReceipt, type DevChain } from '../../contracts/dev-chain.mjs'

let node: DevChain
beforeAll(async () => void (node = await startDevChain()))
afterAll(() => node?.stop())

test('each address and topic of a block is in its filter, and hardly anything else', async () => {
  const holder = ACCOUNTS[3]!.address
  const data = `0x40c10f19${holder.slice(2).padStart(64, '0')}${'1'.padStart(64, '0')}`
  const call = { from: holder, to: node.addresses.token, data }
  const { blockNumber } = await transactionReceipt(node.rpc, (await node.rpc('eth_sendTransaction', [call])) as string)
  const block = (await node.rpc('eth_getBlockByNumber', [blockNumber, false])) as { logsBloom: string }
  const bloom = fromHex(block.logsBloom.slice(2))
  const word = fromHex(holder.slice(2).padStart(64, '0'))
  for (const item of [fromHex(node.addresses.token.slice(2)), TOKEN_TRANSFER, word, new Uint8Array(32)])
    expect(mayHold(bloom, bloomBits(item))).toBe(true)
  const others = Array.from({ length: 10_000 }, (_, i) => bloomBits(toBigEndian(BigInt(i + 1), 32)))
  // At most 12 of 2,048 bits are set: one in five million has all three among them.
  expect(others.filter((bits) => mayHold(bloom, bits))).toEqual([])
})
