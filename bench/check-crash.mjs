// npm run check:crash: kills a relay with SIGKILL in the middle of a stream of writes, again and again on the same
// data, then looks for every set that was answered, and after a clean stop for trie nodes that nothing leads to.
// Closing line: kills N, answered M, lost L, unreachable nodes U.

import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RELAY_FLAGS, WrittenShop } from './written-shop.mjs'

const argv = process.argv.slice(2)
const kills = argv.includes('--kills') ? Number(argv[argv.indexOf('--kills') + 1]) : 50
if (!Number.isSafeInteger(kills) || kills < 1) {
  process.stderr.write('check:crash: --kills N, at least 1\n')
  process.exit(2)
}

const WINDOW = 64
/** The kill comes somewhere in here after the first answer. */
const KILL_WITHIN_MS = 150

const data = mkdtempSync(join(tmpdir(), 'cairn-crash-'))
const directory = join(data, 'relay')
const shop = new WrittenShop()

function startRelay() {
  const child = spawn(process.execPath, ['src/cli/cairn.js', ...RELAY_FLAGS, '--data', directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return new Promise((resolve, reject) => {
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += String(chunk)
      const url = /listens on (\S+)/u.exec(output)?.[1]
      if (url !== undefined) resolve({ child, url })
    })
    child.once('exit', (code, signal) => reject(new Error(`the relay ended at its start: ${code ?? signal}`)))
  })
}

/** Writes until the relay is dead; the kill comes at a moment of its own. */
async function writeUntilKilled({ child, url }) {
  const { socket, ask } = await shop.connect(url)
  const dead = new Promise((resolve) => child.once('exit', resolve))
  const fate = { killed: false }
  let sentenced = false
  const sentence = () => {
    if (sentenced) return
    sentenced = true
    setTimeout(() => {
      fate.killed = true
      child.kill('SIGKILL')
    }, Math.random() * KILL_WITHIN_MS)
  }
  const stream = async () => {
    while (!fate.killed) {
      await shop.write(ask, dead)
      sentence()
    }
  }
  const streams = Promise.all(Array.from({ length: WINDOW }, stream))
  await dead
  socket.terminate()
  await streams
}

/** Of data that a relay left at a clean stop. */
async function unreachableNodes() {
  const { child } = await startRelay()
  child.removeAllListeners('exit')
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await ended
  const options = { encoding: 'utf8' }
  const { stdout, status } = spawnSync(process.execPath, ['src/cli/cairn.js', 'check', '--data', directory], options)
  if (status !== 0) throw new Error(`cairn check: ${stdout}`)
  return Number(/unreachable nodes (\d+)/u.exec(stdout)[1])
}

try {
  for (let i = 0; i < kills; i++) {
    const relay = await startRelay()
    if (i === 0) await shop.make(relay.url)
    await writeUntilKilled(relay)
  }
  const { lost } = await shop.missing(directory)
  const unreachable = await unreachableNodes()
  const refused = [...shop.refused.values()]
  if (refused.length > 0) process.stdout.write(`refused ${refused.length}: ${refused[0].message}\n`)
  process.stdout.write(
    `kills ${kills}, answered ${shop.answered.size}, lost ${lost}, unreachable nodes ${unreachable}\n`,
  )
  process.exitCode = lost + unreachable > 0 || refused.length > 0 || shop.answered.size < kills ? 1 : 0
} finally {
  rmSync(data, { recursive: true, force: true })
}
