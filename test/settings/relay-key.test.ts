/** The relay's key in its file: made once, its owner's alone, and never told. */

import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { toHex } from '../../src/bytes/hex.js'
import { KeyFileError, makeKeyFile, readKeyFile, readKeyVariable, readOrMakeKey } from '../../src/settings/relay-key.js'
import { freshDirectory, removeDirectory } from '../fixtures/store-directory.js'

let file: string
let directory: string

beforeEach(async () => {
  directory = await freshDirectory()
  file = join(directory, 'relay.key')
})
afterEach(() => removeDirectory(directory))

it('is made once, for its owner alone', async () => {
  expect(await readKeyFile(file)).toBeUndefined()
  const { secret, isNew } = await readOrMakeKey(file)
  expect([isNew, (await stat(file)).mode & 0o777]).toEqual([true, 0o600])
  expect(await readOrMakeKey(file)).toEqual({ secret, isNew: false })
  expect((await readFile(file, 'utf8')).trim()).toBe(toHex(secret))
  await expect(makeKeyFile(file)).rejects.toThrow(/EEXIST/u)
})

it.each([0o644, 0o640, 0o604, 0o660, 0o620, 0o601])('is refused where its mode is %i', async (mode) => {
  await makeKeyFile(file)
  await chmod(file, mode)
  await expect(readKeyFile(file)).rejects.toThrow(`${file} can be read by others than its owner: chmod 600 ${file}`)
  await expect(readOrMakeKey(file)).rejects.toThrow(KeyFileError)
  await chmod(file, 0o400)
  expect(await readKeyFile(file)).toHaveLength(32)
})

it('is refused where it is none, without a word of it', async () => {
  for (const text of ['', 'ab', 'zz'.repeat(32), '00'.repeat(32), `${'ab'.repeat(32)} x`]) {
    await writeFile(file, text, { mode: 0o600 })
    const refused = readKeyFile(file)
    await expect(refused).rejects.toThrow(`${file} holds no key of 64 hexadecimal digits`)
    expect(() => readKeyVariable(text)).toThrow('CAIRN_RELAY_KEY holds no key of 64 hexadecimal digits')
    if (text !== '') await expect(refused).rejects.not.toThrow(text)
  }
  expect(toHex(readKeyVariable(` ${'ab'.repeat(32)}\n`))).toBe('ab'.repeat(32))
})

it('is no folder', async () => {
  await mkdir(file)
  await expect(readOrMakeKey(file)).rejects.toThrow(/EISDIR/u)
})
