/**
 * `npm run check:starters`: packs the client, installs it into clean folders, and has it seen to work against a relay
 * of another origin: the starters of examples/, type-checked, built and run; the page of docs/first-shop-page.md; the
 * bundlers in Chromium; Node, Deno and Bun; publint and attw. Needs the registry of npm, and Chromium. `-- --short`
 * does the starters alone, `-- NAME` that one check. Ends with one line: `starters S / S, … in N s`.
 */

import { execFile, spawn } from 'node:child_process'
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { basename, extname, join, resolve } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { chromium } from 'playwright-core'

const ROOT = resolve(import.meta.dirname, '..')
const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)
// A build of Next takes three minutes where others use the machine too.
const STEP_MS_MAX = 420_000
/** What a starter says that was told no shop. */
const MISSING = 'SHOP is no number of a shop'
/** Made in a starter that somebody tried where it stands. */
const MADE = /^\/(?:node_modules|\.next|built|dist|package-lock\.json|next-env\.d\.ts|[^/]+\.(?:tgz|tsbuildinfo))$/u
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' }
const run = promisify(execFile)

const STARTERS = ['node', 'vite-react', 'next']
const GUIDE = 'first-shop-page'
const TOOLS = ['publint', 'attw', 'vite', 'esbuild', 'webpack', 'on Node', 'on Deno', 'on Bun']
const { values: options, positionals } = parseArgs({
  options: { short: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const all = options.short ? STARTERS : [...TOOLS, ...STARTERS, GUIDE]
const wanted = positionals.length === 0 ? all : positionals
if (CHROMIUM === undefined) throw new Error('there is no Chromium here: apt-get install chromium')
const unknown = wanted.filter((name) => !all.includes(name))
if (unknown.length > 0) throw new Error(`there is no ${unknown.join(', ')} among ${all.join(', ')}`)

const folder = mkdtempSync(join(tmpdir(), 'cairn-starters-'))
const begun = Date.now()
const ends = []
const found = {}

try {
  const packed = (
    await command(process.execPath, [join(ROOT, 'scripts/pack-client.mjs'), '--out', folder], ROOT)
  ).trim()
  // All at once: they wait for the registry. What fails is told by the check of that starter.
  const starters = new Map(
    STARTERS.filter((name) => wanted.includes(name)).map((name) => [name, installed(`examples/${name}`, packed)]),
  )
  await Promise.allSettled(starters.values())
  const relay = await startRelay()
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
  ends.push(() => browser.close())
  if (TOOLS.some((name) => wanted.includes(name))) await checkTools(packed, relay, browser)
  await check('starters', 'node', async () => checkNode(await starters.get('node'), relay))
  await check('starters', 'vite-react', async () => checkVite(await starters.get('vite-react'), relay, browser))
  await check('starters', 'next', async () => checkNext(await starters.get('next'), relay, browser))
  await check('guide', GUIDE, () => checkGuide(relay, browser))
} finally {
  for (const end of ends.reverse()) await end()
  rmSync(folder, { recursive: true, force: true })
}
const groups = Object.entries(found).map(
  ([name, results]) => `${name} ${results.filter(Boolean).length} / ${results.length}`,
)
groups.sort((a, b) => Number(b.startsWith('starters')) - Number(a.startsWith('starters')))
console.log(`${groups.join(', ')} in ${Math.round((Date.now() - begun) / 1_000)} s`)
const results = Object.values(found).flat()
if (results.includes(false) || results.length !== wanted.length) process.exitCode = 1

/** One line of the report. */
async function check(group, name, act) {
  if (!wanted.includes(name)) return
  const start = Date.now()
  const results = (found[group] ??= [])
  try {
    const said = await act()
    results.push(true)
    console.log(`ok    ${name}: ${said} (${Math.round((Date.now() - start) / 1_000)} s)`)
  } catch (error) {
    results.push(false)
    console.log(`WRONG ${name}: ${error.stdout ?? ''}${error.stderr ?? ''}${error.message}`)
  }
}

async function checkTools(packed, relay, browser) {
  const project = await installed('scripts/client-tools', packed)
  const tool = (name, args) => command(join(project, 'node_modules/.bin', name), args, project)
  await check('package', 'publint', async () => last(await tool('publint', [packed])))
  await check('package', 'attw', async () => (await tool('attw', ['--profile', 'esm-only', packed]), 'no problem'))
  const page = (built) =>
    seen(browser, serve(join(project, built)), relay, /^\d+ listings, proven as of checkpoint \d+$/u)
  await check('bundlers', 'vite', async () => {
    writeFileSync(join(project, 'index.html'), html('/watch.js'))
    await tool('vite', ['build', '--outDir', 'by-vite', '--target', 'es2023', '--logLevel', 'warn'])
    return page('by-vite')
  })
  await check('bundlers', 'esbuild', async () => {
    const flags = ['--bundle', '--minify', '--splitting', '--format=esm', '--outdir=by-esbuild']
    await tool('esbuild', ['watch.js', ...flags])
    writeFileSync(join(project, 'by-esbuild/index.html'), html('/watch.js'))
    return page('by-esbuild')
  })
  await check('bundlers', 'webpack', async () => {
    const script = `import webpack from 'webpack'
      const output = { path: ${JSON.stringify(join(project, 'by-webpack'))}, filename: 'watch.js' }
      webpack({ mode: 'production', entry: './watch.js', output }, (error, stats) => {
        if (error ?? stats.hasErrors()) throw error ?? new Error(stats.toString('errors-only'))
      })`
    await command(process.execPath, ['--input-type=module', '-e', script], project)
    writeFileSync(join(project, 'by-webpack/index.html'), html('/watch.js'))
    return page('by-webpack')
  })
  const query = `url=${relay.url}&shop=${relay.shop}`
  await check('runtimes', 'on Node', async () => last(await command(process.execPath, ['watch.js', query], project)))
  await check('runtimes', 'on Deno', async () => last(await tool('deno', ['run', '--allow-all', 'watch.js', query])))
  await check('runtimes', 'on Bun', async () => last(await tool('bun', ['run', 'watch.js', query])))
}

async function checkNode(project, { url, shop }) {
  await npmRun(project, ['check', 'build'])
  const said = last(await command('npm', ['run', '-s', 'start'], project, { URL: url, SHOP: shop }))
  if (!/^\d+ listings, proven as of checkpoint \d+, nothing left out$/u.test(said)) throw new Error(said)
  const without = await command('npm', ['run', '-s', 'start'], project, { SHOP: '' }).catch(({ stderr }) => stderr)
  if (!without.startsWith(MISSING)) throw new Error(`without SHOP it says: ${without}`)
  return said
}

async function checkVite(project, relay, browser) {
  const environment = { VITE_URL: relay.url, VITE_SHOP: relay.shop }
  await npmRun(project, ['check', 'build'], environment)
  const built = join(project, 'dist')
  const said = await seen(browser, serve(built), relay, /^proven as of checkpoint \d+, nothing left out/u)
  await npmRun(project, ['build'], { VITE_SHOP: '' })
  await seen(browser, serve(built), relay, new RegExp(`^VITE_${MISSING}`, 'u'))
  return said
}

async function checkNext(project, relay, browser) {
  const environment = { URL: relay.url, SHOP: relay.shop, NEXT_TELEMETRY_DISABLED: '1' }
  // Its build makes types of its own.
  await npmRun(project, ['build', 'check'], environment)
  const without = await (await fetch(await startNext(project, { ...environment, SHOP: '' }))).text()
  if (!without.includes(MISSING)) throw new Error(`without SHOP it renders: ${without.slice(0, 2_000)}`)
  const told = []
  const origin = await startNext(project, environment, told)
  const rendered = await (await fetch(origin)).text()
  const proof = /proven by the server as of checkpoint \d+, nothing left out/u.exec(rendered)?.[0]
  if (proof === undefined) throw new Error(`the server rendered no proof: ${told.join('')}${rendered.slice(0, 2_000)}`)
  const live = await seen(
    browser,
    Promise.resolve(origin),
    relay,
    /^proven here as of checkpoint \d+, nothing left out/u,
  )
  return `${proof}; ${live}`
}

/** What docs/first-shop-page.md has its reader do, in a folder of its own. */
async function checkGuide(relay, browser) {
  const guide = readFileSync(join(ROOT, 'docs/first-shop-page.md'), 'utf8')
  const block = (comment) => new RegExp(`<!-- ${comment} -->\\n\`\`\`\\w+\\n([^]*?)\`\`\``, 'u').exec(guide)[1]
  const project = join(folder, 'my-shop')
  await command('bash', ['-ec', block('commands').replaceAll('../my-shop', project)], ROOT)
  for (const name of ['index.html', 'page.js']) writeFileSync(join(project, name), block(`file: ${name}`))
  const vite = spawn(join(project, 'node_modules/.bin/vite'), [], {
    cwd: project,
    env: { ...process.env, NO_COLOR: '1' },
  })
  ends.push(() => vite.kill())
  const [, origin] = await untilSaid(vite, /(http:\/\/localhost:\d+)\//u)
  return seen(browser, Promise.resolve(origin), relay, /\d+ listings, proven as of checkpoint \d+, nothing left out/u)
}

/** Where it serves what was built; `told` takes what it says of errors. */
async function startNext(project, environment, told = []) {
  const server = spawn(join(project, 'node_modules/.bin/next'), ['start', '-p', '0'], {
    cwd: project,
    env: { ...process.env, ...environment },
  })
  ends.push(() => server.kill())
  server.stderr.on('data', (chunk) => told.push(chunk))
  return (await untilSaid(server, /http:\/\/localhost:(\d+)/u))[0]
}

async function npmRun(project, scripts, environment = {}) {
  for (const script of scripts) await command('npm', ['run', '-s', script], project, environment)
}

/** As a clone has it, in a folder of its own, with the packed client where its package.json looks for it. */
async function installed(name, packed) {
  const source = join(ROOT, name)
  const project = mkdtempSync(join(folder, `${basename(source)}-`))
  cpSync(source, project, { recursive: true, filter: (path) => !MADE.test(path.slice(source.length)) })
  copyFileSync(packed, join(project, basename(packed)))
  await command('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'], project)
  return project
}

async function command(program, args, cwd, environment = {}) {
  const env = { ...process.env, ...environment }
  return (await run(program, args, { cwd, env, timeout: STEP_MS_MAX, maxBuffer: 1 << 24 })).stdout
}

/** With its demo shop, on ports of its own. */
async function startRelay() {
  mkdirSync(join(folder, 'data'))
  const flags = ['--port', '0', '--metrics-port', '0', '--data', join(folder, 'data')]
  const relay = spawn(process.execPath, [join(ROOT, 'src/cli/cairn.js'), 'serve', ...flags], { cwd: folder })
  ends.push(() => relay.kill())
  const [, url, shop] = await untilSaid(relay, /listens on (http:\S+)[\s\S]*demo shop +(\d+)/u)
  return { url, shop }
}

function untilSaid(child, pattern) {
  return new Promise((resolve, reject) => {
    let text = ''
    const look = (chunk) => {
      text += chunk
      const match = pattern.exec(text)
      if (match !== null) resolve(match)
    }
    child.stdout.on('data', look)
    child.stderr.on('data', look)
    child.on('exit', (code) => reject(new Error(`ended with ${code}: ${text}`)))
  })
}

/** The origin of a folder. */
function serve(root) {
  const server = createServer((request, response) => {
    const path = join(root, request.url === '/' ? 'index.html' : new URL(request.url, 'http://x').pathname)
    const file = path.endsWith('/') ? `${path}index.html` : path
    if (!existsSync(file)) return response.writeHead(404).end()
    response.writeHead(200, { 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream' })
    response.end(readFileSync(file))
  })
  ends.push(() => server.close())
  return new Promise((listening) => {
    server.listen(0, '127.0.0.1', () => listening(`http://127.0.0.1:${server.address().port}`))
  })
}

/** What a page of that origin says once it matches; errors of the page are ours. */
async function seen(browser, served, { url, shop }, pattern) {
  const page = await browser.newPage()
  try {
    const errors = []
    page.on('pageerror', (error) => errors.push(error))
    await page.goto(`${await served}/?url=${url}&shop=${shop}`)
    // What is said at one moment: the shop goes on changing.
    const match = ([source]) => new RegExp(source, 'u').exec(document.body.innerText)?.[0]
    const said = await page.waitForFunction(match, [pattern.source], { timeout: 60_000 }).catch(async (error) => {
      throw errors[0] ?? new Error(`${error.message}: ${await page.innerText('body')}`)
    })
    if (errors.length > 0) throw errors[0]
    return said.jsonValue()
  } finally {
    await page.close()
  }
}

function html(script) {
  const head = '<!doctype html><meta charset="utf-8" /><title>A shop</title>'
  return `${head}<body><script type="module" src="${script}"></script></body>`
}

function last(text) {
  return text.trim().split('\n').at(-1)
}
