/**
 * `npm run dev:chain`: a chain to try cairn with. Prints the settings for `cairn serve --chain FILE`; Ctrl-C stops it.
 * `-- --port N` has it answer on another port.
 */

import { parseArgs } from 'node:util'
import { startDevChain } from './dev-chain.mjs'

/** Where `cairn serve --chain dev` looks for it. */
const USUAL_PORT = 8545

try {
  const port = portOf(process.argv.slice(2))
  const chain = await startDevChain({ port })
  process.stdout.write(`${settingsOf(chain)}\n`)
  process.stderr.write(`${talkOf(chain, port)}\n`)
  let wanted = false
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      wanted = true
      void chain.stop()
    })
  }
  const complaint = await chain.ended
  if (!wanted) throw new Error(`anvil ended: ${complaint || 'it said nothing'}`)
} catch (error) {
  process.stderr.write(`dev:chain: ${error.message.split('\n')[0]}\n`)
  process.exitCode = 1
}

function portOf(args) {
  const { values } = parseArgs({ args, options: { port: { type: 'string', default: String(USUAL_PORT) } } })
  const port = Number(values.port)
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error('--port has to be a number from 1 to 65535')
  return port
}

function settingsOf({ rpcUrl, chainId, addresses: { shops, relays, payments } }) {
  const settings = {
    registry: { chainId, shops, relays },
    chains: [{ chainId, rpc: [rpcUrl], payments, depth: 1, pollMs: 500 }],
  }
  return JSON.stringify(settings, undefined, 2)
}

function talkOf({ rpcUrl, addresses, accounts }, port) {
  return [
    '',
    `The development chain answers on ${rpcUrl}. Above are the settings for cairn serve --chain FILE;`,
    `npm start -- --chain dev${port === USUAL_PORT ? '' : `:${port}`} uses them without a file.`,
    '',
    `  token with 2 decimals  ${addresses.token}`,
    ...accounts.slice(1).map(({ address, secret }) => `  account                ${address}  key ${secret}`),
    '',
    'Ctrl-C stops it; nothing of it is kept.',
  ].join('\n')
}
