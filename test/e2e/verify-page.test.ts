/**
 * The page that checks receipts, in real Chromium with its network off: opened from a file, as a relay serves it, and
 * as an operator makes it.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sha256 } from '../../src/bytes/hash.js'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { receiptCall } from '../../src/cli/receipt-vectors.js'
import { run as pageCommand } from '../../src/cli/page.js'
import { openChromium } from '../fixtures/chromium.js'
import { receiptKat } from '../fixtures/kat-receipts.js'
import { notes as noteKat } from '../fixtures/note-kat.js'
import { ROOT } from '../fixtures/program.js'
import { relay, type TestRelay } from '../fixtures/relay-harness.js'

const PAGE = join(ROOT, 'dist/verify.html')
const RELAY = `0x${receiptKat.log.relay_address}`
const { ChainID, Registry } = receiptKat.log.whose
const [paid, anchored, open] = receiptKat.receipts.slice(0, 3).map((row) => receiptCall(receiptKat, row)[0])
const forged = paid!.slice()
forged[3_000]! ^= 1
const newer = receiptCall(
  receiptKat,
  receiptKat.receipts_refused.find(({ name }) => name === 'version 2')!,
)[0]

let browser: Browser
let folder: string
beforeAll(async () => {
  browser = await openChromium()
  folder = mkdtempSync(join(tmpdir(), 'cairn-verify-'))
})
afterAll(async () => {
  await browser?.close()
  rmSync(folder, { recursive: true, force: true })
})

/** A tab without a network, what it tells on its console, and what it asks for beside the page. */
async function tab(address: string, options: BrowserContextOptions = {}) {
  const context = await browser.newContext({ offline: address.startsWith('file:'), ...options })
  const page = await context.newPage()
  const complaints: string[] = []
  const asked: string[] = []
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('request', (request) => asked.push(request.url().split('#')[0]!))
  await page.goto(address)
  return {
    page,
    end: async () => {
      await context.close()
      expect(complaints).toEqual([])
      expect(asked.filter((url) => !url.startsWith('blob:'))).toEqual([address.split('#')[0]])
    },
  }
}

async function choose(page: Page, bytes: Uint8Array): Promise<void> {
  await page.evaluate(() => document.querySelector('#outcome')!.replaceChildren())
  const file = { name: 'order.cairn', mimeType: 'application/octet-stream', buffer: Buffer.from(bytes) }
  await page.setInputFiles('#file', file)
  await page.waitForSelector('#outcome .sentence', { timeout: 10_000 })
}
const told = (page: Page) => page.locator('#outcome .sentence').innerText({ timeout: 10_000 })
const fromFile = pathToFileURL(PAGE).href

