import { Busboy } from '@fastify/busboy'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MULTIPART_PARTS_MAX } from '../../../src/limits.js'
import { boundaryOf, MultipartError, multipartParts } from '../../../src/relay/blobs/multipart.js'

const FORM =
  'preamble\r\n--xx\r\nContent-Disposition: form-data; name="a"\r\n\r\none\r\n' +
  '--xx \t\r\ncontent-disposition: form-data; filename="; name=b"; name="file"\r\n' +
  'Content-Type: image/png\r\n\r\n\r\n--x\r\n\r\n' +
  '--xx\r\nContent-Disposition: form-data; name=c\r\n\r\n\r\n--xx--\r\nepilogue'

const ONE = [['a', 'one']]

describe('the boundary', () => {
  test.each([
    ['multipart/form-data; boundary=abc', 'abc'],
    ['Multipart/Form-Data;charset=utf-8; Boundary="a b?c"', 'a b?c'],
    ['multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW', '----WebKitFormBoundary7MA4YWxkTrZu0gW'],
    [`multipart/form-data; boundary=${'a'.repeat(70)}`, 'a'.repeat(70)],
    [`multipart/form-data; boundary=${'a'.repeat(71)}`, undefined],
    ['multipart/form-data; boundary=""', undefined],
    ['multipart/form-data; boundary="a "', undefined],
    ['multipart/form-data', undefined],
    ['multipart/form-datax; boundary=abc', undefined],
    ['multipart/mixed; boundary=abc', undefined],
    ['application/json', undefined],
    [undefined, undefined],
  ])('of %j is %j', (contentType, boundary) => {
    expect(boundaryOf(contentType)).toBe(boundary)
  })
})

describe('a form', () => {
  test('is read in parts, wherever the chunks are cut', async () => {
    const whole = [
      ['a', 'one'],
      ['file', '\r\n--x\r\n'],
      ['c', ''],
    ]
    for (let size = 1; size <= FORM.length; size++)
      expect(await partsOf(FORM, size), `chunks of ${size}`).toEqual(whole)
  })

  test('may leave contents unread', async () => {
    const names: string[] = []
    for await (const part of multipartParts(chunked(FORM, 7), 'xx')) names.push(part.name)
    expect(names).toEqual(['a', 'file', 'c'])
  })

  test('carries any bytes', async () => {
    // Made of what boundaries are made of, so that half boundaries come up.
    const content = fc.array(fc.constantFrom('\r', '\n', '\r\n', '-', '--', 'x', '--x', '\r\n--x', 'é', '\u0000'), {
      maxLength: 30,
    })
    await fc.assert(
      fc.asyncProperty(fc.array(content, { maxLength: 4 }), fc.integer({ min: 1, max: 50 }), async (contents, size) => {
        const texts = contents.map((pieces) => pieces.join('').replaceAll('xx', 'x'))
        fc.pre(texts.every((text) => !`\r\n${text}`.includes('\r\n--xx')))
        const form = texts
          .map((text, i) => `--xx\r\nContent-Disposition: form-data; name="${i}"\r\n\r\n${text}\r\n`)
          .join('')
        expect(await partsOf(`${form}--xx--`, size)).toEqual(texts.map((text, i) => [String(i), text]))
      }),
    )
  })

  test.each([
    ['nothing', ''],
    ['no boundary', 'text'],
    ['the end missing', FORM.slice(0, FORM.indexOf('--xx--'))],
    ['half an end', FORM.slice(0, FORM.indexOf('--xx--') + 5)],
    ['a part without a name', '--xx\r\nContent-Disposition: form-data\r\n\r\none\r\n--xx--'],
    ['a part of another disposition', '--xx\r\nContent-Disposition: attachment; name="a"\r\n\r\none\r\n--xx--'],
    ['a part without a head', '--xx\r\n\r\none\r\n\r\n--xx--'],
    ['text behind a boundary', FORM.replace('--xx \t', '--xxy')],
    ['an endless head', `--xx\r\nA: ${'b'.repeat(20_000)}\r\n\r\n\r\n--xx--`],
  ])('is refused with %s', async (_what, text) => {
    for (const size of [1 << 20, 13]) await expect(partsOf(text, size)).rejects.toThrow(MultipartError)
  })

  test('has a bounded number of parts', async () => {
    const form = (parts: number) =>
      `${'--xx\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n'.repeat(parts)}--xx--`
    expect(await partsOf(form(MULTIPART_PARTS_MAX), 1 << 16)).toHaveLength(MULTIPART_PARTS_MAX)
    await expect(partsOf(form(MULTIPART_PARTS_MAX + 1), 1 << 16)).rejects.toThrow(MultipartError)
  })

  test('that is left early lets its source go', async () => {
    let released = false
    const source = async function* () {
      try {
        yield* chunked(FORM, 10)
      } finally {
        released = true
      }
    }
    for await (const part of multipartParts(source(), 'xx')) if (part.name === 'a') break
    expect(released).toBe(true)
  })
})

