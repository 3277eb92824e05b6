/**
 * Puts the demo's pictures into dist/, and makes its pages: style, script and page of each in one file. Its policy (CSP) names the hashes of its own
 * style and script, and allows no others.
 */

import { createHash } from 'node:crypto'
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const inside = (name) => fileURLToPath(new URL(name, import.meta.url))
const hashOf = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

/** The relay that serves the page, which a policy's 'self' may not name for WebSockets in every browser. */
const LOOPBACK = ['http', 'ws'].flatMap((scheme) => [`${scheme}://127.0.0.1:*`, `${scheme}://localhost:*`]).join(' ')
/** A shop's pictures may lie anywhere: a policy that names hosts would leave them out. */
const PICTURES = 'img-src http: https: blob: data:'

/** What a page may do beside running its own script and style; one without source is not made. */
const PAGES = [
  { name: 'verify', script: 'main.ts', allows: [] },
  // The relay, and the endpoint of a development chain.
  { name: 'storefront', script: 'main.tsx', allows: [`connect-src 'self' ${LOOPBACK}`, PICTURES] },
  { name: 'console', script: 'main.tsx', allows: [`connect-src 'self' https: wss: ${LOOPBACK}`, PICTURES] },
]

cpSync(inside('pictures'), inside('../dist/pictures'), {
  recursive: true,
  filter: (from) => !/\.(?:svg|mjs)$/u.test(from),
})
for (const page of PAGES) if (existsSync(inside(`${page.name}/${page.script}`))) await make(page)

async function make({ name, script: entry, allows }) {
  const script = await bundled(inside(`${name}/${entry}`))
  const style = readFileSync(inside(`${name}/style.css`), 'utf8')
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(script)}`,
    `style-src ${hashOf(style)}`,
    ...allows,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
  const parts = { policy, style, script }
  const page = readFileSync(inside(`${name}/page.html`), 'utf8').replaceAll(
    /\s*<!--(\w+)-->\s*/gu,
    (_place, part) => parts[part],
  )
  writeFileSync(inside(`../dist/${name}.html`), page)
}

/** What it imports included, without what would end a script element or begin a comment in it. */
async function bundled(input) {
  const { outputFiles } = await build({
    entryPoints: [input],
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2023',
    charset: 'utf8',
    legalComments: 'none',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
    loader: { '.svg': 'text' },
    absWorkingDir: inside('..'),
    logLevel: 'warning',
  })
  return outputFiles[0].text.replaceAll('</script', '<\\/script').replaceAll('<!--', '\\x3c!--')
}
