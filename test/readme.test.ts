/** The commands and examples of the README and of docs are run as they stand there. */

import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { enrol, makeKeyCard } from '../src/client/enrol.js'
import { ACCOUNTS } from '../contracts/dev-chain.mjs'
import { bundled, openChromium, servePage } from './fixtures/chromium.js'
import { cairn, endAll, Program, startChain } from './fixtures/program.js'

const ROOT = resolve(import.meta.dirname, '..')
const guides = readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md'))
const pages = new Map(
  ['README.md', ...guides.map((name) => join('docs', name))].map((name) => [
    name,
    readFileSync(join(ROOT, name), 'utf8'),
  ]),
)
/**
 * Fenced blocks; `kind` and `wanted` are what the comment before one says of it. `prints`: run on Node, it prints that;
 * `guest prints`: behind GUEST; `page`: run in a page behind PAGE, that shows it; `lines of`: each of its lines stands
 * in that file, which is run below. What is `text` is no sample of code.
 */
const blocks = [...pages].flatMap(([page, text]) =>
  [...text.matchAll(/(?:<!-- ([\w ]+)(?:: (.*))? -->\n)?```(\w+)\n([\s\S]*?)```/gu)].map(
    ([, kind = '', wanted = '', language, text]) => ({ page, kind, wanted, language: language!, text: text! }),
  ),
)
const commands = blocks.filter(({ language }) => language === 'sh').flatMap(({ text }) => text.trim().split('\n'))
const ofKind = (...kinds: readonly string[]) =>
  blocks.filter(({ page, kind }) => page !== 'README.md' && kinds.includes(kind))

/** What a guest's sample goes on from: the text of the guide says so. `client` where the sample makes none. */
const GUEST = (hasClient: boolean) => `
import * as shop_ from 'cairn-relay/client'
import * as enrol_ from 'cairn-relay/enrol'
import * as viem_ from 'viem/accounts'
const [url, shop] = [process.env.URL, BigInt(process.env.SHOP)]
const { relay_address } = await enrol_.relayDescription(url)
const relay = Uint8Array.from(Buffer.from(relay_address.slice(2), 'hex'))
const { secret: key, publicKey } = enrol_.makeKeyCard()
const wallet = viem_.privateKeyToAccount(viem_.generatePrivateKey())
await enrol_.enrol({ url, shop, card: publicKey, wallet, guest: true })
const provider = {
  request: async ({ method, params }) => {
    if (method === 'eth_requestAccounts') return [wallet.address]
    if (method !== 'personal_sign' || params[1] !== wallet.address) throw new Error(method)
    return wallet.signMessage({ message: { raw: params[0] } })
  },
}
const address = {
  ...{ Name: 'A. Guest', Address1: 'Hut 1', City: 'Summit', PostalCode: '10000', Country: 'CH' },
  EmailAddress: 'guest@example.org',
}
${hasClient ? '' : 'const client = await shop_.connect({ url, shop, relay, key })'}
`

const PAGE = (url: string, shop: string) => `
import * as shop_ from 'cairn-relay/client'
const client = await shop_.connect({ url: '${url}', shop: ${shop}n, relay: 'development' })
`

function shell(
  command: string,
  env: Readonly<Record<string, string>> = {},
  cwd = ROOT,
): Promise<{ code: number; output: string }> {
  return new Promise((done) => {
    execFile(
      'bash',
      ['-c', command],
      { cwd, env: { ...process.env, ...env }, timeout: 90_000 },
      (error, stdout, stderr) => {
        done({
          code: error === null ? 0 : typeof error.code === 'number' ? error.code : 1,
          output: `${stdout}${stderr}`,
        })
      },
    )
  })
}

describe('commands of the README and of docs', () => {
  it('are there', () => {
    expect(commands.length).toBeGreaterThanOrEqual(10)
    expect(blocks.filter(({ page, language }) => page === 'README.md' && language === 'sh')).toHaveLength(1)
  })

  it('and all samples are of a kind that is run, or are said to be none', () => {
    // Those of nginx and Caddy are run by test/e2e/behind-a-proxy.test.ts.
    const run = ['caddy', 'html', 'js', 'json', 'nginx', 'sh', 'text', 'tsx']
    expect([...new Set(blocks.map(({ language }) => language))].sort()).toEqual(run)
    const code = blocks.filter(({ language }) => ['html', 'js', 'tsx'].includes(language))
    // Files of a project and lines for them are run by test/first-shop-page.test.ts.
    const kinds = ['example', 'file', 'guest prints', 'lines', 'lines of', 'page', 'prints']
    expect([...new Set(code.map(({ kind }) => kind))].sort()).toEqual(kinds)
  })

  it.each([...new Set(commands)])('%s', { timeout: 120_000 }, async (command) => {
    const { code, output } = await shell(command)
    expect(code, output).toBe(0)
    expect(output.length).toBeGreaterThan(0)
  })
})

