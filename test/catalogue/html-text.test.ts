import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { cellOfText, textOfCell } from '../../src/catalogue/html-text.js'

test.each([
  ['plain, with  two spaces\nand a line', 'plain, with  two spaces\nand a line'],
  ['5 < 6 & R&D', '5 < 6 & R&D'],
  ['<p>One &amp; two</p>\n<p>Three</p>', 'One & two\n\nThree'],
  ['<ul>\n  <li>Merino</li>\n  <li>Two <b>big</b> pockets</li>\n</ul>', '• Merino\n• Two big pockets'],
  ['First<br>second<br/>third', 'First\nsecond\nthird'],
  ['<div>One</div><div>Two</div>', 'One\nTwo'],
  ['<style>p { color: red }</style><script>alert(1)</script><p>Shown</p>', 'Shown'],
  ['<p title="a > b">Quoted</p>', 'Quoted'],
  ['caf&eacute;&nbsp;&#8211; &#x263A;', 'café\u{a0}– ☺'],
  ['<p>Unclosed <em>tags', 'Unclosed tags'],
  ['<!-- nothing -->', ''],
])('%j reads as %j', (cell, text) => expect(textOfCell(cell)).toBe(text))

test('a tag in a text is a tag of the text', () => {
  const text = 'Use <b>bold</b>\n\n  and &amp; '
  expect(cellOfText(text)).not.toContain('<b>')
  expect(textOfCell(cellOfText(text))).toBe(text)
})

test('every text comes back', () => {
  const pieces = fc.constantFrom(
    '<b>',
    '&amp;',
    '&',
    '<',
    '>',
    ' ',
    '  ',
    '\n',
    '\r\n',
    '\t',
    '\u{e000}',
    '\u{e002}',
    '\u{a0}',
  )
  const text = fc
    .array(fc.oneof(pieces, fc.string({ unit: 'binary' })), { maxLength: 12 })
    .map((parts) => parts.join(''))
  fc.assert(
    fc.property(text, (text) => {
      expect(textOfCell(cellOfText(text))).toBe(text)
    }),
    { numRuns: 300 },
  )
})
