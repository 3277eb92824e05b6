// Samples of a relay that runs: its demo shop's log, with everything fetched over HTTP as a stranger would.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import * as notes from '../dist/notes/forms.js'
import { readLogProofAnswer } from '../dist/wire/proof-payloads.js'

const FLAGS = ['--port', '0', '--metrics-port', '0', '--log-format', 'json']
/** Sets that the log has before anything is fetched. */
const SETS = 12
const PATIENCE_MS = 60_000

/** Starts a relay with `more` flags; resolves with what it printed, and how to stop it. */
async function startRelay(directory, more) {
  const args = ['src/cli/cairn.js', 'serve', '--data', join(directory, 'relay'), ...FLAGS, ...more]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  const exited = once(child, 'exit')
  let said = ''
  child.stdout.on('data', (part) => (said += String(part)))
  const found = (pattern) => pattern.exec(said)?.[1]
  const until = Date.now() + PATIENCE_MS
  while (found(/--shop (\d+) --listing/u) === undefined && Date.now() < until && child.exitCode === null) await wait(50)
  const stop = async () => {
    child.kill('SIGTERM')
    await exited
  }
  const facts = {
    url: found(/listens on (\S+)/u),
    shop: found(/--shop (\d+) --listing/u),
    address: found(/relay address\s+0x(\w+)/u),
  }
  if (facts.shop !== undefined) return { ...facts, stop }
  await stop()
  throw new Error(`the relay did not start: ${said}`)
}

async function fetched(url) {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${url} answers ${response.status}: ${await response.text()}`)
  return new Uint8Array(await response.arrayBuffer())
}

const textOf = async (url) => new TextDecoder().decode(await fetched(url))

/** Asks until `take` takes the shop's newest note. */
async function noteOf(base, take) {
  for (const until = Date.now() + PATIENCE_MS; Date.now() < until; await wait(200)) {
    const note = await textOf(`${base}/checkpoint.note`).catch(() => undefined)
    if (note !== undefined && take(note)) return note
  }
  throw new Error('no such note came')
}

/** Samples of every set of a log that a relay signed, and that the witness cosigned. */
export async function samplesOfRelay(directory, witness) {
  const more = ['--witnesses', witness.setting, '--witness-interval-seconds', '1']
  const { url, shop, address, stop } = await startRelay(directory, more)
  try {
    const base = `${url}/v5/shops/${shop}`
    await noteOf(base, () => true)
    const signed = notes.decodeSignedBinding(await fetched(`${base}/note-key`))
    const log = logOf(notes.verifyBinding(signed, [new Uint8Array(Buffer.from(address, 'hex'))]))
    witness.addLog(log.origin, log.verifierKey)
    const isCosigned = (text) => text.includes(`\u2014 ${witness.name} `)
    const note = await noteOf(base, (text) => Number(text.split('\n')[1]) >= SETS && isCosigned(text))
    const cosigned = notes.verifiedCosignatures(notes.verifyNote(note, log.binding), [
      notes.readWitnessKey(witness.vkey),
    ])
    if (cosigned.length !== 1) throw new Error(`the note has ${cosigned.length} cosignatures of the witness, not 1`)
    const size = Number(note.split('\n')[1])
    const samples = []
    for (let seq = 1; seq <= size; seq++) samples.push(await sampleOf(base, { log, seq, size, witness: witness.vkey }))
    return samples
  } finally {
    await stop()
  }
}

async function sampleOf(base, { log, seq, size, witness }) {
  const { Set, StateRoot } = readLogProofAnswer(await fetched(`${base}/log/${seq}?at=${size}`))
  return {
    log,
    seq,
    size,
    witness,
    statement: notes.logLeafBytes({ Seq: BigInt(seq), Set, StateRoot }),
    proof: await textOf(`${base}/tlog-proof/${seq}?at=${size}`),
    receipt: await fetched(`${base}/cose-receipt/${seq}?at=${size}`),
  }
}

/** What verifiers need of it. */
function logOf(binding) {
  const { Origin: origin, NoteKey: noteKey } = binding.fields
  const verifierKey = notes.verifierKey(origin, noteKey)
  return { origin, noteKey, binding, verifierKey, keyId: notes.noteKeyId(origin, 1, noteKey) }
}
