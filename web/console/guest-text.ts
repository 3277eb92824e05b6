/**
 * What a guest wrote, where there is room for a line: an order may hold a megabyte of text. The export has all of it.
 *
 * Tests: test/web/console-parts.test.ts, test/e2e/console.test.ts
 */

import type { AddressDetails } from 'cairn-relay/client'

/** Of a name or a street: as many as the form of the page at / takes. */
const LETTERS_MAX = 200

/** Its beginning, on one line; what turns the text around it is left out. */
export function guestText(text: string): string {
  const line = text
    .slice(0, SEEN_MAX)
    .replaceAll(/\s+/gu, ' ')
    .replaceAll(/[\p{Bidi_Control}\p{Cc}]/gu, '')
  const letters = Array.from(line.trim())
  return letters.length > LETTERS_MAX ? `${letters.slice(0, LETTERS_MAX).join('')}…` : letters.join('')
}

const SEEN_MAX = 4 * LETTERS_MAX

/** All that it has, each as `guestText` has it. */
export function guestAddress(address: AddressDetails): AddressDetails
export function guestAddress(address: AddressDetails | undefined): AddressDetails | undefined
export function guestAddress(address: AddressDetails | undefined): AddressDetails | undefined {
  if (address === undefined) return undefined
  const texts = Object.entries(address).map(([name, text]) => [name, text && guestText(text as string)])
  return Object.fromEntries(texts) as AddressDetails
}
