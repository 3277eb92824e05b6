import { appendFile, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { openNoteKey } from '../../src/settings/note-key.js'
import { KeyFileError } from '../../src/settings/relay-key.js'
import { freshDirectory, removeDirectory } from '../fixtures/store-directory.js'

let directory: string
let file: string

beforeEach(async () => {
  directory = await freshDirectory()
  file = join(directory, 'relay.key.note')
})
afterEach(() => removeDirectory(directory))

test('is made once, its owner’s alone', async () => {
  const made = await openNoteKey(file)
  expect([made.isNew, made.secret.length, made.bindings.list()]).toEqual([true, 32, []])
  expect(await readFile(file, 'utf8')).toBe(`${toHex(made.secret)}\n`)
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  const again = await openNoteKey(file)
  expect([again.isNew, again.secret]).toEqual([false, made.secret])
})

test('keeps the bindings that were made', async () => {
  const { bindings } = await openNoteKey(file)
  await bindings.add(Uint8Array.of(1, 2))
  await bindings.add(Uint8Array.of(3))
  expect(bindings.list()).toEqual([Uint8Array.of(1, 2), Uint8Array.of(3)])
  expect((await openNoteKey(file)).bindings.list()).toEqual([Uint8Array.of(1, 2), Uint8Array.of(3)])
  expect((await stat(`${file}.bindings`)).mode & 0o777).toBe(0o600)
})

test('goes on behind a line that was cut off', async () => {
  const { bindings } = await openNoteKey(file)
  await bindings.add(Uint8Array.of(1))
  await appendFile(`${file}.bindings`, 'abc')
  const after = (await openNoteKey(file)).bindings
  expect(after.list()).toEqual([fromHex('01')])
  await after.add(Uint8Array.of(2))
  await after.add(Uint8Array.of(3))
  const whole = [fromHex('01'), fromHex('02'), fromHex('03')]
  expect(after.list()).toEqual(whole)
  expect((await openNoteKey(file)).bindings.list()).toEqual(whole)
})

test('says what is damaged', async () => {
  await writeFile(`${file}.bindings`, 'xyz\n')
  await expect(openNoteKey(file)).rejects.toThrow(KeyFileError)
  await expect(openNoteKey(file)).rejects.toThrow(/\.bindings is damaged/u)
})