describe('the start', { timeout: 120_000 }, () => {
  const data = mkdtempSync(join(tmpdir(), 'cairn-readme-'))
  let relay: ChildProcess
  let output = ''

  beforeAll(async () => {
    relay = spawn('npm', ['start', '--', '--port', '0', '--metrics-port', '0', '--data', data], {
      cwd: ROOT,
      detached: true,
    })
    relay.stdout!.on('data', (chunk) => (output += String(chunk)))
    relay.stderr!.on('data', (chunk) => (output += String(chunk)))
    for (let left = 600; left > 0 && !output.includes('Ctrl-C'); left--)
      await new Promise((wait) => setTimeout(wait, 100))
  })

  afterAll(async () => {
    const ended = new Promise((end) => relay.once('exit', end))
    process.kill(-relay.pid!, 'SIGINT')
    await ended
    rmSync(data, { recursive: true, force: true })
  })

  it('says where the relay listens, the shop, and what to try next', () => {
    expect(output).toMatch(/listens on http:\/\/127\.0\.0\.1:\d+/u)
    expect(output).toMatch(/demo shop +\d+/u)
    expect(output).toContain('npx cairn watch')
    expect(output).toContain('npx cairn put')
  })

  /** A sample as a module of its own, against this relay and its demo shop. */
  async function runs(sample: string) {
    const file = join(ROOT, 'dist', 'readme-example.mjs')
    writeFileSync(file, sample)
    const { url: URL, shop: SHOP } = place()
    const run = await shell(`node ${file}`, { URL, SHOP }, data)
    rmSync(file)
    expect(run.code, run.output).toBe(0)
    return run.output
  }

  const place = () => ({
    url: /listens on (\S+)/u.exec(output)![1]!,
    shop: /demo shop +(\d+)/u.exec(output)![1]!,
  })

  it('serves the ten lines of client code', async () => {
    const example = blocks.find(({ page, language }) => page === 'README.md' && language === 'js')!.text
    expect(example.trim().split('\n').length).toBeLessThanOrEqual(11)
    expect(await runs(example)).toMatch(/^Trail map: \d+ as of set \d+$/mu)
    // Without the number that its reader has to give.
    const file = join(ROOT, 'dist', 'readme-example.mjs')
    writeFileSync(file, example)
    const { code, output } = await shell(`node ${file}`, { URL: place().url }, data)
    rmSync(file)
    expect([code, output]).toEqual([1, expect.stringContaining('options.shop: it is missing')])
  })

  it('has samples of docs to serve', () => {
    expect(ofKind('prints', 'guest prints').length).toBeGreaterThanOrEqual(7)
    expect(ofKind('page').length).toBeGreaterThanOrEqual(2)
  })

  it.each(ofKind('prints', 'guest prints'))('serves the sample of $page that prints $wanted', async (sample) => {
    const { kind, wanted, text } = sample
    const before = kind === 'prints' ? '' : GUEST(text.includes('const client ='))
    // What a sample leaves open its reader goes on with.
    const after = text.includes('client.close()') ? '' : '\nclient.close()\n'
    expect(await runs(before + text + after)).toMatch(new RegExp(wanted, 'mu'))
  })

  it.each(ofKind('page'))('serves the page of $page that shows $wanted', async ({ wanted, text }) => {
    const { url, shop } = place()
    const here = text.replace(/url="[^"]*"/u, `url="${url}"`).replace(/shop=\{1n\}/u, `shop={${shop}n}`)
    const served = await servePage(await bundled((/\bclient\b/u.test(here) ? PAGE(url, shop) : '') + here))
    const browser = await openChromium()
    try {
      const page = await browser.newPage()
      await page.goto(served.url)
      await page.getByText(wanted).first().waitFor({ timeout: 60_000 })
    } finally {
      await browser.close()
      served.close()
    }
  })

  it('runs the two commands that it prints', async () => {
    const put = /npx cairn put .*/u.exec(output)![0]
    const changed = await shell(`${put} --data ${data}`)
    expect(changed.code, changed.output).toBe(0)
    const watch = /npx cairn watch .*/u.exec(output)![0]
    // On a slow machine it takes longer than three seconds until it shows something.
    const seen = await shell(`for s in 3 10 40; do timeout -s INT $s ${watch} | grep . && break; done`)
    expect(seen.output).toMatch(/^Trail map {2}price \S+ ETH on chain 31337 {2}✓ proven as of checkpoint \d+$/mu)
  })
})

