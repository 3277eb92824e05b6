/**
 * Answers of other people's servers, of which no more is read than they may have.
 *
 * Tests: test/relay/notes/witnesses.test.ts, test/relay/payments/price-source.test.ts
 */

/** The whole body as text. Rejects with RangeError above so many bytes. */
export async function boundedText(response: Response, bytesMax: number): Promise<string> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of response.body ?? []) {
    bytes += part.length
    if (bytes > bytesMax) throw new RangeError(`it answers with over ${bytesMax} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}