describe('@fastify/busboy, a second reader of forms,', () => {
  test('finds the same parts, whatever their heads and contents', async () => {
    const pieces = ['\r', '\n', '\r\n', '-', '--', 'x', '--x', '\r\n--x', 'é', '\u0000']
    const content = fc
      .array(fc.constantFrom(...pieces), { maxLength: 12 })
      .map((parts) => parts.join(''))
      .filter((text) => !`\r\n${text}`.includes('\r\n--xx'))
    const name = fc.array(fc.constantFrom('a', 'é', ' ', '\\"', '\\\\', '; name=', '%22', '='), { maxLength: 5 })
    const disposition = fc.constantFrom(
      'Content-Disposition: form-data; ',
      'content-disposition:form-data;',
      'CONTENT-DISPOSITION: FORM-DATA; ',
      'Content-Disposition: form-data; filename="; name=b"; ',
    )
    const file = fc.constantFrom('', '; filename="x.png"', "; filename*=UTF-8''x", '; filename=x')
    const header = fc.constantFrom('', 'Content-Type: image/png\r\n', 'X-Name: name="z"\r\n')
    const part = fc
      .tuple(header, disposition, name, file, header, content)
      .map(([before, head, words, file, after, text]) => [
        `--xx\r\n${before}${head}name="${words.join('')}"${file}\r\n${after}\r\n${text}\r\n`,
        text,
      ])
    const preamble = fc.constantFrom('', 'preamble\r\n', '\r\n', '--x\r\n')
    const epilogue = fc.constantFrom('', '\r\n', '\r\nepilogue', '--')
    await fc.assert(
      fc.asyncProperty(
        preamble,
        fc.array(part, { maxLength: 4 }),
        epilogue,
        fc.integer({ min: 1, max: 60 }),
        async (before, parts, after, size) => {
          const form = `${before}${parts.map(([text]) => text).join('')}--xx--${after}`
          const ours = await partsOf(form, size)
          expect(ours.map(([, content]) => content)).toEqual(parts.map(([, content]) => content))
          expect(ours).toEqual(await busboyParts(form, size))
        },
      ),
    )
  })

  // Busboy leaves out in silence what it does not understand; here that is an error, or is understood.
  const head = (text: string) => `--xx\r\n${text}\r\n\r\none\r\n--xx--`
  test.each<[what: string, form: string, ours: string[][] | undefined, theirs: unknown]>([
    ['padding behind a boundary', head('Content-Disposition: form-data; name=a').replace('xx', 'xx \t'), ONE, []],
    ['text behind a boundary', head('Content-Disposition: form-data; name=a').replace('xx', 'xxy'), undefined, []],
    ['a part without a name', head('Content-Disposition: form-data'), undefined, [[undefined, 'one']]],
    ['a part of another disposition', head('Content-Disposition: attachment; name=a'), undefined, []],
    ['a part without a head', '--xx\r\n\r\none\r\n\r\n--xx--', undefined, []],
    ['a head on two lines', head('Content-Disposition: form-data;\r\n name=a'), undefined, ONE],
    ['a line that is no header', head('?\r\nContent-Disposition: form-data; name=a'), ONE, []],
    ['a name twice', head('Content-Disposition: form-data; name=a; name=b'), ONE, [['b', 'one']]],
    ['any character behind a backslash', head('Content-Disposition: form-data; name="\\a"'), ONE, [['\\a', 'one']]],
  ])('reads %s otherwise', async (_what, form, ours, theirs) => {
    if (ours === undefined) await expect(partsOf(form, 13)).rejects.toThrow(MultipartError)
    else expect(await partsOf(form, 13)).toEqual(ours)
    expect(await busboyParts(form, 13)).toEqual(theirs)
  })
})

function busboyParts(form: string, chunkSize: number): Promise<unknown[][]> {
  const headers = { 'content-type': 'multipart/form-data; boundary=xx' }
  const busboy = new Busboy({ headers, isPartAFile: () => true })
  const parts: unknown[][] = []
  busboy.on('file', (name, stream) => {
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    const part: unknown[] = [name]
    parts.push(part)
    stream.on('end', () => part.push(Buffer.concat(chunks).toString()))
  })
  return new Promise((resolve, reject) => {
    busboy.on('error', reject).on('finish', () => setImmediate(() => resolve(parts)))
    const bytes = Buffer.from(form)
    for (let at = 0; at < bytes.length; at += chunkSize) busboy.write(bytes.subarray(at, at + chunkSize))
    busboy.end()
  })
}

async function partsOf(form: string, chunkSize: number): Promise<string[][]> {
  const parts: string[][] = []
  for await (const part of multipartParts(chunked(form, chunkSize), 'xx')) {
    const chunks: Uint8Array[] = []
    for await (const chunk of part.content) chunks.push(Uint8Array.from(chunk))
    parts.push([part.name, Buffer.concat(chunks).toString()])
  }
  return parts
}

async function* chunked(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
