/**
 * A file that is replaced whole: written under another name beside it, on disk there, and then renamed. Whenever the
 * process or the machine ends, the old file is there or the new one; what was written beside it may stay, and nobody
 * reads it.
 *
 * Tests: test/disk/whole-file.test.ts
 */

import { open, rename, rm, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { syncDirectory } from './sync-directory.js'

/** What was written may be lost with the machine: what a failed fsync leaves on the disk nobody knows. */
export class NotDurableError extends Error {
  override readonly name = 'NotDurableError'
  /** What the system says, as ENOSPC. */
  readonly code: string | undefined

  constructor(path: string, cause: unknown) {
    super(`${path} did not become durable (${(cause as Error).message}): check the disk`, { cause })
    this.code = (cause as NodeJS.ErrnoException).code
  }
}

interface Replacing {
  /**
   * The name that it has until it is whole, in the same directory: `<path>.new` if left out. Where several write one
   * file at a time each has a name of his own.
   */
  readonly beside?: string
}

/** All of a file, or what writes it. */
type FileContent = string | Uint8Array | ((handle: FileHandle) => Promise<void>)

/**
 * Puts a file (0600) in the place of that of this name, or where there is none; on disk when it resolves. Rejects with
 * NotDurableError, and with what the system or `content` says; then the old file stands, but for a NotDurableError of
 * the directory.
 */
export async function replaceFile(path: string, content: FileContent, options: Replacing = {}): Promise<void> {
  const handle = await placeFile(path, content, options)
  await handle.close()
}

/** The same; the new file, opened to be added to. The caller closes it. */
export async function placeFile(
  path: string,
  content: FileContent,
  { beside = `${path}.new` }: Replacing = {},
): Promise<FileHandle> {
  await rm(beside, { force: true })
  const handle = await open(beside, 'ax', 0o600)
  try {
    // Whatever the umask takes.
    await handle.chmod(0o600)
    await (typeof content === 'function' ? content(handle) : handle.writeFile(content))
    await handle.datasync().catch((cause: unknown) => {
      throw new NotDurableError(path, cause)
    })
    await moveInto(path, beside)
    return handle
  } catch (error) {
    await handle.close().catch(() => undefined)
    await rm(beside, { force: true }).catch(() => undefined)
    throw error
  }
}

/** A file that is whole and on disk takes this name, in the same directory; durable when it resolves. As above. */
export async function moveInto(path: string, from: string): Promise<void> {
  await rename(from, path)
  await syncDirectory(dirname(path)).catch((cause: unknown) => {
    throw new NotDurableError(path, cause)
  })
}
