/**
 * The relay's secret key: a file of its own, made at the first start, readable by its owner alone.
 *
 * Tests: test/cli/serve.test.ts
 */

import { randomBytes } from 'node:crypto'
import { open, readFile } from 'node:fs/promises'
import { publicKeyOf } from '#signature'
import { fromHex, toHex } from '../bytes/hex.js'

/** A key file that holds no key. */
export class KeyFileError extends Error {
  override readonly name = 'KeyFileError'
}

/** 32 bytes, from the file; made and written there if it is missing (`isNew`). Throws KeyFileError. */
export async function readOrMakeKey(file: string): Promise<{ readonly secret: Uint8Array; readonly isNew: boolean }> {
  try {
    return { secret: parseKey(await readFile(file, 'utf8'), file), isNew: false }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const secret = new Uint8Array(randomBytes(32))
  const handle = await open(file, 'wx', 0o600)
  await handle.writeFile(`${toHex(secret)}\n`)
  await handle.datasync()
  await handle.close()
  return { secret, isNew: true }
}

function parseKey(text: string, file: string): Uint8Array {
  try {
    const secret = fromHex(text.trim())
    publicKeyOf(secret)
    return secret
  } catch (error) {
    throw new KeyFileError(
      `${file} holds no key of 64 hexadecimal digits: put the right key back, or move the file away to make a new one`,
      { cause: error },
    )
  }
}
