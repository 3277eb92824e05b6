// A witness that is not ours, for check:forms: torchwood's litewitness, with its key in an ssh-agent of its own. Which
// logs it knows stands in a SQLite database, into which Python puts the relay's (the tool that does it otherwise needs
// packages that are not fetched here).

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

const MODULE = 'filippo.io/torchwood/cmd/litewitness@v0.9.0'
const NAME = 'witness.example/w'
const PATIENCE_MS = 30_000
const ADD_LOG = `
import base64, hashlib, sqlite3, sys
database, origin, key = sys.argv[1:]
empty = base64.b64encode(hashlib.sha256(b"").digest()).decode()
with sqlite3.connect(database, timeout=10) as connection:
    connection.execute("INSERT INTO log (origin, tree_size, tree_hash) VALUES (?, 0, ?)", (origin, empty))
    connection.execute("INSERT INTO key (origin, key) VALUES (?, ?)", (origin, key))
`

/** Resolves with its name, how the relay's setting names it, its key, and how it learns of a log and is stopped. */
export async function startLitewitness(directory) {
  run('go', ['install', MODULE], { env: { ...process.env, GOBIN: directory, GOFLAGS: '' } })
  const [agent, key, database] = ['agent', 'witness', 'witness.db'].map((name) => join(directory, name))
  run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key])
  const children = [spawn('ssh-agent', ['-D', '-a', agent], { stdio: 'ignore' })]
  const stop = () => Promise.all(children.map(ended))
  try {
    await until(() => existsSync(agent))
    run('ssh-add', ['-q', key], { env: { ...process.env, SSH_AUTH_SOCK: agent } })
    const [, fingerprint] = String(execFileSync('ssh-keygen', ['-lf', `${key}.pub`])).split(' ')
    const address = `127.0.0.1:${await freePort()}`
    const flags = ['-listen', address, '-db', database, '-key', fingerprint, '-name', NAME, '-ssh-agent', agent]
    const child = spawn(join(directory, 'litewitness'), flags, { stdio: ['ignore', 'ignore', 'pipe'] })
    children.push(child)
    let said = ''
    child.stderr.on('data', (part) => (said += String(part)))
    await until(() => said.includes('msg=listening'))
    const [, vkey] = /vkey=(\S+)/u.exec(said)
    const addLog = (origin, verifierKey) => run('python3', ['-c', ADD_LOG, database, origin, verifierKey])
    return { name: NAME, vkey, setting: `http://${address} ${vkey}`, addLog, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function ended(child) {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}

async function until(condition) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await wait(20)) if (condition()) return
  throw new Error('the witness did not start')
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

function run(program, args, options = {}) {
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'], ...options })
}
