/**
 * `npm run check:starters`: packs the client, installs it into clean folders, and has it seen to work against a relay
 * of another origin: the starters of examples/, type-checked, built and run; the page of docs/first-shop-page.md; the
 * bundlers in Chromium; Node, Deno and Bun; publint and attw. Needs the registry of npm, and Chromium. Ends with one
 * line: `starters S / S, …`.
 */

import { execFile, spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { extname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { chromium } from 'playwright-core'

const ROOT = resolve(import.meta.dirname, '..')
const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)
// A build of Next takes three minutes where others use the machine too.
const STEP_MS_MAX = 420_000
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' }
const run = promisify(execFile)

const folder = mkdtempSync(join(tmpdir(), 'cairn-starters-'))
const ends = []
const found = {}
const [wanted] = process.argv.slice(2)

try {
  const packed = (
    await command(process.execPath, [join(ROOT, 'scripts/pack-client.mjs'), '--out', folder], ROOT)
  ).trim()
  const relay = await startRelay()
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
  ends.push(() => browser.close())
  await checkTools(packed, relay, browser)
  await check('starters', 'node', () => checkNode(packed, relay))
  await check('starters', 'vite-react', () => checkVite(packed, relay, browser))
  await check('starters', 'next', () => checkNext(packed, relay, browser))
  await check('guide', 'first-shop-page', () => checkGuide(relay, browser))
} finally {
  for (const end of ends.reverse()) await end()
  rmSync(folder, { recursive: true, force: true })
}
const groups = Object.entries(found).map(
  ([name, results]) => `${name} ${results.filter(Boolean).length} / ${results.length}`,
)
console.log(groups.sort((a, b) => Number(b.startsWith('starters')) - Number(a.startsWith('starters'))).join(', '))
if (Object.values(found).flat().includes(false)) process.exitCode = 1

/** One line of the report. */
async function check(group, name, act) {
  if (wanted !== undefined && wanted !== name) return
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
  if (wanted !== undefined && ['node', 'vite-react', 'next', 'first-shop-page'].includes(wanted)) return
  const project = await installed(join(ROOT, 'scripts/client-tools'), packed)
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

async function checkNode(packed, { url, shop }) {
  const project = await starter('node', packed)
  const said = last(await command('npm', ['run', '-s', 'start'], project, { URL: url, SHOP: shop }))
  if (!/^\d+ listings, proven as of checkpoint \d+, nothing left out$/u.test(said)) throw new Error(said)
  return said
}

async function checkVite(packed, relay, browser) {
  const project = await starter('vite-react', packed, { VITE_URL: relay.url, VITE_SHOP: relay.shop })
  return seen(browser, serve(join(project, 'dist')), relay, /^proven as of checkpoint \d+, nothing left out/u)
}

async function checkNext(packed, relay, browser) {
  const environment = { URL: relay.url, SHOP: relay.shop, NEXT_TELEMETRY_DISABLED: '1' }
  const project = await starter('next', packed, environment)
  const server = spawn(join(project, 'node_modules/.bin/next'), ['start', '-p', '0'], {
    cwd: project,
    env: { ...process.env, ...environment },
  })
  ends.push(() => server.kill())
  const origin = (await untilSaid(server, /http:\/\/localhost:(\d+)/u))[0]
  const rendered = await (await fetch(origin)).text()
  const proof = /proven by the server as of checkpoint \d+, nothing left out/u.exec(rendered)?.[0]
  if (proof === undefined) throw new Error(`the server rendered no proof: ${rendered.slice(0, 2_000)}`)
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

/** A starter in a folder of its own, installed, type-checked and built. */
async function starter(name, packed, environment = {}) {
  const project = await installed(join(ROOT, 'examples', name), packed)
  // Its build makes types of its own.
  if (name === 'next') await command('npm', ['run', '-s', 'build'], project, environment)
  await command('npm', ['run', '-s', 'check'], project, environment)
  if (name !== 'next') await command('npm', ['run', '-s', 'build'], project, environment)
  return project
}

async function installed(source, packed) {
  const project = mkdtempSync(join(folder, 'project-'))
  cpSync(source, project, { recursive: true, filter: (path) => !/node_modules|\.next|\/built|\/dist/u.test(path) })
  const manifest = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'))
  manifest.dependencies['cairn-client'] = `file:${packed}`
  writeFileSync(join(project, 'package.json'), JSON.stringify(manifest))
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