describe('from a file, with the network off', () => {
  test.each<[string, Uint8Array, string, RegExp]>([
    ['matches', anchored!, RELAY, /^✓ Matches: /u],
    ['matches, not yet anchored', paid!, RELAY, /^✓ Matches, not yet anchored: /u],
    ['cannot say: unknown shop key', paid!, '', /^\? Cannot say: unknown shop key\.$/u],
    ['cannot say: newer format', newer, RELAY, /^\? Cannot say: newer format\.$/u],
    ['does not match', forged, RELAY, /^✗ Does not match\.$/u],
    ['not a receipt', new TextEncoder().encode('a letter'), RELAY, /^✗ Not a receipt\.$/u],
  ])('%s', async (_outcome, bytes, address, sentence) => {
    const { page, end } = await tab(fromFile)
    await page.fill('#relay', address)
    if (bytes === anchored) {
      await page.click('summary:has-text("registry")')
      await page.fill('#registry', `${ChainID}:0x${Registry}`)
    }
    await choose(page, bytes)
    expect(await told(page)).toMatch(sentence)
    expect(await page.locator('#outcome').getAttribute('aria-live')).toBe('polite')
    expect(await page.locator('#outcome').innerText()).toContain('Checked here, nothing was sent.')
    await end()
  })

  test('beside a receipt that does not match nothing else is on the page', async () => {
    const { page, end } = await tab(fromFile)
    await page.fill('#relay', RELAY)
    await choose(page, paid!)
    expect(await page.locator('#details').isVisible()).toBe(true)
    await page.click('#another')
    await page.fill('#relay', RELAY)
    await choose(page, forged)
    for (const part of ['#details', '#share', '#form'])
      expect([part, await page.locator(part).isVisible()]).toEqual([part, false])
    await end()
  })

  test('a damaged one is told in everyday words first, then what the reader found', async () => {
    const { page, end } = await tab(fromFile)
    await page.fill('#relay', RELAY)
    await choose(page, paid!.subarray(0, 900))
    expect(await told(page)).toBe('✗ Not a receipt.')
    const words = await page.locator('#outcome p').allInnerTexts()
    expect(words[1]).toMatch(/^The file is no order receipt, or not a whole one/u)
    expect(words[2]).toMatch(/^In detail: Receipt: .*[^.]\.$/u)
    await end()
  })

  test('tells items, total and who signed each step, and hands on the same file', async () => {
    const { page, end } = await tab(fromFile)
    await page.fill('#relay', RELAY)
    await choose(page, paid!)
    const text = await page.locator('#details').innerText()
    expect(text).toContain('8 × Stuhl')
    expect(text).toContain('0.000000000007202933 ETH on chain 1')
    expect(text).toContain('payment asked, state Unpaid')
    expect(text).toContain('signed by the relay')
    expect(text).toContain('whether anything was delivered')
    expect(await page.locator('#share').innerText()).toContain('name, address and e-mail')
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('#save')])
    expect(download.suggestedFilename()).toBe(`order-${receiptKat.receipts[0]!.order}.cairn`)
    expect(toHex(new Uint8Array(readFileSync(await download.path())))).toBe(toHex(paid!))
    await end()
  })

  test.each<[string, (bytes: Uint8Array) => string]>([
    ['base64', (bytes) => Buffer.from(bytes).toString('base64')],
    ['base64url', (bytes) => Buffer.from(bytes).toString('base64url')],
    ['hexadecimal text', (bytes) => `0x${toHex(bytes).toUpperCase()}`],
    ['a link', (bytes) => `https://shop.example/verify#receipt=${Buffer.from(bytes).toString('base64url')}`],
  ])('pasted as %s, by keyboard alone', async (_form, textOf) => {
    const { page, end } = await tab(fromFile)
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('paste')
    await page.keyboard.insertText(textOf(paid!))
    await page.keyboard.press('Tab')
    await page.keyboard.insertText(RELAY)
    await page.keyboard.press('Enter')
    expect(await told(page)).toMatch(/^✓ Matches, not yet anchored/u)
    // What that is, and whether to wait for it; and when, as its reader's clock has it.
    await page.locator('#outcome').getByText('You need not wait for anything').waitFor()
    const time = page.locator('.steps time').first()
    const [at, shown] = [await time.getAttribute('datetime'), await time.innerText()]
    expect(at).toMatch(/^\d{4}-\d\d-\d\dT\S+Z$/u)
    expect(shown).not.toContain('T')
    expect(shown).toContain(at!.slice(0, 4))
    await end()
  })

  test('dropped', async () => {
    const { page, end } = await tab(fromFile)
    await page.fill('#relay', RELAY)
    const transfer = await page.evaluateHandle((hex) => {
      const bytes = Uint8Array.from(hex.match(/../gu)!, (pair) => parseInt(pair, 16))
      const data = new DataTransfer()
      data.items.add(new File([bytes], 'order.cairn'))
      return data
    }, toHex(open!))
    await page.dispatchEvent('#drop', 'drop', { dataTransfer: transfer })
    expect(await told(page)).toMatch(/^✓ Matches, not yet anchored/u)
    await end()
  })

  test('a form for other tools, dropped or pasted, is named, with the command that checks it', async () => {
    const tlog = new TextEncoder().encode(noteKat.proofs[0]!.proof)
    const cose = fromHex(noteKat.cose[0]!.receipt)
    const { page, end } = await tab(fromFile)
    for (const [bytes, what] of [
      [tlog, 'a tlog-proof'],
      [cose, 'a COSE receipt'],
    ] as const) {
      await choose(page, bytes)
      expect(await told(page)).toContain(`? This is ${what}, for other tools: `)
      expect(await page.locator('#outcome').innerText()).toContain('npx cairn verify FILE --relay 0x…')
      expect(await page.locator('#form').isVisible()).toBe(true)
    }
    await page.fill('#relay', RELAY)
    await page.fill('#paste', noteKat.proofs[0]!.proof)
    await page.click('button[type=submit]')
    expect(await page.locator('#outcome').innerText()).toContain(`npx cairn verify FILE --relay ${RELAY}`)
    await page.fill('#paste', 'a letter')
    await page.click('button[type=submit]')
    expect(await told(page)).toBe('✗ Not a receipt.')
    await end()
  })

  test('an address that is none is said to be, and checks nothing', async () => {
    const { page, end } = await tab(fromFile)
    await page.fill('#relay', '0x1234')
    await choose(page, paid!)
    expect(await told(page)).toBe('? Cannot check yet: the address is not one.')
    expect(await page.locator('#relay').getAttribute('aria-invalid')).toBe('true')
    await end()
  })
})

