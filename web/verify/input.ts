/** What a person gives to the page: a receipt as text or in the link, addresses, registries. Pure. */

import type { ReportTrust } from 'cairn-relay/receipt'

/** The bytes of a receipt in a link, base64 (of either alphabet) or hexadecimal text; undefined for anything else. */
export function receiptOfText(text: string): Uint8Array | undefined {
  const fragment = text.includes('#') ? partsOfFragment(text.slice(text.indexOf('#'))).receipt : undefined
  const word = (fragment ?? text).replaceAll(/\s+/gu, '').replace(/^0x/iu, '')
  if (word === '') return undefined
  if (/^(?:[0-9a-f]{2})+$/iu.test(word)) return Uint8Array.from(word.match(/../gu)!, (pair) => parseInt(pair, 16))
  const base64 = word.replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/u, '')
  if (!/^[A-Za-z0-9+/]+$/u.test(base64) || base64.length % 4 === 1) return undefined
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
}

export interface LinkParts {
  /** base64url. */
  readonly receipt?: string | undefined
  /** Addresses with commas between; whoever made the link wrote them. */
  readonly relay?: string | undefined
  /** Of the receipt, 64 hexadecimal digits, where the link is too small for it. */
  readonly digest?: string | undefined
}

export function partsOfFragment(fragment: string): LinkParts {
  const words = new URLSearchParams(fragment.replace(/^#/u, ''))
  const part = (name: string) => words.get(name) ?? undefined
  return { receipt: part('receipt'), relay: part('relay'), digest: part('digest')?.toLowerCase() }
}

/** The page's address with a fragment of these parts. */
export function linkOf(page: string, parts: LinkParts): string {
  const given = Object.entries(parts).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return `${page}#${given.map(([name, value]) => `${name}=${value}`).join('&')}`
}

export function base64Url(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/u, '')
}

export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Addresses in a text, 20 bytes each; undefined if a word of it is none. */
export function addressesOf(text: string): Uint8Array[] | undefined {
  const words = text.split(/[\s,;]+/u).filter((word) => word !== '')
  if (!words.every((word) => /^(?:0x)?[0-9a-f]{40}$/iu.test(word))) return undefined
  return words.map((word) => receiptOfText(word.slice(-40))!)
}

/** Registries in a text, `1:0x…`; none at all is undefined, a word that is none is an error. */
export function registriesOf(text: string): ReportTrust['registries'] | 'none of these' {
  const words = text.split(/[\s,;]+/u).filter((word) => word !== '')
  if (words.length === 0) return undefined
  const read = words.map((word) => /^([0-9]+):(?:0x)?([0-9a-f]{40})$/iu.exec(word))
  if (read.includes(null)) return 'none of these'
  return read.map((match) => [BigInt(match![1]!), receiptOfText(match![2]!)!] as const)
}
