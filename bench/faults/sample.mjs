// What the work under faults writes: everything can be told from the numbers in its claim, so that what is found
// later can be compared.

import { createHash } from 'node:crypto'

export const SHOPS = [1n, 2n]
export const NODES_PER_FLUSH = 3

/** `attempt` makes the bytes of each try of a set its own. */
export function recordOf({ seq, attempt, bytes }) {
  const filled = (length) => new Uint8Array(length).fill(attempt % 251)
  return {
    seq,
    committedAtMs: 1_700_000_000_000 + attempt,
    reservationSeconds: 86_400,
    signer: filled(33),
    account: filled(20),
    role: 'clerk',
    header: filled(90),
    signature: filled(65),
    patches: [filled(bytes)],
    stateHash: filled(32),
  }
}

export function shopRow(shopId) {
  return { shopId, secret: new Uint8Array(32).fill(Number(shopId)), createdAtMs: 0 }
}

export function cardOf(attempt) {
  return new Uint8Array(33).fill(attempt % 251)
}

export function rootsOf({ attempt }) {
  return new Uint8Array(300).fill(attempt % 251)
}

export function nodeOf(ref, attempt) {
  return new Uint8Array(900).fill((ref * 7 + attempt) % 251)
}

export function blobOf({ attempt, bytes }) {
  return new Uint8Array(bytes).fill(attempt % 251)
}

/** Attempts have numbers up to this one. */
export const MARKS_MAX = 250

export function digestOf(record) {
  const { seq, committedAtMs, reservationSeconds, role, signer, account, header, signature, patches, stateHash } =
    record
  const parts = [signer, account, header, signature, ...patches, stateHash].map((part) =>
    Buffer.from(part).toString('hex'),
  )
  return createHash('sha256')
    .update(JSON.stringify([seq, committedAtMs, reservationSeconds, role, parts]))
    .digest('hex')
}
