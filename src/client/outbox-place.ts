/**
 * An outbox's place, at which more than one card keeps: what is this card's, and what is others' and stays theirs. The
 * card that kept last stands first, and the others behind it (kept-outbox.ts).
 *
 * Tests: test/client/outbox-place.test.ts, test/client/outbox.test.ts
 */

import { OUTBOX_OTHERS_MAX } from '../limits.js'
import { readPatch } from '../patches/patch.js'
import { encodeOutbox, readOutbox, type KeptOutbox } from './kept-outbox.js'

interface OutboxPlace {
  /** Of the card that kept last. */
  readonly last: KeptOutbox
  /** Undefined: this card has kept nothing. */
  readonly own: KeptOutbox | undefined
  /** Of other cards, the last one first: of each its bytes. */
  readonly others: readonly Uint8Array[]
  /** Undefined, or why something behind the first one is not used. */
  readonly problem: string | undefined
}

/** Throws KeptOutboxError, CborError and what readPatch throws, where the first one or this card's cannot be read. */
export function readPlace(bytes: Uint8Array, purpose: string): OutboxPlace {
  const last = readOutbox(bytes)
  const isOwn = last.purpose === purpose
  let own = isOwn ? checked(last) : undefined
  let problem: string | undefined
  const others = isOwn ? [] : [encodeOutbox({ ...last, others: [] })]
  for (const other of last.others) {
    try {
      const kept = readOutbox(other)
      if (kept.purpose !== purpose) others.push(other)
      else own ??= checked(kept)
    } catch (error) {
      problem = (error as Error).message
    }
  }
  return { last, own, others: atMost(others), problem }
}

function checked(kept: KeptOutbox): KeptOutbox {
  for (const { patches } of [...kept.writes, ...kept.refused]) patches.forEach(readPatch)
  return kept
}

/** All that have not sent something, and of those without the newest. */
function atMost(others: readonly Uint8Array[]): readonly Uint8Array[] {
  let room = OUTBOX_OTHERS_MAX - others.filter(hasWrites).length
  return others.filter((bytes) => hasWrites(bytes) || room-- > 0)
}

/** Whether one more card with writes would be too many. */
export function isPlaceFull(others: readonly Uint8Array[]): boolean {
  return others.length > OUTBOX_OTHERS_MAX && others.filter(hasWrites).length > OUTBOX_OTHERS_MAX
}

function hasWrites(bytes: Uint8Array): boolean {
  return readOutbox(bytes).writes.length > 0
}

/** Of two purposes: they begin with shop and relay. */
export function isSameShop(one: string, other: string): boolean {
  const [a, b] = [one, other].map((purpose) => purpose.split(' ', 2))
  return a![0] === b![0] && a![1] === b![1]
}
