/** The fixtures are processes of their own and run what is built. */

import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export function fixture(name: string): string {
  return join(ROOT, 'test/store/fixtures', name)
}

/** Throws unless every file of the store is built and no older than its source. */
export async function requireBuiltStore(): Promise<void> {
  const sources = await readdir(join(ROOT, 'src/store'))
  for (const source of sources) {
    const built = join(ROOT, 'dist/store', source.replace(/\.ts$/u, '.js'))
    const [from, to] = await Promise.all([modified(join(ROOT, 'src/store', source)), modified(built)])
    if (to < from) throw new Error(`${built} is missing or older than its source: run npm run build first`)
  }
}

async function modified(path: string): Promise<number> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => -Infinity,
  )
}
