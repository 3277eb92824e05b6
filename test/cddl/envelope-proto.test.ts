/** The oracle of the envelope. `npm run generate -- --check` makes it anew, with a generator that few have at hand. */

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PLACE = 'test/fixtures/generated/'

test('neither cddl/envelope.proto nor the committed code was changed since `npm run generate`', () => {
  const madeOf = JSON.parse(readFileSync(`${ROOT}${PLACE}made-of.json`, 'utf8')) as Readonly<Record<string, string>>
  const made = readdirSync(ROOT + PLACE).filter((name) => name !== 'made-of.json')
  const files = ['cddl/envelope.proto', ...made.map((name) => PLACE + name)]
  const hashOf = (file: string) =>
    createHash('sha256')
      .update(readFileSync(ROOT + file))
      .digest('hex')
  expect(files.length).toBeGreaterThan(1)
  expect(Object.fromEntries(files.map((file) => [file, hashOf(file)]))).toEqual(madeOf)
})
