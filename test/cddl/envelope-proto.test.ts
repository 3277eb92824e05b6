import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const place = 'test/fixtures/generated'
let output = ''

beforeAll(() => {
  output = mkdtempSync(join(tmpdir(), 'cairn-generated-'))
})

afterAll(() => {
  rmSync(output, { recursive: true })
})

test('the committed code is what `npm run generate` makes of cddl/envelope.proto', () => {
  const tools = join(root, 'node_modules', '.bin')
  execFileSync(join(tools, 'buf'), ['generate', 'cddl', '--template', '.buf.gen.yaml', '-o', output], {
    cwd: root,
    env: { ...process.env, PATH: `${tools}${delimiter}${process.env['PATH'] ?? ''}` },
  })
  const names = readdirSync(join(output, place))
  expect(names).toEqual(readdirSync(join(root, place)))
  expect(names).not.toEqual([])
  for (const name of names)
    expect(readFileSync(join(output, place, name), 'utf8')).toBe(readFileSync(join(root, place, name), 'utf8'))
})
