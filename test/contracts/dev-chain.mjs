/** An EVM of one's own: anvil with the test contracts on it, at the same addresses every time. */

import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { encodeDeployData } from 'viem'
import { compiledContracts } from './compile.mjs'

/** Accounts that anvil gives 10,000 ether each; their keys are known to everybody. */
export const ACCOUNTS = [
  ['0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266', 'ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'],
  ['0x70997970c51812dc3a010c7d01b50e0d17dc79c8', '59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d'],
  ['0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc', '5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a'],
  ['0x90f79bf6eb2c4f870365e785982e1f101e93b906', '7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6'],
].map(([address, secret]) => ({ address, secret }))

const STARTED_MS = 15_000

/** Starts anvil (port 0: a free one) and deploys. Rejects with what anvil says when it does not start. */
export async function startDevChain({ port = 0, chainId = 31_337, blockTimeSeconds } = {}) {
  const chosen = port === 0 ? await freePort() : port
  const anvil = await startAnvil(chosen, chainId, blockTimeSeconds)
  const rpcUrl = `http://127.0.0.1:${chosen}`
  const rpc = rpcOf(rpcUrl)
  try {
    const addresses = await deployAll(rpc)
    return { rpcUrl, wsUrl: `ws://127.0.0.1:${chosen}`, chainId, addresses, accounts: ACCOUNTS, rpc, stop: anvil.stop }
  } catch (error) {
    await anvil.stop()
    throw error
  }
}

/** In this order from nonce 0 of the first account: the addresses follow from it. A chain that has them is left alone. */
async function deployAll(rpc) {
  const { RelayReg, ShopReg, Payments, TestToken } = compiledContracts()
  const from = ACCOUNTS[0].address
  if ((await rpc('eth_getTransactionCount', [from, 'latest'])) !== '0x0') throw new Error('the chain is not fresh')
  const deploy = async ({ abi, bytecode }, args = []) => {
    const hash = await rpc('eth_sendTransaction', [
      { from, gas: '0x989680', data: encodeDeployData({ abi, bytecode, args }) },
    ])
    return (await receiptOf(rpc, hash)).contractAddress
  }
  const relays = await deploy(RelayReg)
  const shops = await deploy(ShopReg, [relays])
  const payments = await deploy(Payments)
  const token = await deploy(TestToken, ['EUD', 2])
  return { relays, shops, payments, token }
}

/** Waits for the block of a transaction. Throws where it was reverted. */
export async function receiptOf(rpc, hash) {
  for (;;) {
    const receipt = await rpc('eth_getTransactionReceipt', [hash])
    if (receipt?.status === '0x0') throw new Error(`the transaction ${hash} was reverted`)
    if (receipt) return receipt
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function rpcOf(url) {
  let id = 0
  return async (method, params = []) => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: ++id, method, params })
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    const { result, error } = await response.json()
    if (error) throw Object.assign(new Error(`${method}: ${error.message}`), { code: error.code, data: error.data })
    return result
  }
}

async function startAnvil(port, chainId, blockTimeSeconds) {
  const flags = ['--port', String(port), '--chain-id', String(chainId), '--host', '127.0.0.1', '--silent']
  if (blockTimeSeconds !== undefined) flags.push('--block-time', String(blockTimeSeconds))
  const child = spawn(anvilBinary(), flags, { stdio: ['ignore', 'ignore', 'pipe'] })
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  let said = ''
  child.stderr.on('data', (chunk) => (said += chunk))
  const ended = new Promise((resolve) => child.once('close', resolve))
  const failed = new Promise((_, reject) => {
    child.once('error', reject)
    void ended.then(() => reject(new Error(`anvil ended: ${said.trim() || 'it said nothing'}`)))
  })
  failed.catch(() => undefined)
  await Promise.race([failed, answering(`http://127.0.0.1:${port}`, kill)])
  return {
    stop: async () => {
      process.removeListener('exit', kill)
      child.kill('SIGTERM')
      const late = setTimeout(kill, 2_000)
      await ended
      clearTimeout(late)
    },
  }
}

async function answering(url, kill) {
  const rpc = rpcOf(url)
  for (const end = Date.now() + STARTED_MS; Date.now() < end;) {
    try {
      return await rpc('eth_chainId')
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
  }
  kill()
  throw new Error(`anvil does not answer on ${url}`)
}

/** The binary that npm brought for this platform. */
function anvilBinary() {
  const os = { darwin: 'darwin', linux: 'linux', win32: 'win32' }[process.platform]
  const cpu = { x64: 'amd64', arm64: 'arm64' }[process.arch]
  const require = createRequire(import.meta.url)
  return require.resolve(`@foundry-rs/anvil-${os}-${cpu}/bin/anvil${os === 'win32' ? '.exe' : ''}`)
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}
