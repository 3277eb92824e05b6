/** Bytes and objects as changes write them. */

/** Of an object, as the codec takes it. */
export function map(fields: Readonly<Record<string, unknown>>): never {
  return new Map(Object.entries(fields)) as never
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

export function fromHex(digits: string): Uint8Array {
  return Uint8Array.from(digits.match(/../gu) ?? [], (pair) => Number.parseInt(pair, 16))
}
