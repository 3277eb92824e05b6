/**
 * docs/first-shop-page.md as its reader has it: the files that it shows, with the packed client, in Chromium, beside
 * the demo. Its commands, which need the registry of npm, are run by `npm run check:starters`.
 */

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { context, type BuildContext } from 'esbuild'
import type { Browser } from 'playwright-core'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { enrol, makeKeyCard } from '../src/client/enrol.js'
import { connect } from '../src/client/shop-client.js'
import { openChromium } from './fixtures/chromium.js'
import { lyingProxy, type LyingProxy } from './fixtures/lying-proxy.js'
import { cairn, endAll, ROOT } from './fixtures/program.js'

const guide = readFileSync(join(ROOT, 'docs/first-shop-page.md'), 'utf8')
/** What stands in the block behind a comment. */
const block = (comment: string) => {
  const [, text] = new RegExp(`<!-- ${comment} -->\\n\`\`\`\\w+\\n([^]*?)\`\`\``, 'u').exec(guide)!
  return text!
}
const project = mkdtempSync(join(tmpdir(), 'cairn-first-page-'))
const data = join(project, 'data')
const file = (name: string) => join(project, name)

let browser: Browser
let vite: BuildContext
let origin: string
let relay: { readonly url: string; readonly shop: string }
let proxy: LyingProxy

beforeAll(async () => {
  const [, url, shop] = await cairn(['serve', '--port', '0', '--metrics-port', '0', '--data', data]).says(
    /listens on (\S+)[^]*demo shop +(\d+)/u,
  )
  relay = { url: url!, shop: shop! }
  browser = await openChromium()
  proxy = await lyingProxy(relay.url)
  const packed = installClient()
  expect(block('commands')).toContain(`npm install ./${packed} vite\n`)
  mkdirSync(file('built'))
  for (const name of ['index.html', 'page.js', 'cart.js']) writeFileSync(file(name), block(`file: ${name}`))
  writeFileSync(file('built/index.html'), block('file: index.html'))
  vite = await context({
    entryPoints: [file('page.js')],
    outdir: file('built'),
    bundle: true,
    format: 'esm',
    logLevel: 'error',
  })
  const { port } = await vite.serve({ servedir: file('built'), host: '127.0.0.1', port: 0 })
  origin = `http://127.0.0.1:${port}`
})

afterAll(async () => {
  await vite?.dispose()
  await browser?.close()
  proxy?.close()
  await endAll()
  rmSync(project, { recursive: true, force: true })
})

/** As `npm install` does it, with what this clone has; the name of the packed file. */
function installClient(): string {
  const script = join(ROOT, 'scripts/pack-client.mjs')
  const packed = execFileSync(process.execPath, [script, '--out', project], { encoding: 'utf8' }).trim()
  const inside = file('node_modules/cairn-client')
  mkdirSync(inside, { recursive: true })
  execFileSync('tar', ['xzf', packed, '-C', inside, '--strip-components=1'])
  const { dependencies } = JSON.parse(readFileSync(join(inside, 'package.json'), 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>
  }
  for (const name of Object.keys(dependencies)) {
    mkdirSync(dirname(file(`node_modules/${name}`)), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules', name), file(`node_modules/${name}`))
  }
  return packed.slice(project.length + 1)
}

/** What the page says at an address, and once it says something else. */
async function shown(query: string) {
  const page = await browser.newPage()
  const errors: unknown[] = []
  page.on('pageerror', (error) => errors.push(error))
  await page.goto(`${origin}/?${query}`)
  const says = async (pattern: RegExp) => {
    const match = ([source]: readonly string[]) => new RegExp(source!, 'mu').exec(document.body.innerText)?.[0]
    const said = await page.waitForFunction(match, [pattern.source] as const, { timeout: 60_000 }).catch(async () => {
      throw new Error(`it never says ${pattern}: ${await page.innerText('body')}`)
    })
    return (await said.jsonValue())!
  }
  return { says, text: () => page.innerText('body'), close: () => page.close(), errors }
}

const PROOF = /^\d+ listings, proven as of checkpoint \d+, nothing left out$/u

it('lists what is sold, proven and live, and leaves drafts out', async () => {
  await writeDraft()
  const page = await shown(`url=${relay.url}&shop=${relay.shop}`)
  const first = await page.says(PROOF)
  expect(first).toMatch(/^30 listings/u)
  const text = await page.text()
  expect(text).toMatch(/^Ice axe$/mu)
  expect(text).not.toContain('Not yet for sale')
  await expect.poll(() => page.says(PROOF), { timeout: 60_000, interval: 200 }).not.toBe(first)
  expect(page.errors).toEqual([])
  await page.close()
})

it.each([
  ['no number of a shop', () => `url=${relay.url}`, /^Put \?shop= and the number of a shop/u],
  ['no number in its place', () => `url=${relay.url}&shop=abc`, /^Put \?shop= and the number of a shop/u],
  ['the number of no shop', () => `url=${relay.url}&shop=1`, /^NOT_FOUND .+$/u],
  ['no relay', () => `url=http://127.0.0.1:1&shop=${relay.shop}`, /^UNREACHABLE .+$/u],
])('says what is wrong where there is %s', async (_, query, message) => {
  const page = await shown(query())
  await page.says(message)
  expect(page.errors).toEqual([])
  await page.close()
})

it('says what did not verify, also once the list was shown', async () => {
  const page = await shown(`url=${proxy.url}&shop=${relay.shop}`)
  await page.says(PROOF)
  proxy.lie((message) => {
    if (message.kind !== 'checkpointPush') return message
    return { ...message, signature: message.signature.map((byte, i) => (i === 5 ? byte ^ 1 : byte)) }
  })
  await page.says(/^VERIFICATION_FAILED .+$/u)
  await page.close()
})

it('tells what a cart costs, with shipping, after the two lines', async () => {
  const [first, second] = block('lines: page.js').split('\n')
  const script = block('file: page.js').replace(/^.*await connect\(.*$/mu, (line) => `${line}\n${second}`)
  expect(script).toContain(second)
  writeFileSync(file('page.js'), `${first}\n${script}`)
  const page = await shown(`url=${relay.url}&shop=${relay.shop}`)
  await page.says(/^2 × Trail map: \S*\d/u)
  await page.says(/^sent to home: .*\d.* in all$/u)
  await page.says(PROOF)
  expect(page.errors).toEqual([])
  await page.close()
})

/** A listing of the demo that is not published, by a card of its merchant. */
async function writeDraft(): Promise<void> {
  const { wallet } = JSON.parse(readFileSync(join(data, 'demo.json'), 'utf8')) as { readonly wallet: string }
  const card = makeKeyCard()
  const place = { url: relay.url, shop: BigInt(relay.shop) }
  await enrol({ ...place, card: card.publicKey, wallet: privateKeyToAccount(`0x${wallet}`) })
  const client = await connect({ ...place, key: card.secret, relay: 'development' })
  const Metadata = new Map(Object.entries({ Title: 'Not yet for sale', Description: 'A draft' }))
  const value = new Map(Object.entries({ ID: 5n, Price: 1n, Metadata, ViewState: 0n }))
  await client.write([{ op: 'add', path: ['Listings', 5n], value }])
  client.close()
}
