import { describe, expect, test } from 'vitest'
import { blobType } from '../../../src/relay/blobs/media-type.js'

const latin1 = (text: string) => Buffer.from(text, 'latin1')

describe('the media type', () => {
  test.each([
    ['PNG', latin1('\u0089PNG\r\n\u001a\n\u0000'), 'image/png'],
    ['almost PNG', latin1('\u0089PNG\r\n\u001a\r'), 'application/octet-stream'],
    ['JPEG', latin1('\u00ff\u00d8\u00ff\u00e0'), 'image/jpeg'],
    ['GIF 87', latin1('GIF87a\u0001'), 'image/gif'],
    ['GIF 89', latin1('GIF89a\u0001'), 'image/gif'],
    ['GIF of another year', latin1('GIF88a\u0001'), 'application/octet-stream'],
    ['WebP', latin1('RIFF\u0001\u0002\u0003\u0004WEBPVP8 '), 'image/webp'],
    ['another RIFF', latin1('RIFF\u0001\u0002\u0003\u0004WAVEfmt '), 'application/octet-stream'],
    ['AVIF', latin1('\u0000\u0000\u0000\u001cftypavif'), 'image/avif'],
    ['JSON', Buffer.from(' \n{"a":"ü"}'), 'application/json'],
    ['JSON list', Buffer.from('[1]'), 'application/json'],
    ['text', Buffer.from('Grüße,\r\n\tKunde'), 'text/plain; charset=utf-8'],
    ['text cut in a character', Buffer.from('Grü').subarray(0, 3), 'text/plain; charset=utf-8'],
    ['text with a wrong byte', latin1('Gr\u00fc\u00dfe'), 'application/octet-stream'],
    ['text with a zero', Buffer.from('a\u0000b'), 'application/octet-stream'],
    ['HTML', Buffer.from('<!doctype html><script>alert(1)</script>'), 'text/plain; charset=utf-8'],
    ['SVG', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'), 'text/plain; charset=utf-8'],
    ['XML', Buffer.from('<?xml version="1.0"?><svg/>'), 'text/plain; charset=utf-8'],
    ['PDF', latin1('%PDF-1.7\n%\u00e2\u00e3\u00cf\u00d3'), 'application/octet-stream'],
    ['nothing', Buffer.alloc(0), 'application/octet-stream'],
  ])('of %s', (_what, head, type) => expect(blobType(head)).toBe(type))
})
