/**
 * `npm run generate`: makes of cddl/envelope.proto what the tests compare the project's own reader and writer with, and
 * beside it `made-of.json`, by which the tests see whether one was changed without the other. `-- --check` writes
 * nothing and exits with 1 where something else would be made. Needs the registry of npm the first time.
 */

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { ownTools } from './own-tools.mjs'

const ROOT = resolve(import.meta.dirname, '..')
const PROTO = 'cddl/envelope.proto'
const PLACE = 'test/fixtures/generated'
const { values: options } = parseArgs({ options: { check: { type: 'boolean', default: false } } })

const made = generated()
if (options.check) check(made)
else for (const [file, text] of made) writeFileSync(join(ROOT, file), text)

/** Texts by the paths of their files. */
function generated() {
  const programs = join(ownTools('cddl'), 'node_modules/.bin')
  const folder = mkdtempSync(join(tmpdir(), 'cairn-generated-'))
  try {
    execFileSync(join(programs, 'buf'), ['generate', 'cddl', '--template', '.buf.gen.yaml', '-o', folder], {
      cwd: ROOT,
      env: { ...process.env, PATH: `${programs}${delimiter}${process.env.PATH}` },
      stdio: 'inherit',
    })
    const texts = readdirSync(join(folder, PLACE)).map((name) => [
      `${PLACE}/${name}`,
      readFileSync(join(folder, PLACE, name), 'utf8'),
    ])
    const hashes = [[PROTO, readFileSync(join(ROOT, PROTO), 'utf8')], ...texts].map(([file, text]) => [
      file,
      hashOf(text),
    ])
    return [...texts, [`${PLACE}/made-of.json`, `${JSON.stringify(Object.fromEntries(hashes), undefined, 2)}\n`]]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function check(texts) {
  const differ = texts.filter(([file, text]) => readFileSync(join(ROOT, file), 'utf8') !== text).map(([file]) => file)
  if (differ.length === 0) return console.log(`${PLACE} is what ${PROTO} makes`)
  console.error(`npm run generate makes another ${differ.join(', ')}`)
  process.exitCode = 1
}

function hashOf(text) {
  return createHash('sha256').update(text).digest('hex')
}
