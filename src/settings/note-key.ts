/**
 * The key of notes (PROOFS §8): made with the relay's key and kept beside it, readable by its owner alone. A second
 * file beside it lists the bindings that were made, in hexadecimal, a line for each, so that a database that was lost
 * does not bring an origin back for another log. It is only added to.
 *
 * Tests: test/settings/note-key.test.ts
 */

import { open, readFile } from 'node:fs/promises'
import { fromHex, HexError, toHex } from '../bytes/hex.js'
import { KeyFileError, readOrMakeKey } from './relay-key.js'

export interface NoteKey {
  /** Ed25519, 32 bytes. */
  readonly secret: Uint8Array
  readonly bindings: MadeBindings
}

/** Which bindings were made, of this note key or of an earlier one. */
interface MadeBindings {
  /** Their bytes, in the order in which they were added. */
  list(): readonly Uint8Array[]
  /** Resolves when it is on disk. */
  add(bindingBytes: Uint8Array): Promise<void>
}

/** The key in `file`, made if there is none; the bindings stand in `<file>.bindings`. Rejects with KeyFileError. */
export async function openNoteKey(file: string): Promise<NoteKey & { readonly isNew: boolean }> {
  const { secret, isNew } = await readOrMakeKey(file)
  return { secret, isNew, bindings: await FileBindings.open(`${file}.bindings`) }
}

class FileBindings implements MadeBindings {
  private readonly file: string
  private readonly known: Uint8Array[]
  /** Whether the last line has its end: one that has not was cut off, and stands for nothing. */
  private isWhole: boolean

  private constructor(file: string, text: string) {
    this.file = file
    this.known = text
      .split('\n')
      .slice(0, -1)
      .flatMap((line) => readLine(line, file))
    this.isWhole = text === '' || text.endsWith('\n')
  }

  static async open(file: string): Promise<FileBindings> {
    try {
      return new FileBindings(file, await readFile(file, 'utf8'))
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (error instanceof KeyFileError) throw error
      if (code === 'ENOENT') return new FileBindings(file, '')
      throw new KeyFileError(`${file} cannot be read (${message}): check its owner and rights`, { cause: error })
    }
  }

  list(): readonly Uint8Array[] {
    return this.known
  }

  async add(bindingBytes: Uint8Array): Promise<void> {
    const line = `${toHex(bindingBytes)}\n`
    const handle = await open(this.file, 'a', 0o600)
    try {
      // What was cut off is told from a line by the mark that ends it.
      await handle.writeFile(this.isWhole ? line : `${CUT_OFF}\n${line}`)
      await handle.datasync()
    } finally {
      await handle.close()
    }
    this.isWhole = true
    this.known.push(bindingBytes)
  }
}

const CUT_OFF = ' cut off'

function readLine(line: string, file: string): Uint8Array[] {
  if (line.endsWith(CUT_OFF)) return []
  try {
    return [fromHex(line)]
  } catch (error) {
    if (!(error instanceof HexError)) throw error
    const advice = 'put it back from a backup, or move it away to begin new origins'
    throw new KeyFileError(`${file} is damaged (${error.message}): ${advice}`, { cause: error })
  }
}
