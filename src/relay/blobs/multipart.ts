/**
 * multipart/form-data (RFC 7578, RFC 2046 §5.1) as a stream: one part after the other, never more than a chunk in
 * memory.
 */

import { MULTIPART_PARTS_MAX, PART_HEAD_BYTES_MAX } from '../../limits.js'

const CRLF = Buffer.from('\r\n')
const END_OF_HEAD = Buffer.from('\r\n\r\n')

/** The boundary that a Content-Type header announces; undefined if it is not multipart/form-data with a legal one. */
export function boundaryOf(contentType: string | undefined): string | undefined {
  if (contentType === undefined || !/^multipart\/form-data\s*(;|$)/i.test(contentType)) return undefined
  const parameter = /;\s*boundary=(?:"([^"]*)"|([^\s;"]+))/i.exec(contentType)
  const boundary = parameter?.[1] ?? parameter?.[2]
  return boundary !== undefined && /^[\w'()+,\-./:=? ]{0,69}[\w'()+,\-./:=?]$/.test(boundary) ? boundary : undefined
}

interface Part {
  /** Of the form's field. */
  readonly name: string
  /**
   * Read it to its end or not: the next part is found in any case. Throws MultipartError and what the source throws.
   */
  readonly content: AsyncGenerator<Uint8Array>
}

/**
 * The parts in order. Throws MultipartError on anything but a whole form. What follows the last boundary is not read.
 */
export async function* multipartParts(source: AsyncIterable<Uint8Array>, boundary: string): AsyncGenerator<Part> {
  const reader = new Reader(source, boundary)
  try {
    await reader.skipToBoundary()
    for (let parts = 0; await reader.isPart(); parts++) {
      if (parts === MULTIPART_PARTS_MAX) throw new MultipartError(`more than ${MULTIPART_PARTS_MAX} parts`)
      const name = fieldName(await reader.head())
      yield { name, content: reader.content() }
      await reader.skipToBoundary()
    }
  } finally {
    await reader.close()
  }
}

/** The bytes are not a form as RFC 7578 has it. */
export class MultipartError extends Error {
  override readonly name = 'MultipartError'
}

class Reader {
  readonly #source: AsyncIterator<Uint8Array>
  readonly #delimiter: Buffer
  /** Read and not given out. The line end before the first boundary may be missing: it is put in front. */
  #pending: Buffer = CRLF
  /** Between a boundary and the end of the head behind it. */
  #atBoundary = false

  constructor(source: AsyncIterable<Uint8Array>, boundary: string) {
    this.#source = source[Symbol.asyncIterator]()
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1')
  }

  async close(): Promise<void> {
    await this.#source.return?.()
  }

  async skipToBoundary(): Promise<void> {
    while (!this.#atBoundary) await this.#contentChunk()
  }

  async *content(): AsyncGenerator<Uint8Array> {
    while (!this.#atBoundary) {
      const chunk = await this.#contentChunk()
      if (chunk.length > 0) yield chunk
    }
  }

  /** What follows the boundary: `--` for the end of the form, or white space and a line end for a part. */
  async isPart(): Promise<boolean> {
    while (this.#pending.length < 2) await this.#more()
    if (this.#pending[0] === 0x2d && this.#pending[1] === 0x2d) return false
    const padding = (await this.#until(CRLF)).toString('latin1')
    if (!/^[ \t]*$/.test(padding)) throw new MultipartError('a boundary is followed by other text')
    return true
  }

  /** The header lines of a part, without the empty line behind them. */
  async head(): Promise<string> {
    const head = await this.#until(END_OF_HEAD)
    this.#atBoundary = false
    return head.toString('utf8')
  }

  /** Content up to the boundary or to where a boundary might begin; may be empty. */
  async #contentChunk(): Promise<Uint8Array> {
    const at = this.#pending.indexOf(this.#delimiter)
    if (at >= 0) {
      this.#atBoundary = true
      const chunk = this.#pending.subarray(0, at)
      this.#pending = this.#pending.subarray(at + this.#delimiter.length)
      return chunk
    }
    const certain = Math.max(0, this.#pending.length - this.#delimiter.length + 1)
    const chunk = this.#pending.subarray(0, certain)
    this.#pending = this.#pending.subarray(certain)
    if (certain === 0) await this.#more()
    return chunk
  }

  /** The bytes before `mark`, which is consumed too. */
  async #until(mark: Buffer): Promise<Buffer> {
    for (;;) {
      const at = this.#pending.indexOf(mark)
      if (at >= 0) {
        const before = this.#pending.subarray(0, at)
        this.#pending = this.#pending.subarray(at + mark.length)
        return before
      }
      if (this.#pending.length > PART_HEAD_BYTES_MAX) throw new MultipartError('the head of a part is too long')
      await this.#more()
    }
  }

  async #more(): Promise<void> {
    const { done, value } = await this.#source.next()
    if (done === true) throw new MultipartError('the form ends in the middle')
    this.#pending = Buffer.concat([this.#pending, value])
  }
}

/** The `name` of a part's Content-Disposition. */
function fieldName(head: string): string {
  const disposition = /^content-disposition:[ \t]*form-data[ \t]*(;.*)$/im.exec(head)?.[1] ?? ''
  for (const [, key, quoted, token] of disposition.matchAll(/;\s*([\w*-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))/g)) {
    if (key!.toLowerCase() === 'name') return quoted?.replaceAll(/\\(.)/g, '$1') ?? token!
  }
  throw new MultipartError('a part has no field name')
}
