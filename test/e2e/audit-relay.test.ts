/** `cairn audit URL`: what a running relay shows a member of the shop, against the checkpoints that it signs. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { prefixedHex, toHex } from '../../src/bytes/hex.js'
import { cairn } from '../fixtures/cairn.js'
import { cairn as cairnProcess, endAll } from '../fixtures/program.js'
import {
  enrolCard,
  listing,
  newSecret,
  order,
  relay,
  SHOP,
  state,
  stock,
  Wire,
  type TestRelay,
} from '../fixtures/relay-harness.js'

let running: TestRelay
let home: string
let card: string
let guestCard: string
const [owner, guest] = [newSecret(), newSecret()]

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'cairn-audit-'))
  ;[card, guestCard] = [join(home, 'owner.key'), join(home, 'guest.key')]
  await writeFile(card, toHex(owner))
  await writeFile(guestCard, toHex(guest))
  running = await relay({})
  await enrolCard(running.url, owner)
  await enrolCard(running.url, guest, { guest: true })
  await write(owner, [listing(1n), listing(2n)])
  await write(owner, [stock(1n, 50n)])
  await write(guest, [order(100n, 1n, 2n)])
  await write(guest, [state(100n, 3n)])
})
afterEach(() => endAll())
afterAll(async () => {
  await running.stop()
  await rm(home, { recursive: true })
})

async function write(secret: Uint8Array, changes: Parameters<Wire['signed']>[1]): Promise<void> {
  const wire = await Wire.as(running.url, secret)
  await wire.done({ kind: 'write', patchSet: wire.signed(secret, changes, SHOP) })
  await wire.close()
}

const audit = (...argv: string[]) => cairn('audit', running.url, '--shop', `${SHOP}`, ...argv)

/** It tells how far it is at most as often. */
const EVERY_SECOND = { interval: 1_100, timeout: 45_000 }

describe('by the card of a member', () => {
  it('all that the checkpoints sign follows from the sets: 0', async () => {
    const { code, out, err } = await audit('--card', card, '--relay', prefixedHex(running.address))
    expect([code, out], err).toEqual([
      0,
      expect.stringMatching(/^shop 77: all of sets 1 to \d+ follows; .* checkpoints/u),
    ])
  })

  it('nobody named the relay: 3; another one did: 1', async () => {
    const unnamed = await audit('--card', card)
    expect([unnamed.code, unnamed.out]).toEqual([3, expect.stringContaining('cannot say: whose it is')])
    const { code, out } = await audit('--card', card, '--relay', `0x${'11'.repeat(20)}`)
    expect([code, out]).toEqual([1, expect.stringMatching(/^shop 77, set 1: /u)])
  })

  it('--follow goes on, and Ctrl-C ends it: 0', async () => {
    const argv = ['audit', running.url, '--shop', `${SHOP}`, '--card', card, '--follow', '--relay']
    const program = cairnProcess([...argv, prefixedHex(running.address)])
    await program.says(/^shop 77: all of sets 1 to 6 follows; going on until something differs$/mu, 'err')
    let id = 101n
    const last = await vi.waitFor(async () => {
      await write(guest, [order(id++, 2n, 1n)])
      const told = [...program.err.matchAll(/^shop 77: all of sets 1 to (\d+) follows$/gmu)].at(-1)
      expect(told).toBeDefined()
      return Number(told![1])
    }, EVERY_SECOND)
    expect(await program.end('SIGINT')).toBe(0)
    const [, audited] = /^shop 77: all of sets 1 to (\d+) follows; .*, the last of set \d+;/u.exec(program.out)!
    expect(Number(audited)).toBeGreaterThanOrEqual(last)
  })
})

describe('what cannot be audited', () => {
  it('without a card, or with a guest’s: 3, and why', async () => {
    const none = await audit()
    expect([none.code, none.out]).toEqual([3, ''])
    expect(none.err).toMatch(/^cairn audit: cannot say: without the card of an owner or a clerk/u)
    const guests = await audit('--card', guestCard)
    expect([guests.code, guests.out, guests.err]).toEqual([3, '', none.err])
  })

  it('a relay or a shop that is not there: 2, and a line', async () => {
    const gone = await cairn('audit', 'http://127.0.0.1:1', '--shop', '77', '--card', card)
    expect([gone.code, gone.err]).toEqual([2, 'cairn audit: no relay answers at http://127.0.0.1:1'])
    const other = await cairn('audit', running.url, '--shop', '4', '--card', card)
    expect([other.code, other.out]).toEqual([2, ''])
    expect((await cairn('audit', running.url, '--card', card)).err).toBe('cairn audit: give the shop: --shop ID')
  })
})
