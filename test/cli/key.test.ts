/** cairn key, as an operator types it: what it makes, tells and hands over, and what it never tells. */

import { chmod, copyFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { addressOf, publicKeyOf } from '#signature'
import { fromHex, prefixedHex, toHex } from '../../src/bytes/hex.js'
import { main } from '../../src/cli/main.js'
import { relaysAfter, verifyHandOver } from '../../src/proofs/hand-over.js'
import { readHandOvers } from '../../src/store/hand-overs.js'
import { lock } from '../../src/store/lock.js'
import { freshDirectory, removeDirectory } from '../fixtures/store-directory.js'

const DEVELOPMENT = { ChainID: 31_337n, Registry: new Uint8Array(20), Relay: 1n }
const SECRET = 'ab'.repeat(32)

let data: string
let file: string

beforeEach(async () => {
  data = await freshDirectory()
  file = join(data, 'relay.key')
})
afterEach(() => removeDirectory(data))

async function key(verb: string, flags: readonly string[] = ['--data', data], env: Record<string, string> = {}) {
  const [out, err]: [string[], string[]] = [[], []]
  const { signal } = new AbortController()
  const io = { out: (line: string) => out.push(line), err: (line: string) => err.push(line), env, isTerminal: false }
  const code = await main(['key', verb, ...flags], { ...io, signal })
  return { code, out: out.join('\n'), err: err.join('\n') }
}

const secretIn = async (path = file) => fromHex((await readFile(path, 'utf8')).trim())
const addressIn = async (path = file) => addressOf(publicKeyOf(await secretIn(path)))

describe('cairn key', () => {
  it('makes a key once, and shows whose it is', async () => {
    const made = await key('make')
    const [address, publicKey] = [await addressIn(), publicKeyOf(await secretIn())].map(prefixedHex)
    const told = `address      ${address}\npublic key   ${publicKey}\nin           ${file}`
    expect(made).toEqual({ code: 0, out: told, err: '' })
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await key('show')).toEqual(made)
    expect(await key('make')).toMatchObject({
      code: 1,
      err: `cairn key: ${file} holds a key: cairn key show tells of it`,
    })
  })

  it('hands over from key to key, and keeps the old ones', async () => {
    await key('make')
    const keys = [await addressIn()]
    for (let i = 0; i < 2; i++) {
      const old = keys.at(-1)!
      const { code, out, err } = await key('rotate')
      keys.push(await addressIn())
      expect([code, err]).toEqual([0, `the old key is kept in ${file}.${toHex(old)}; start the relay again`])
      expect(out).toContain(`address      ${prefixedHex(keys.at(-1)!)}`)
      expect(out).toContain(`handed over  ${prefixedHex(old)} to ${prefixedHex(keys.at(-1)!)} at 2`)
      expect(await addressIn(`${file}.${toHex(old)}`)).toEqual(old)
    }
    const handOvers = await readHandOvers(file)
    expect(verifyHandOver(handOvers[0]!, [keys[0]!], DEVELOPMENT).To).toEqual(keys[1])
    expect(relaysAfter(handOvers, [keys[0]!], DEVELOPMENT)).toEqual(keys)
    for (const name of await readdir(data)) expect((await stat(join(data, name))).mode & 0o077, name).toBe(0)
    expect((await key('show')).out.match(/handed over/gu)).toHaveLength(2)
  })

  it('is not rotated under a relay that runs', async () => {
    await key('make')
    const address = await addressIn()
    const release = await lock(data)
    const { code, err } = await key('rotate')
    await release()
    expect([code, err]).toEqual([1, expect.stringContaining(`is in use by process ${process.pid}: stop it`)])
    expect(await addressIn()).toEqual(address)
    expect((await key('rotate')).code).toBe(0)
  })

  it('goes on with a rotation that was interrupted, wherever that was', async () => {
    await key('make')
    const [before, first] = [join(data, 'before'), await addressIn()]
    await copyFile(file, before)
    await key('rotate')
    const to = await addressIn()
    // Before the new key had its name: it stands beside, and the hand-over is signed, or not yet.
    for (const isSigned of [true, false]) {
      await rename(file, `${file}.new`)
      await copyFile(before, file)
      await chmod(file, 0o600)
      if (!isSigned) await rm(`${file}.handovers`)
      expect((await key('rotate')).code).toBe(0)
      expect(await addressIn()).toEqual(to)
      expect(relaysAfter(await readHandOvers(file), [first], DEVELOPMENT)).toEqual([first, to])
    }
  })

  it('hands over as the relay of a chain', async () => {
    await key('make')
    const first = await addressIn()
    const chain = join(data, 'chain.json')
    const registry = { chainId: 1, shops: `0x${'a'.repeat(40)}`, relays: `0x${'b'.repeat(40)}`, relayTokenId: '0x7b' }
    await writeFile(chain, JSON.stringify({ registry, chains: [{ chainId: 1, rpc: ['http://127.0.0.1:1'] }] }))
    await key('rotate', ['--data', data, '--chain', chain])
    const onChain = { ChainID: 1n, Registry: fromHex('a'.repeat(40)), Relay: 123n }
    expect(verifyHandOver((await readHandOvers(file))[0]!, [first], onChain).To).toEqual(await addressIn())
  })

  it('on the development chain is of the token that the first key has', async () => {
    await key('make')
    const first = await addressIn()
    for (let i = 0; i < 2; i++) await key('rotate', ['--data', data, '--chain', 'dev'])
    const [{ Relay }] = [
      verifyHandOver((await readHandOvers(file))[0]!, [first], {
        ChainID: 31_337n,
        Registry: fromHex('e7f1725e7734ce288f8367e1bb143e90bb3f0512'),
        Relay: BigInt(prefixedHex(first)),
      }),
    ]
    const handOvers = await readHandOvers(file)
    const identity = { ChainID: 31_337n, Registry: fromHex('e7f1725e7734ce288f8367e1bb143e90bb3f0512'), Relay }
    expect(relaysAfter(handOvers, [first], identity).at(-1)).toEqual(await addressIn())
  })

  it('takes the key of the environment to show it, and for nothing else', async () => {
    const env = { CAIRN_RELAY_KEY: SECRET }
    const { code, out } = await key('show', [], env)
    expect([code, out]).toEqual([0, expect.stringContaining(prefixedHex(addressOf(publicKeyOf(fromHex(SECRET)))))])
    expect(out).not.toContain(SECRET)
    for (const verb of ['make', 'rotate'])
      expect(await key(verb, ['--data', data], env)).toMatchObject({
        code: 1,
        err: expect.stringMatching(/CAIRN_RELAY_KEY/u),
      })
    expect(await readdir(data)).toEqual([])
  })

  it('tells in one line what is wrong', async () => {
    expect((await key('show')).err).toBe(`cairn key: ${file} is not there: cairn key make makes it`)
    expect((await key('rotate')).err).toBe(`cairn key: ${file} is not there: cairn key make makes it`)
    expect((await key('make', ['--data', join(data, 'no', 'where')])).err).toMatch(
      /cannot be made .*: make its folder/u,
    )
    expect((await key('destroy')).err).toMatch(/^cairn key: it needs a verb: make, show or rotate/u)
    await key('make')
    await writeFile(`${file}.handovers`, 'my notes\n')
    for (const verb of ['show', 'rotate']) expect((await key(verb)).err).toMatch(/holds no hand-overs .*: put it back/u)
    await chmod(file, 0o644)
    expect((await key('show')).err).toBe(`cairn key: ${file} can be read by others than its owner: chmod 600 ${file}`)
    await mkdir(join(data, 'later'))
    expect((await key('rotate', ['--data', join(data, 'later'), '--chain', join(data, 'none.json')])).code).toBe(1)
  })
})
