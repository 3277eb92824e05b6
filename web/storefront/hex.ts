/** Bytes as hexadecimal text. */

export function textOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Whether it is a secret of secp256k1, 32 bytes: another text of that length is none. */
export function isHexSecret(text: string): boolean {
  if (!/^[0-9a-f]{64}$/u.test(text)) return false
  const secret = BigInt(`0x${text}`)
  return secret > 0n && secret < CURVE_ORDER
}

const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n

/** Of an even number of digits, with or without 0x. */
export function secretOf(text: string): Uint8Array {
  return Uint8Array.from(text.replace(/^0x/u, '').match(/../gu) ?? [], (pair) => Number.parseInt(pair, 16))
}

/** Begin and end of a long one. */
export function shortHex(bytes: Uint8Array): string {
  const text = textOf(bytes)
  return `${text.slice(0, 8)}…${text.slice(-6)}`
}
