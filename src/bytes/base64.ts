/** Base64 (RFC 4648 §4) with padding: one text for the same bytes, and no other is read. */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const VALUES: ReadonlyMap<string, number> = new Map(Array.from(ALPHABET, (letter, value) => [letter, value] as const))

/** Four letters for three bytes, the last ones padded with `=`. */
export function toBase64(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const [a, b = 0, c = 0] = bytes.subarray(i, i + 3) as unknown as [number, number?, number?]
    const group = a * 0x1_0000 + b * 0x100 + c
    const letters = [18, 12, 6, 0].map((shift) => ALPHABET[(group >> shift) & 63]!)
    const given = Math.min(3, bytes.length - i)
    text += letters.slice(0, given + 1).join('') + '='.repeat(3 - given)
  }
  return text
}

/** The bytes of `text`, or undefined if it is not what toBase64 makes of any. */
export function fromBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0) return undefined
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  const bytes = new Uint8Array((text.length / 4) * 3)
  for (let i = 0; i < text.length; i += 4) {
    const isLast = i + 4 === text.length
    let group = 0
    for (let j = 0; j < 4; j++) {
      const value = isLast && j >= 4 - padding ? 0 : VALUES.get(text[i + j]!)
      if (value === undefined) return undefined
      group = group * 64 + value
    }
    bytes.set([group >> 16, (group >> 8) & 0xff, group & 0xff], (i / 4) * 3)
  }
  const end = bytes.length - padding
  // Bits below the padding that are set would be a second text for the same bytes.
  return bytes.subarray(end).every((byte) => byte === 0) ? bytes.subarray(0, end) : undefined
}
