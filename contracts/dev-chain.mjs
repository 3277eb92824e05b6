/** An EVM of one's own: anvil with the test contracts on it, at the same addresses every time (PROTOCOL §12). */

import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { encodeDeployData, getContractAddress } from 'viem'
import { compiledContracts } from './compile.mjs'

/** Accounts that anvil gives 10,000 ether each; their keys are known to everybody. The first one deploys. */
export const ACCOUNTS = [
  ['0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266', 'ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'],
  ['0x70997970c51812dc3a010c7d01b50e0d17dc79c8', '59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d'],
  ['0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc', '5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a'],
  ['0x90f79bf6eb2c4f870365e785982e1f101e93b906', '7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6'],
].map(([address, secret]) => ({ address, secret, privateKey: `0x${secret}` }))

const STARTED_MS = 15_000
/** Looked for in a receipt every so many milliseconds. */
const RECEIPT_MS = 20
/** Four times this fits into one block. */
const DEPLOY_GAS = '0x5b8d80'

/** Starts anvil (port 0: a free one) and deploys. Rejects with what anvil says when it does not start. */
export async function startDevChain({ port = 0, chainId = 31_337, blockTimeSeconds, genesisSeconds } = {}) {
  const anvil = await startAnvil(port, chainId, blockTimeSeconds, genesisSeconds)
  const rpcUrl = `http://127.0.0.1:${anvil.port}`
  const rpc = rpcOf(rpcUrl)
  const { stop, ended } = anvil
  try {
    const addresses = await deployAll(rpc)
    const wsUrl = `ws://127.0.0.1:${anvil.port}`
    return { rpcUrl, wsUrl, chainId, addresses, accounts: ACCOUNTS, rpc, ...stepsOf(rpc), stop, ended }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Waits for the block of a transaction. Throws where it was reverted. */
export async function transactionReceipt(rpc, hash) {
  for (;;) {
    const receipt = await rpc('eth_getTransactionReceipt', [hash])
    if (receipt?.status === '0x0') throw new Error(`the transaction ${hash} was reverted`)
    if (receipt) return receipt
    await new Promise((resolve) => setTimeout(resolve, RECEIPT_MS))
  }
}

/** In this order from nonce 0 of the first account: the addresses follow from it. */
async function deployAll(rpc) {
  const { RelayReg, ShopReg, Payments, TestToken } = compiledContracts()
  const [relays, shops, payments, token] = [0n, 1n, 2n, 3n].map(addressAt)
  const hashes = []
  for (const [{ abi, bytecode }, args] of [[RelayReg], [ShopReg, [relays]], [Payments], [TestToken, ['EUD', 2]]]) {
    const data = encodeDeployData({ abi, bytecode, args: args ?? [] })
    const call = { from: ACCOUNTS[0].address, nonce: `0x${hashes.length}`, gas: DEPLOY_GAS, data }
    hashes.push(await rpc('eth_sendTransaction', [call]))
  }
  await Promise.all(hashes.map((hash) => transactionReceipt(rpc, hash)))
  return { relays, shops, payments, token }
}

function addressAt(nonce) {
  return getContractAddress({ from: ACCOUNTS[0].address, nonce }).toLowerCase()
}

function stepsOf(rpc) {
  return {
    mine: async (blocks = 1) => {
      await rpc('anvil_mine', [`0x${blocks.toString(16)}`])
    },
    snapshot: () => rpc('evm_snapshot'),
    revert: async (id) => {
      if (!(await rpc('evm_revert', [id]))) throw new Error(`there is no snapshot ${id}`)
    },
    reorg: async (depth, transactions = []) => {
      await rpc('anvil_reorg', [depth, transactions.map(({ block = 0, raw, ...call }) => [raw ?? call, block])])
    },
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

// Anvil

async function startAnvil(port, chainId, blockTimeSeconds, genesisSeconds) {
  const flags = ['--port', String(port), '--chain-id', String(chainId), '--host', '127.0.0.1']
  if (blockTimeSeconds !== undefined) flags.push('--block-time', String(blockTimeSeconds))
  if (genesisSeconds !== undefined) flags.push('--timestamp', String(genesisSeconds))
  const keeper = join(import.meta.dirname, 'keep-anvil.mjs')
  const child = spawn(process.execPath, [keeper, anvilBinary(), ...flags], { stdio: 'pipe' })
  let complaint = ''
  child.stderr.on('data', (chunk) => (complaint += chunk))
  const ended = new Promise((resolve) => child.once('close', () => resolve(complaint.trim())))
  child.stdin.on('error', () => undefined)
  const stop = async () => {
    child.stdin.destroy()
    await ended
  }
  try {
    return { port: await portOf(child, ended, port), stop, ended }
  } catch (error) {
    await stop()
    throw error
  }
}

/** The port that anvil says it listens on: what else answers there would not be ours. */
function portOf(child, ended, wanted) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`anvil did not start in ${STARTED_MS} ms`)), STARTED_MS)
    let said = ''
    const listen = (chunk) => {
      said += chunk
      const port = /^Listening on \S+:(\d+)\s/mu.exec(said)?.[1]
      if (port === undefined) return
      clearTimeout(late)
      child.stdout.off('data', listen).resume()
      resolve(Number(port))
    }
    child.stdout.on('data', listen)
    child.once('error', reject)
    void ended.then((complaint) => {
      clearTimeout(late)
      reject(new Error(endOf(complaint, wanted)))
    })
  })
}

function endOf(complaint, port) {
  if (/address already in use/iu.test(complaint)) return `port ${port} is in use`
  return `anvil ended: ${complaint || 'it said nothing'}`
}

/** The binary that npm brought for this platform. */
function anvilBinary() {
  const os = { darwin: 'darwin', linux: 'linux', win32: 'win32' }[process.platform]
  const cpu = { x64: 'amd64', arm64: 'arm64' }[process.arch]
  const require = createRequire(import.meta.url)
  return require.resolve(`@foundry-rs/anvil-${os}-${cpu}/bin/anvil${os === 'win32' ? '.exe' : ''}`)
}
