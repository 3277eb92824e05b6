/**
 * The relay's secret key: a file of its own, made at the first start, readable by its owner alone; or the environment.
 *
 * Tests: test/settings/relay-key.test.ts, test/cli/serve.test.ts
 */

import { randomBytes } from 'node:crypto'
import { open } from 'node:fs/promises'
import { publicKeyOf } from '#signature'
import { fromHex, toHex } from '../bytes/hex.js'

/** Holds the relay's key, 64 hexadecimal digits, in place of a file. */
export const KEY_VARIABLE = 'CAIRN_RELAY_KEY'
/** Whoever else may read or write it. */
const OTHERS = 0o077

/** A key file that holds no key, or that others may read; the message is one line for people. */
export class KeyFileError extends Error {
  override readonly name = 'KeyFileError'
}

/** 32 bytes, from the file; made and written there if it is missing (`isNew`). Throws KeyFileError. */
export async function readOrMakeKey(file: string): Promise<{ readonly secret: Uint8Array; readonly isNew: boolean }> {
  const secret = await readKeyFile(file)
  return secret === undefined ? { secret: await makeKeyFile(file), isNew: true } : { secret, isNew: false }
}

/** 32 bytes; undefined if there is no such file. Throws KeyFileError. */
export async function readKeyFile(file: string): Promise<Uint8Array | undefined> {
  try {
    const handle = await open(file, 'r')
    try {
      const secret = parseKey(await handle.readFile('utf8'), file)
      const stat = await handle.stat()
      if (stat.isFile() && (stat.mode & OTHERS) !== 0 && process.platform !== 'win32')
        throw new KeyFileError(`${file} can be read by others than its owner: chmod 600 ${file}`)
      return secret
    } finally {
      await handle.close()
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** A new key, on disk when this resolves. Rejects where the file is there. */
export async function makeKeyFile(file: string): Promise<Uint8Array> {
  const secret = new Uint8Array(randomBytes(32))
  const handle = await open(file, 'wx', 0o600)
  await handle.writeFile(`${toHex(secret)}\n`)
  await handle.datasync()
  await handle.close()
  return secret
}

/** Throws KeyFileError. */
export function readKeyVariable(text: string): Uint8Array {
  return parseKey(text, KEY_VARIABLE)
}

/** 32 bytes; `place` is told, what stands there is not. Throws KeyFileError. */
export function parseKey(text: string, place: string): Uint8Array {
  try {
    const secret = fromHex(text.trim())
    publicKeyOf(secret)
    return secret
  } catch (error) {
    const advice = 'put the right key back, or move the file away to make a new one'
    const what = place === KEY_VARIABLE ? 'put the right key there, or leave it out' : advice
    throw new KeyFileError(`${place} holds no key of 64 hexadecimal digits: ${what}`, { cause: error })
  }
}
