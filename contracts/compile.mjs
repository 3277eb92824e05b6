/** The test contracts, compiled once per change of their sources; results are kept in node_modules/.cache. */

import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const CACHE = join(import.meta.dirname, '../node_modules/.cache/cairn-contracts')

/** Contracts by name: { abi, bytecode with 0x }. Throws with the compiler's errors. */
export function compiledContracts() {
  const names = readdirSync(import.meta.dirname)
    .filter((name) => name.endsWith('.sol'))
    .sort()
  const sources = Object.fromEntries(
    names.map((name) => [name, { content: readFileSync(join(import.meta.dirname, name), 'utf8') }]),
  )
  const require = createRequire(import.meta.url)
  const { version } = require('solc/package.json')
  const key = createHash('sha256')
    .update(JSON.stringify([version, SETTINGS, sources]))
    .digest('hex')
  const file = join(CACHE, `${key}.json`)
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    const contracts = compile(require('solc'), sources)
    mkdirSync(CACHE, { recursive: true })
    writeFileSync(`${file}.${process.pid}`, JSON.stringify(contracts))
    renameSync(`${file}.${process.pid}`, file)
    return contracts
  }
}

const SETTINGS = {
  optimizer: { enabled: true, runs: 200 },
  evmVersion: 'paris',
  outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
}

function compile(solc, sources) {
  const output = JSON.parse(solc.compile(JSON.stringify({ language: 'Solidity', sources, settings: SETTINGS })))
  const errors = (output.errors ?? []).filter(({ severity }) => severity === 'error')
  if (errors.length > 0) throw new Error(errors.map(({ formattedMessage }) => formattedMessage).join('\n'))
  return Object.fromEntries(
    Object.values(output.contracts).flatMap((file) =>
      Object.entries(file).map(([name, { abi, evm }]) => [name, { abi, bytecode: `0x${evm.bytecode.object}` }]),
    ),
  )
}
