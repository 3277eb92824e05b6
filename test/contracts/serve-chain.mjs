/** `npm run dev:chain`: a chain to try cairn with. Prints the settings for `cairn serve --chain FILE`; Ctrl-C stops it. */

import { startDevChain } from './dev-chain.mjs'

const flag = process.argv.indexOf('--port')
const port = flag === -1 ? 8545 : Number(process.argv[flag + 1])

try {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error('--port has to be a number from 1 to 65535')
  const chain = await startDevChain({ port })
  process.stdout.write(`${settingsOf(chain)}\n`)
  process.stderr.write(`${talkOf(chain)}\n`)
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void chain.stop().then(() => process.exit(0)))
} catch (error) {
  process.stderr.write(`dev:chain: ${error.message.split('\n')[0]}\n`)
  process.exitCode = 1
}

function settingsOf({ rpcUrl, chainId, addresses: { shops, relays, payments } }) {
  const settings = {
    registry: { chainId, shops, relays },
    chains: [{ chainId, rpc: [rpcUrl], payments, depth: 1, pollMs: 500 }],
  }
  return JSON.stringify(settings, undefined, 2)
}

function talkOf({ rpcUrl, addresses, accounts }) {
  return [
    '',
    `The development chain answers on ${rpcUrl}. Above are the settings for cairn serve --chain FILE;`,
    port === 8545
      ? 'npm start -- --chain dev uses them without a file.'
      : 'with port 8545 npm start -- --chain dev would do without a file.',
    '',
    `  token with 2 decimals  ${addresses.token}`,
    ...accounts.slice(1).map(({ address, secret }) => `  account                ${address}  key ${secret}`),
    '',
    'Ctrl-C stops it; nothing of it is kept.',
  ].join('\n')
}
