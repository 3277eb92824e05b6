/** Byte strings: comparison, joining, fixed-width integers (big endian, as everywhere in the protocol). */

/** Whether `a` and `b` hold the same bytes. Not constant-time: nothing here compares secrets. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Bytewise lexicographic order; a prefix comes first. Negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) {
    const difference = a[i]! - b[i]!
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

/** Whether every byte is 0; true of none. The zero address stands for a chain's native currency. */
export function isAllZero(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte !== 0) return false
  return true
}

/** A fresh array with all parts in order. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const joined = new Uint8Array(length)
  let offset = 0
  for (const part of parts) {
    joined.set(part, offset)
    offset += part.length
  }
  return joined
}

/** `value` (0 … 2^64−1) as 8 bytes, big endian. */
export function be64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8)
  writeBe64(bytes, 0, value)
  return bytes
}

/** Writes `value` (0 … 2^64−1) at `offset`, 8 bytes, big endian. */
export function writeBe64(target: Uint8Array, offset: number, value: bigint): void {
  if (value < 0n || value >> 64n !== 0n) throw new RangeError(`not an unsigned 64-bit integer: ${value}`)
  let high = Number(value >> 32n)
  let low = Number(value & 0xffff_ffffn)
  for (let i = 3; i >= 0; i--) {
    target[offset + i] = high & 0xff
    target[offset + 4 + i] = low & 0xff
    high >>>= 8
    low >>>= 8
  }
}

/** The unsigned big-endian integer that `bytes` hold; 0 for none. */
export function fromBigEndian(bytes: Uint8Array): bigint {
  let value = 0n
  let i = 0
  for (; i + 6 <= bytes.length; i += 6) {
    let six = 0
    for (let j = 0; j < 6; j++) six = six * 256 + bytes[i + j]!
    value = (value << 48n) | BigInt(six)
  }
  for (; i < bytes.length; i++) value = (value << 8n) | BigInt(bytes[i]!)
  return value
}

/**
 * `value` ≥ 0 as the fewest big-endian bytes (none for 0), or as exactly `length` bytes. Throws RangeError if it does
 * not fit.
 */
export function toBigEndian(value: bigint, length?: number): Uint8Array {
  if (value < 0n) throw new RangeError(`negative: ${value}`)
  let digits = value === 0n ? '' : value.toString(16)
  if (digits.length % 2 === 1) digits = `0${digits}`
  const size = length ?? digits.length / 2
  if (digits.length / 2 > size) throw new RangeError(`${value} does not fit into ${size} bytes`)
  const bytes = new Uint8Array(size)
  let offset = size - digits.length / 2
  for (let i = 0; i < digits.length; i += 2) bytes[offset++] = Number.parseInt(digits.slice(i, i + 2), 16)
  return bytes
}

const encoder = new TextEncoder()

/** The UTF-8 bytes of `text`. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text)
}