describe('a link', () => {
  const link = (bytes: Uint8Array, more = '') =>
    `${fromFile}#receipt=${Buffer.from(bytes).toString('base64url')}${more}`

  test('without an address: unknown key, and the field for it stays', async () => {
    const { page, end } = await tab(link(paid!))
    expect(await told(page)).toBe('? Cannot say: unknown shop key.')
    expect(await page.locator('#details').innerText()).toContain('anybody could have written')
    await page.fill('#relay', RELAY)
    await page.click('button[type=submit]')
    expect(await told(page)).toMatch(/^✓ Matches/u)
    expect(await page.locator('.named').count()).toBe(0)
    await end()
  })

  test('with an address: never matches without saying who named it', async () => {
    const { page, end } = await tab(link(paid!, `&relay=${RELAY}`))
    expect(await told(page)).toMatch(/^✓ Matches/u)
    const named = await page.locator('#outcome .named').innerText()
    expect(named).toContain('named by the link: compare it')
    expect(named).toContain(RELAY)
    await end()
  })

  test.each([
    ['a short receipt fits into the code', open!, 'The code carries the whole receipt.', 'QR code of the receipt'],
    ['a long one does not: its digest does', paid!, 'the file is needed', "QR code of the receipt's digest"],
  ])('%s', async (_name, bytes, note, name) => {
    const { page, end } = await tab(fromFile)
    await page.fill('#relay', RELAY)
    await choose(page, bytes)
    await page.click('#link-part summary')
    expect(await page.locator('#link-note').innerText()).toContain(note)
    expect(await page.getByRole('img', { name, exact: true }).isVisible()).toBe(true)
    const address = await page.inputValue('#link')
    await end()
    const other = await tab(address)
    expect(await told(other.page)).toMatch(/^✓ Matches/u)
    expect(await other.page.locator('.named').innerText()).toContain('named by the link')
    await other.end()
  })

  test('with a digest takes that file and no other', async () => {
    const { page, end } = await tab(`${fromFile}#digest=${toHex(sha256(paid!))}&relay=${RELAY}`)
    expect(await told(page)).toContain('Open its file')
    await choose(page, open!)
    expect(await told(page)).toContain('Does not match: another file')
    await choose(page, paid!)
    expect(await told(page)).toMatch(/^✓ Matches/u)
    await end()
  })
})

