/**
 * Descriptions: Shopify's are HTML, a listing's are text. Paragraphs, line breaks and list items become lines; all other
 * tags, scripts and styles go. A text without tags and entities is taken as it is.
 */

import { Parser } from 'htmlparser2'
import { decodeHTML } from 'entities'

/** The text that a page would show of it. */
export function textOfCell(cell: string): string {
  return isHtml(cell) ? textOfHtml(cell) : cell
}

/** A cell that reads as this text. */
export function cellOfText(text: string): string {
  if (!isHtml(text)) return text
  const escaped = text.replaceAll(/[&<>]/gu, (char) => ENTITIES[char]!)
  return escaped.replaceAll(/[\s\u0001-\u0003]/gu, (space, at: number) =>
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

/**
 * White space of the source collapses before entities are decoded: those of white space stand for themselves. `\u0001`
 * is a line break, `\u0002` an empty line.
 */
function textOfHtml(html: string): string {
  let [source, hidden] = ['', 0]
  const mark = (name: string) => (APART.has(name) ? '\u0002' : BLOCKS.has(name) ? '\u0001' : '')
  const parser = new Parser(
    {
      onopentagname: (name) => {
        if (HIDDEN.has(name)) hidden++
        source +=
          name === 'br' ? '\u0003' : name === 'li' ? '\u0001• ' : name === 'td' || name === 'th' ? ' ' : mark(name)
      },
      onclosetag: (name) => {
        if (HIDDEN.has(name)) hidden--
        source += mark(name)
      },
      ontext: (text) => {
        if (hidden === 0) source += text.replaceAll(/[\u0001-\u0003]/gu, ' ')
      },
    },
    { decodeEntities: false },
  )
  parser.end(html)
  const lines = source
    .replaceAll(/[ \t\r\n\f]+/gu, ' ')
    .replaceAll(/ ?([\u0001-\u0003]) ?/gu, '$1')
    .replaceAll(/[\u0001\u0002]*\u0002[\u0001\u0002]*/gu, '\n\n')
    .replaceAll(/\u0001+/gu, '\n')
    .replaceAll('\u0003', '\n')
  return decodeHTML(lines.replaceAll(/^[ \n]+|[ \n]+$/gu, ''))
}
