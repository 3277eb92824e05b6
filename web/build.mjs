/**
 * Makes dist/verify.html: style, script and page in one file that asks nobody for anything. Its policy (CSP) names the
 * hashes of its own style and script, and allows nothing else.
 */

import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const inside = (name) => fileURLToPath(new URL(name, import.meta.url))
const hashOf = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

const script = await bundled(inside('verify/main.ts'))
const style = readFileSync(inside('verify/style.css'), 'utf8')
const policy = [
  "default-src 'none'",
  `script-src ${hashOf(script)}`,
  `style-src ${hashOf(style)}`,
  "base-uri 'none'",
  "form-action 'none'",
].join('; ')
const parts = { policy, style, script }
const page = readFileSync(inside('verify/page.html'), 'utf8').replaceAll(
  /\s*<!--(\w+)-->\s*/gu,
  (_place, name) => parts[name],
)
writeFileSync(inside('../dist/verify.html'), page)

/** What it imports included, without what would end a script element. */
async function bundled(input) {
  const build = await rolldown({ input, platform: 'browser', cwd: inside('..') })
  const { output } = await build.generate({ format: 'esm', minify: true, codeSplitting: false })
  await build.close()
  return output[0].code.replaceAll('</script', '<\\/script')
}
