/**
 * Names in a directory become durable with it, not with their files (POSIX fsync).
 *
 * Tests: test/store/blobs.test.ts, test/disk/whole-file.test.ts
 */

import { open } from 'node:fs/promises'

/** Resolves when the directory's present names are on disk. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
