/**
 * Packages that one script needs and nobody else: of a package.json of their own, out of the way of the project's, and
 * installed when the script first runs.
 */

import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '..')

/** Where those of `folder`, such as `docs`, are installed: once for each state of its lock. */
export function ownTools(folder) {
  const place = join(ROOT, `node_modules/.cairn-${folder}`)
  const [lock, done] = [join(ROOT, folder, 'package-lock.json'), join(place, 'package-lock.json')]
  const isThere = existsSync(join(place, 'node_modules')) && existsSync(done)
  if (isThere && readFileSync(done, 'utf8') === readFileSync(lock, 'utf8')) return place
  mkdirSync(place, { recursive: true })
  copyFileSync(join(ROOT, folder, 'package.json'), join(place, 'package.json'))
  copyFileSync(lock, done)
  execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: place, stdio: 'inherit' })
  return place
}
