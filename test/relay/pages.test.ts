import { expect, test } from 'vitest'
import { prefersHtml, storefrontPageFor } from '../../src/relay/pages.js'

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8'

test.each<[accept: string | undefined, isHtml: boolean]>([
  [BROWSER, true],
  ['text/html', true],
  ['TEXT/HTML ; Q=0.5, application/json;q=0.4', true],
  ['text/*;q=0.7, application/json;q=0.5', true],
  [undefined, false],
  ['', false],
  ['*/*', false],
  ['application/json', false],
  ['application/json, text/html', false],
  ['application/json, text/html;q=0.9', false],
  ['text/html;q=0, */*', false],
  ['text/html;q=0.5, */*;q=0.8', false],
  ['text/html;q=nonsense', false],
])('Accept: %s', (accept, isHtml) => {
  expect(prefersHtml(new Map(accept === undefined ? [] : [['accept', accept]]))).toBe(isHtml)
})

const PAGE = '<head><title>A shop on cairn</title></head>'
const listing = {
  ID: 1n,
  Price: 5n,
  ViewState: 1n as const,
  Metadata: { Title: '<b>"Mug" & co', Description: 'It’s $& blue', Images: ['https://pictures.example/1'] },
}

test('a listing stands in the tags of its link, and cannot leave them', () => {
  const page = storefrontPageFor(PAGE, { shop: 7n, relay: '0x12' }, listing)
  expect(page).toContain('<title>&#60;b&#62;&#34;Mug&#34; &#38; co</title>')
  expect(page).toContain('<meta property="og:title" content="&#60;b&#62;&#34;Mug&#34; &#38; co" />')
  expect(page).toContain('<meta property="og:description" content="It’s $&#38; blue" />')
  expect(page).toContain('<meta property="og:image" content="https://pictures.example/1" />')
  expect(page).toContain('<meta name="cairn-storefront" data-shop="7" data-relay="0x12" data-chain="null" />')
})

test('one that guests may not see does not', () => {
  const page = storefrontPageFor(PAGE, {}, { ...listing, ViewState: 0n })
  expect(page).toContain('<title>A shop on cairn</title>')
  expect(page).not.toContain('Mug')
})