describe('the way to a shop of one’s own', { timeout: 120_000 }, () => {
  const home = mkdtempSync(join(tmpdir(), 'cairn-readme-shop-'))
  const chainFile = join(home, 'chain.json')
  const [, merchant, guest] = ACCOUNTS
  const wallet = (secret: string) => ({ env: { CAIRN_WALLET_KEY: secret }, cwd: home })
  let url: string

  beforeAll(async () => {
    const { settings } = await startChain()
    writeFileSync(chainFile, settings)
    const data = join(home, 'data')
    const relay = cairn(['serve', '--chain', chainFile, '--port', '0', '--metrics-port', '0', '--data', data])
    url = (await relay.says(/listens on (\S+)/u))[1]!
  })
  afterAll(async () => {
    await endAll()
    rmSync(home, { recursive: true, force: true })
  })

  it('is enrolled in by each name of a loopback relay, under the settings for existing clients’ suites', async () => {
    const command = /<!-- suites -->\n```text\ncairn (.+)\n/u.exec(pages.get('docs/operators.md')!)![1]!
    const words = command.replace('FILE', chainFile).split(' ')
    const relay = cairn([...words, '--port', '0', '--metrics-port', '0', '--data', join(home, 'suites')])
    const { port } = new URL((await relay.says(/listens on (\S+)/u))[1]!)
    const create = ['shop', 'create', '--url', `http://127.0.0.1:${port}`, '--chain', chainFile, '--card', 'suites.key']
    const shop = BigInt(/^shop (\d+)$/mu.exec((await cairn(create, wallet(merchant!.secret)).outcome()).out)![1]!)
    // One relay listens on one of the names; the others lead to it here.
    const call = globalThis.fetch
    vi.stubGlobal('fetch', (to: string, init: RequestInit) => call(to.replace(/localhost|\[::1\]/u, '127.0.0.1'), init))
    const account = privateKeyToAccount(`0x${guest!.secret.replace('0x', '')}`)
    for (const name of ['127.0.0.1', 'localhost', '[::1]']) {
      const card = makeKeyCard().publicKey
      await enrol({ url: `http://${name}:${port}`, shop, card, wallet: account, guest: true })
    }
    const other = { url: `http://127.0.0.2:${port}`, shop, card: makeKeyCard().publicKey, wallet: account, guest: true }
    vi.stubGlobal('fetch', (to: string, init: RequestInit) => call(to.replace('127.0.0.2', '127.0.0.1'), init))
    await expect(enrol(other)).rejects.toThrow('the domain is not 127.0.0.1')
    vi.unstubAllGlobals()
  })

  /** An example that the guide for storefronts names, as it names it. */
  const example = (name: string, env: Readonly<Record<string, string>>) => {
    const guide = pages.get('docs/storefronts.md')!
    const command = new RegExp(`(?:[A-Z]+=\\S+ )+node (examples/${name}\\.mjs)`, 'u').exec(guide)!
    const given = [...command[0].matchAll(/([A-Z]+)=/gu)].map(([, word]) => word)
    expect(given.every((word) => env[word!] !== undefined)).toBe(true)
    return new Program(process.execPath, [join(ROOT, command[1]!)], { env: { URL: url, ...env }, cwd: home }).outcome()
  }

  it.each(ofKind('lines of'))('has in $wanted what $page shows of it', ({ wanted, text }) => {
    const lines = readFileSync(join(ROOT, wanted), 'utf8').split('\n')
    const shown = text.trimEnd().split('\n')
    expect(shown.filter((line) => !line.startsWith('//') && !lines.includes(line))).toEqual([])
  })

  it.each<[name: string, env: Readonly<Record<string, string>>, said: string]>([
    ['open-shop', { SHOP: '1', PAYEE: '' }, 'PAYEE missing: SHOP=… PAYEE=0x… node examples/open-shop.mjs'],
    ['buy', { SHOP: '', WALLET: '' }, 'SHOP and WALLET missing: SHOP=… WALLET=… node examples/buy.mjs'],
  ])('says what is missing for %s', async (name, env, said) => {
    expect(await example(name, env)).toMatchObject({ code: 1, out: '', err: `${said}\n` })
  })

  it('is a shop, its manifest and a listing, an order of a guest, and its payment', async () => {
    const create = cairn(['shop', 'create', '--url', url, '--chain', chainFile], wallet(merchant!.secret))
    const SHOP = /^shop (\d+)$/mu.exec((await create.outcome()).out)![1]!
    const opened = await example('open-shop', { SHOP, PAYEE: merchant!.address })
    expect([opened.code, opened.err, opened.out]).toEqual([0, '', `shop ${SHOP} sells listing 1\n`])
    const put = ['put', '--card', './cairn-card.key', '--url', url, '--shop', SHOP, '--listing', '1', '--stock', '20']
    expect(await cairn(put, { cwd: home }).outcome()).toMatchObject({ code: 0 })
    const RPC = /http:[^"]+/u.exec(readFileSync(chainFile, 'utf8'))![0]
    const bought = await example('buy', { SHOP, WALLET: guest!.secret, RPC })
    expect([bought.code, bought.err]).toEqual([0, ''])
    expect(bought.out).toMatch(
      /^order (\d+): 0\.002\u{a0}ETH are due until 20\S+Z\ntransaction 0x[0-9a-f]{64}\norder \1 is Paid\n$/u,
    )
  })
})
