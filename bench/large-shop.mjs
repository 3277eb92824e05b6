// Shops of many objects or many sets, written once by a real relay, over its socket, and kept for the next run.

import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { publicKeyOf } from '../dist/bytes/signature.node.js'
import { walletOf } from '../dist/cli/wallet.js'
import { enrol } from '../dist/client/enrol.js'
import { map, openSession } from './session.mjs'

export const SHOP = 4_713n
/** The owner's card. */
export const SECRET = new Uint8Array(32).fill(0x1b)
const WALLET = '1c'.repeat(32)
const LISTINGS_PER_SET = 400
/** How many listings the many sets change. */
const CHANGED_LISTINGS = 1_000
const IN_FLIGHT = { objects: 8, sets: 1_024 }
const CLOCK_TICKS_PER_SECOND = 100

/**
 * The data directory of a shop with so many listings (`kind` 'objects'), or of as many sets that change a price each
 * ('sets'): made if it is not there. `folder` holds one for each.
 */
export async function largeShop(folder, kind, count, say) {
  const data = join(folder, `${kind}-${count}`)
  if (existsSync(data)) return data
  const unfinished = `${data}.unfinished`
  rmSync(unfinished, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const relay = await startRelay(unfinished)
  try {
    const wallet = walletOf(WALLET)
    await enrol({ url: relay.url, shop: SHOP, card: publicKeyOf(SECRET), wallet })
    const session = await openSession(relay.url, SHOP, SECRET)
    const listings = kind === 'objects' ? count : CHANGED_LISTINGS
    await writeAll(session, listingSets(listings), IN_FLIGHT.objects)
    if (kind === 'sets') await writeAll(session, priceSets(count), IN_FLIGHT.sets, say)
    session.close()
  } finally {
    await relay.stop()
  }
  renameSync(unfinished, data)
  return data
}

/** A relay over the directory, with `more` flags: its address, what it used so far, and its end. */
export async function startRelay(data, more = []) {
  const launcher = join(import.meta.dirname, '../src/cli/cairn.js')
  const flags = ['serve', '--empty', '--port', '0', '--metrics-port', '0', '--data', data, ...more]
  const child = spawn(process.execPath, [launcher, ...flags], { stdio: ['ignore', 'pipe', 'ignore'] })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const url = await new Promise((resolve, reject) => {
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += String(chunk)
      const found = /listens on (\S+)/u.exec(output)?.[1]
      if (found !== undefined) resolve(found)
    })
    child.once('exit', (code, signal) => reject(new Error(`the relay ended at its start: ${code ?? signal}`)))
  })
  const end = (signal) => {
    child.kill(signal)
    return ended
  }
  return {
    url,
    pid: child.pid,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    use: () => useOf(child.pid),
  }
}

/**
 * CPU seconds of a process, and of its main thread alone; the most memory that it had, and what of it is its own and
 * not a file's now, MiB; bytes that it wrote to files (not write_bytes: a file system with large folios counts each of
 * them whole for one page in it). From /proc, on Linux.
 */
export function useOf(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const mib = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`, 'u').exec(status)[1]) / 1_024
  const writtenBytes = Number(/^wchar: (\d+)/mu.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))[1])
  const mainNs = Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[0])
  const ticks = Number(fields[11]) + Number(fields[12])
  const cpu = { cpu: ticks / CLOCK_TICKS_PER_SECOND, mainCpu: mainNs / 1e9 }
  return { ...cpu, peakMib: mib('VmHWM'), anonymousMib: mib('RssAnon'), writtenBytes }
}

function* listingSets(count) {
  for (let first = 1; first <= count; first += LISTINGS_PER_SET)
    yield Array.from({ length: Math.min(LISTINGS_PER_SET, count - first + 1) }, (_, i) => listing(BigInt(first + i)))
}

function listing(id) {
  const Metadata = map({ Title: `Listing ${id}`, Description: 'A thing to buy, described in a sentence.' })
  return { op: 'add', path: ['Listings', id], value: map({ ID: id, Price: 100n, Metadata, ViewState: 1n }) }
}

/** Sets that change a price each. */
export function* priceSets(count) {
  for (let turn = 1; turn <= count; turn++) {
    const id = BigInt((turn * 7_919) % CHANGED_LISTINGS) + 1n
    yield [{ op: 'replace', path: ['Listings', id, 'Price'], value: BigInt(turn) }]
  }
}

/** All sets in order, so many without an answer. Throws when one is refused. */
async function writeAll(session, sets, inFlight, say = () => undefined) {
  let written = 0
  const writeOn = async () => {
    for (const changes of sets) {
      await session.written(changes)
      if (++written % 100_000 === 0) say(`${written} sets written`)
    }
  }
  // One iterator for all: each goes on with the set that is next.
  await Promise.all(Array.from({ length: inFlight }, writeOn))
}
