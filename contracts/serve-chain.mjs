/**
 * `npm run dev:chain`: a chain to try cairn with. Prints the settings for `cairn serve --chain FILE`; Ctrl-C stops it.
 * `-- --port N` has it answer on another port. A block comes with each transaction, and one every minute without any
 * (`--block-every SECONDS`): deadlines of orders are reckoned from the newest one, and of a chain that stood still for
 * a day all would be over as soon as they are set.
 */

import { parseArgs } from 'node:util'
import { startDevChain } from './dev-chain.mjs'

/** Where `cairn serve --chain dev` looks for it. */
const USUAL_PORT = 8545
const BLOCK_EVERY_SECONDS = 60

try {
  const { port, everySeconds } = numbersOf(process.argv.slice(2))
  const chain = await startDevChain({ port })
  const blocks = setInterval(() => void chain.mine().catch(() => undefined), everySeconds * 1_000)
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
  clearInterval(blocks)
  if (!wanted) throw new Error(`anvil ended: ${complaint || 'it said nothing'}`)
} catch (error) {
  process.stderr.write(`dev:chain: ${error.message.split('\n')[0]}\n`)
  process.exitCode = 1
}

function numbersOf(args) {
  const { values } = parseArgs({ args, options: { port: { type: 'string' }, 'block-every': { type: 'string' } } })
  const whole = (name, usual, most) => {
    const number = Number(values[name] ?? usual)
    if (Number.isInteger(number) && number >= 1 && number <= most) return number
    throw new Error(`--${name} has to be a number from 1 to ${most}`)
  }
  return { port: whole('port', USUAL_PORT, 65_535), everySeconds: whole('block-every', BLOCK_EVERY_SECONDS, 86_400) }
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
