import { expect, test } from 'vitest'
import { prefersHtml } from '../../src/relay/pages.js'

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
