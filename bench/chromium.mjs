// The verifier of state proofs as a page of a browser runs it: in Debian's Chromium, with plain JavaScript for hashes.

import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { chromium } from 'playwright-core'
import { rolldown } from 'rolldown'
import { toHex } from '../dist/bytes/hex.js'

const ROOT = resolve(import.meta.dirname, '..')
const PROGRAM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)
const ROUNDS = 7

/**
 * Median microseconds of one verification. `proofs` of one state: what was asked of Inventory, and the bytes.
 */
export async function verifyInChromium({ shopId, stateRoot }, proofs) {
  if (PROGRAM === undefined) throw new Error('there is no Chromium here: apt-get install chromium')
  const rows = proofs.map(({ asked, bytes }) => ({ keys: asked.map(([, key]) => toHex(key)), bytes: toHex(bytes) }))
  const script = await bundled(`
    import { verifyStateProofs } from 'cairn-relay/state-proof'
    const fromHex = (hex) => Uint8Array.from(hex.match(/../gu) ?? [], (byte) => parseInt(byte, 16))
    const claim = { shopId: ${shopId}n, stateRoot: fromHex('${toHex(stateRoot)}') }
    const proofs = ${JSON.stringify(rows)}.map(({ keys, bytes }) => ({
      asked: keys.map((key) => ['Inventory', fromHex(key)]),
      bytes: fromHex(bytes),
    }))
    const round = () => {
      const start = performance.now()
      for (const { asked, bytes } of proofs) verifyStateProofs(bytes, { ...claim, asked })
      return ((performance.now() - start) * 1000) / proofs.length
    }
    for (let i = 0; i < 20; i++) round()
    const rounds = Array.from({ length: ${ROUNDS} }, round).sort((a, b) => a - b)
    document.title = String(rounds[${Math.floor(ROUNDS / 2)}])`)
  return Number(await titleOf(script))
}

async function bundled(script) {
  const project = mkdtempSync(join(tmpdir(), 'cairn-page-'))
  try {
    symlinkSync(join(ROOT, 'node_modules'), join(project, 'node_modules'))
    writeFileSync(join(project, 'page.js'), script)
    const build = await rolldown({ input: join(project, 'page.js'), platform: 'browser', cwd: project })
    const { output } = await build.generate({ format: 'esm', codeSplitting: false })
    return output[0].code
  } finally {
    rmSync(project, { recursive: true, force: true })
  }
}

/** What the script makes the title of its page. */
async function titleOf(script) {
  const html = '<!doctype html><meta charset="utf-8"><title></title><script type="module" src="/page.js"></script>'
  const server = createServer((request, response) => {
    const [type, body] = request.url === '/page.js' ? ['text/javascript', script] : ['text/html', html]
    response.writeHead(200, { 'Content-Type': `${type}; charset=utf-8` }).end(body)
  })
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
  const browser = await chromium.launch({ executablePath: PROGRAM, args: ['--no-sandbox'] })
  try {
    const page = await browser.newPage()
    const failed = new Promise((_, reject) => page.on('pageerror', reject))
    await page.goto(`http://localhost:${server.address().port}/`)
    const titled = page.waitForFunction(() => document.title !== '', undefined, { timeout: 120_000 })
    await Promise.race([titled, failed])
    return await page.title()
  } finally {
    await browser.close()
    server.close()
  }
}
