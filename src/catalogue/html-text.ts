/**
 * Descriptions: Shopify's are HTML, a listing's are text. Paragraphs, line breaks and list items become lines; all
 * other tags, scripts and styles go. A text without tags and entities is taken as it is.
 */

import { Parser } from 'htmlparser2'
import { decodeHTML } from 'entities'
import { HTML_DEPTH_MAX } from '../limits.js'

/** Tags that nest too deep. */
export class HtmlDepthError extends Error {
  override readonly name = 'HtmlDepthError'
}

/** The text that a page would show of it. Throws HtmlDepthError. */
export function textOfCell(cell: string): string {
  return isHtml(cell) ? textOfHtml(cell) : cell
}

/** A cell that reads as this text. */
export function cellOfText(text: string): string {
  if (!isHtml(text)) return text
  const escaped = text.replaceAll(/[&<>]/gu, (char) => ENTITIES[char]!)
  return escaped.replaceAll(/[\s\u{e000}-\u{e002}]/gu, (space, at: number) =>
    space === ' ' && /\S/u.test(escaped[at - 1] ?? ' ') && at + 1 < escaped.length
      ? space
      : `&#${space.charCodeAt(0)};`,
  )
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }
const HIDDEN: ReadonlySet<string> = new Set(['script', 'style', 'template', 'head', 'iframe', 'noscript'])
const BLOCKS: ReadonlySet<string> = new Set(
  (
    'address article aside blockquote dd div dl dt figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr li main ' +
    'nav ol p pre section table tr ul'
  ).split(' '),
)
/** Between a paragraph and the next an empty line. */
const APART: ReadonlySet<string> = new Set(['p', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'blockquote', 'pre'])

function isHtml(text: string): boolean {
  return /<[a-z!/?]|&(?:#[0-9]+|#x[0-9a-f]+|[a-z][a-z0-9]*);/iu.test(text)
}

/** In the place of tags until white space is collapsed: a new line, an empty line between, a line break. */
const [LINE, GAP, BREAK] = ['\u{e000}', '\u{e001}', '\u{e002}'] as const
const MARKS = /[\u{e000}-\u{e002}]/gu

/** White space of the source collapses before entities are decoded: those of white space stand for themselves. */
function textOfHtml(html: string): string {
  const lines = markedText(html)
    .replaceAll(/[ \t\r\n\f]+/gu, ' ')
    .replaceAll(/ ?([\u{e000}-\u{e002}]) ?/gu, '$1')
    .replaceAll(/[\u{e000}\u{e001}]+/gu, (run) => (run.includes(GAP) ? '\n\n' : '\n'))
    .replaceAll(BREAK, '\n')
  return decodeHTML(lines.trim())
}

function markedText(html: string): string {
  let [source, hidden, depth] = ['', 0, 0]
  const parser = new Parser(
    {
      onopentagname: (name) => {
        if (++depth > HTML_DEPTH_MAX) throw new HtmlDepthError(`tags nest deeper than ${HTML_DEPTH_MAX}`)
        if (HIDDEN.has(name)) hidden++
        source += OPENED.get(name) ?? markOf(name)
      },
      onclosetag: (name) => {
        depth--
        if (HIDDEN.has(name)) hidden--
        source += markOf(name)
      },
      ontext: (text) => {
        if (hidden === 0) source += text.replaceAll(MARKS, ' ')
      },
    },
    { decodeEntities: false },
  )
  parser.end(html)
  return source
}

const OPENED: ReadonlyMap<string, string> = new Map([
  ['br', BREAK],
  ['li', `${LINE}• `],
  ['td', ' '],
  ['th', ' '],
])

function markOf(name: string): string {
  return APART.has(name) ? GAP : BLOCKS.has(name) ? LINE : ''
}
