/** A key as its text brings it from another device. Pure. */

import { importCard } from 'cairn-relay/card'
import { textOf } from './hex.js'
import type { Place } from './place.js'

/** `told`: what came of it, for a person. */
export function readKey(
  text: string,
  { shop, relay }: Pick<Place, 'shop' | 'relay'>,
): { readonly secret?: Uint8Array; readonly told: string } {
  try {
    const saved = importCard(text, { shop })
    const known = relay.replace(/^0x/u, '').toLowerCase()
    if (known !== 'development' && textOf(saved.relay) !== known)
      return { told: 'This key is of a shop on another server.' }
    return { secret: saved.secret, told: '✓ This browser opens its orders now.' }
  } catch (error) {
    return { told: `This is not a key of this shop. ${(error as Error).message}` }
  }
}
