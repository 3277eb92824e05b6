/**
 * The media type under which a blob is served, judged by its first bytes alone: what the uploader claims counts for
 * nothing. Raster images, JSON and plain text only. What a browser would run or render as a document (HTML, SVG, XML)
 * is text/plain, everything else application/octet-stream: strangers' uploads are never active content on the relay's
 * origin.
 *
 * Tests: test/relay/blobs/media-type.test.ts
 */

/** How many bytes suffice. */
export const TYPE_BYTES = 512

/** `head`: the first TYPE_BYTES of the blob, or all of a shorter one. */
export function blobType(head: Uint8Array): string {
  const image = IMAGES.find(({ marks }) => marks.every(({ at, text }) => latin1(head, at, text.length) === text))
  if (image !== undefined) return image.type
  const text = textOf(head)
  if (text === undefined || text === '') return 'application/octet-stream'
  return /^\s*[{[]/.test(text) ? 'application/json' : 'text/plain; charset=utf-8'
}

const IMAGES: readonly {
  readonly type: string
  readonly marks: readonly { readonly at: number; readonly text: string }[]
}[] = [
  { type: 'image/png', marks: [{ at: 0, text: '\u0089PNG\r\n\u001a\n' }] },
  { type: 'image/jpeg', marks: [{ at: 0, text: '\u00ff\u00d8\u00ff' }] },
  { type: 'image/gif', marks: [{ at: 0, text: 'GIF87a' }] },
  { type: 'image/gif', marks: [{ at: 0, text: 'GIF89a' }] },
  {
    type: 'image/webp',
    marks: [
      { at: 0, text: 'RIFF' },
      { at: 8, text: 'WEBP' },
    ],
  },
  { type: 'image/avif', marks: [{ at: 4, text: 'ftypavif' }] },
]

function latin1(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length))
}

/** UTF-8 text without control characters but white space; a character cut off at the end does not matter. */
function textOf(head: Uint8Array): string | undefined {
  for (const byte of head) {
    const isSpace = byte === 0x09 || byte === 0x0a || byte === 0x0c || byte === 0x0d
    if ((byte < 0x20 && !isSpace) || byte === 0x7f) return undefined
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true })
  } catch {
    return undefined
  }
}
