/**
 * Draws the demo shop's pictures anew: `node web/pictures/draw.mjs` makes a WebP of each SVG beside it, with Chromium.
 * Both are kept in the repository, so that a build needs no browser.
 */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

const SIZE = 640
const QUALITY = 0.82
const inside = (name) => fileURLToPath(new URL(name, import.meta.url))

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] })
try {
  const page = await browser.newPage()
  for (const name of readdirSync(inside('.')).filter((file) => file.endsWith('.svg'))) {
    const url = await page.evaluate(drawn, { svg: readFileSync(inside(name), 'utf8'), size: SIZE, quality: QUALITY })
    writeFileSync(inside(name.replace(/svg$/u, 'webp')), Buffer.from(url.slice(url.indexOf(',') + 1), 'base64'))
  }
} finally {
  await browser.close()
}

/** In the page: the picture as a data URL. */
async function drawn({ svg, size, quality }) {
  const image = new Image()
  image.src = `data:image/svg+xml,${encodeURIComponent(svg)}`
  await image.decode()
  const canvas = Object.assign(document.createElement('canvas'), { width: size, height: size })
  canvas.getContext('2d').drawImage(image, 0, 0, size, size)
  return canvas.toDataURL('image/webp', quality)
}
