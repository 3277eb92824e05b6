/** Lower-case hexadecimal text of bytes, and back. */

const digits: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

export type Hex = string

export class HexError extends Error {
  override readonly name = 'HexError'
}

/** Two digits a byte, no prefix. */
export function toHex(bytes: Uint8Array): Hex {
  let text = ''
  for (const byte of bytes) text += digits[byte]
  return text
}

/** With 0x, as chains and wallets write bytes. */
export function prefixedHex(bytes: Uint8Array): `0x${string}` {
  return `0x${toHex(bytes)}`
}

/** Accepts either letter case and an optional `0x`. Throws HexError on odd length or another character. */
export function fromHex(text: string): Uint8Array {
  const plain = text.startsWith('0x') || text.startsWith('0X') ? text.slice(2) : text
  if (plain.length % 2 !== 0) throw new HexError(`hexadecimal text of odd length ${plain.length}`)
  const bytes = new Uint8Array(plain.length / 2)
  for (let i = 0; i < bytes.length; i++) {
    const high = nibble(plain.charCodeAt(2 * i))
    const low = nibble(plain.charCodeAt(2 * i + 1))
    if (high < 0 || low < 0) throw new HexError(`not hexadecimal at character ${2 * i}`)
    bytes[i] = high * 16 + low
  }
  return bytes
}

function nibble(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}