describe('as others hand it out', () => {
  let running: TestRelay
  beforeAll(async () => {
    running = await relay()
  })
  afterAll(async () => {
    await running.stop()
    expect(running.bugs).toEqual([])
  })

  test('served by a relay it names that relay, and says who does', async () => {
    const response = await fetch(`${running.url}/verify`)
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(response.headers.get('content-security-policy')).toBe("frame-ancestors 'none'")
    await response.text()
    const facts = (await (await fetch(running.url)).json()) as { relay_address: string }
    const { page, end } = await tab(`${running.url}/verify`)
    expect((await page.inputValue('#relay')).toLowerCase()).toBe(facts.relay_address.toLowerCase())
    await choose(page, paid!)
    expect(await told(page)).toBe('✗ Does not match.')
    await end()
  })

  test('served by a relay whose key was changed it takes what an earlier key signed', async () => {
    const earlier = Uint8Array.from(Buffer.from(RELAY.slice(-40), 'hex'))
    const changed = await relay({}, { earlierAddresses: [earlier] })
    const { page, end } = await tab(`${changed.url}/verify`)
    await choose(page, paid!)
    expect(await told(page)).toMatch(/^✓ Matches, not yet anchored: /u)
    expect(await page.locator('#outcome .named').innerText()).toMatch(/ It is 0x[0-9a-f]{40} or 0x[0-9a-f]{40}\.$/u)
    await end()
    await changed.stop()
  })

  test('made by an operator it needs no warning; an address of a link does not replace his', async () => {
    const out = join(folder, 'verify.html')
    const io = { out: () => {}, err: () => {}, env: {}, isTerminal: false, signal: new AbortController().signal }
    expect(await pageCommand(['--relay', RELAY, '--registry', `${ChainID}:0x${Registry}`, '--out', out], io)).toBe(0)
    const link = `#receipt=${Buffer.from(anchored!).toString('base64url')}&relay=0x${'11'.repeat(20)}`
    const { page, end } = await tab(pathToFileURL(out).href + link)
    expect(await told(page)).toMatch(/^✓ Matches: /u)
    expect(await page.locator('.named').count()).toBe(0)
    await end()
  })

  test('a page that names a relay warns whenever it says that something matches', async () => {
    const out = join(folder, 'served.html')
    const meta = `<meta name="cairn-relay" content="${RELAY}" data-named-by="relay" data-registry="" />`
    writeFileSync(
      out,
      readFileSync(PAGE, 'utf8').replace(/<meta name="cairn-relay"[^>]*>/u, () => meta),
    )
    const { page, end } = await tab(pathToFileURL(out).href)
    await choose(page, paid!)
    expect(await page.locator('#outcome .named').innerText()).toContain('named by this relay: compare it')
    await end()
  })
})

describe('how it looks', () => {
  test.each([320, 1_280])('at %i px nothing is wider than the window', async (width) => {
    const { page, end } = await tab(fromFile, { viewport: { width, height: 700 } })
    await page.fill('#relay', RELAY)
    await choose(page, anchored!)
    await page.click('#link-part summary')
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width)
    await end()
  })

  test('a paid order prints on one sheet', async () => {
    const { page, end } = await tab(fromFile)
    await page.fill('#relay', RELAY)
    await choose(page, paid!)
    const pdf = (await page.pdf({ preferCSSPageSize: true })).toString('latin1')
    expect(pdf.match(/\/Type\s*\/Page\b(?!s)/gu)).toHaveLength(1)
    await end()
  })

  test('every field and button has a name', async () => {
    const { page, end } = await tab(fromFile)
    for (const [role, name] of [
      ['textbox', 'Or paste it: a link, base64 or hexadecimal text'],
      ['textbox', "Address of the shop's relay"],
      ['button', 'Check'],
    ] as const)
      expect([name, await page.getByRole(role, { name, exact: true }).count()]).toEqual([name, 1])
    await end()
  })

  test('its policy lets nothing out: a script of somebody else does not run, an address is not asked', async () => {
    const { page } = await tab(fromFile)
    const left = await page.evaluate(async () => {
      document.body.append(Object.assign(document.createElement('script'), { textContent: 'document.title = "ran"' }))
      const asked = await fetch('http://127.0.0.1:9/').then(
        () => 'asked',
        (error: Error) => error.name,
      )
      return [document.title, asked]
    })
    expect(left).toEqual(['Check a receipt', 'TypeError'])
    await page.context().close()
  })
})
