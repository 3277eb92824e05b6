// Who reads the forms in check:forms: our own verifier, and those of other people, which run as programs of their own.

import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import * as notes from '../dist/notes/forms.js'

const INTEROP = resolve(import.meta.dirname, '../test/interop')
const hex = (bytes) => Buffer.from(bytes).toString('hex')
const utf8 = (proof) => (typeof proof === 'string' ? new TextEncoder().encode(proof) : proof)

/** Builds the Go program of test/interop/go; its path. */
function goProgram(directory) {
  const program = join(directory, 'interop')
  run('go', ['build', '-o', program, '.'], { cwd: join(INTEROP, 'go') })
  return program
}

/** A Python with the packages of requirements.txt, each by its hash; kept between runs, as installing takes a while. */
function python() {
  const requirements = join(INTEROP, 'python/requirements.txt')
  const name = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 16)
  const kept = join(tmpdir(), `cairn-interop-${name}`)
  const program = join(kept, 'bin/python')
  if (existsSync(join(kept, 'whole'))) return program
  rmSync(kept, { recursive: true, force: true })
  run('python3', ['-m', 'venv', kept])
  run(program, ['-m', 'pip', 'install', '--quiet', '--require-hashes', '--requirement', requirements])
  run(program, ['-c', `open(${JSON.stringify(join(kept, 'whole'))}, 'w').close()`])
  return program
}

/** Why each verifier refuses each tlog-proof; '' where it takes it. */
export async function readTlog(cases, directory) {
  const theirs = await answers([goProgram(directory)], cases.map(asGo))
  return cases.map((one, i) => ({ cairn: ours(() => verifyOurs(one)), ...theirs[i] }))
}

/** The same of COSE receipts. */
export async function readCose(cases) {
  const theirs = await answers([python(), join(INTEROP, 'python/verify.py')], cases.map(asPython))
  const verify = ({ receipt, statement, log }) => notes.verifyCoseReceipt(receipt, statement, log.binding)
  return cases.map((one, i) => ({ cairn: ours(() => verify(one)), ...theirs[i] }))
}

function verifyOurs({ proof, statement, log }) {
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(utf8(proof))
  return notes.verifyTlogProof(text, statement, log.binding)
}

function ours(verify) {
  try {
    verify()
    return ''
  } catch (error) {
    if (error instanceof notes.NoteError || error.code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return error.message
    throw error
  }
}

function asGo({ proof, statement, log, witness = '' }) {
  return { Key: log.verifierKey, Witness: witness, Statement: hex(statement), Proof: hex(utf8(proof)) }
}

function asPython({ receipt, statement, log }) {
  return { Receipt: hex(receipt), Statement: hex(statement), Key: hex(log.noteKey), KeyId: hex(log.keyId) }
}

/** One answer a case, in order. */
function answers([program, ...args], cases) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    const parts = []
    child.stdout.on('data', (part) => parts.push(part))
    child.once('error', reject)
    child.once('close', (code) => {
      if (code !== 0) return reject(new Error(`${program} ended with ${code}`))
      const found = JSON.parse(Buffer.concat(parts).toString('utf8'))
      if (found.length !== cases.length) return reject(new Error(`${found.length} answers of ${cases.length}`))
      return resolve(found)
    })
    child.stdin.on('error', reject)
    child.stdin.end(JSON.stringify(cases))
  })
}

function run(program, args, options = {}) {
  execFileSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'], ...options })
}
