/**
 * A hand-over: the relay's key says which key comes after it (docs/protocol/README.md, "Hand-over of a relay's key").
 * Who trusts the one trusts the other from then on.
 *
 * Tests: test/proofs/hand-over.test.ts
 */

import { addressOf, publicKeyOf, sign } from '#signature'
import { equalBytes } from '../bytes/bytes.js'
import { personalMessageDigest } from '../bytes/eip191.js'
import { prefixedHex, toHex } from '../bytes/hex.js'
import { encode } from '../codec/encode.js'
import { arrayOf, bytes, oneOf, required, struct, time, tuple, uint, type Infer } from '../codec/schema.js'
import { HAND_OVERS_MAX } from '../limits.js'
import { uint64 } from '../objects/scalars.js'
import { CheckpointError } from './checkpoint-error.js'
import { readForm, shown, signerAddress, type LogIdentity } from './checkpoint-form.js'

/** Some 150 with the largest numbers. */
const HAND_OVER_BYTES_MAX = 512

export const HandOver = struct(
  {
    Version: required(oneOf(1n)),
    ChainID: required(uint64),
    Registry: required(bytes(20)),
    Relay: required(uint(256)),
    From: required(bytes(20)),
    To: required(bytes(20)),
    Timestamp: required(time),
  },
  { unlisted: 'refused' },
)
/** From, To: addresses of the keys, never the same. The others as in a checkpoint; Timestamp: when it was signed. */
export interface HandOver extends Infer<typeof HandOver> {}

/** `[hand-over bytes, signature of 65 bytes]`, as it is kept and sent. */
export const SignedHandOver = tuple(bytes(1, HAND_OVER_BYTES_MAX), bytes(65))
export type SignedHandOver = Infer<typeof SignedHandOver>

/** All of a relay's, the first one first: as it serves them. */
const HandOvers = arrayOf(SignedHandOver, HAND_OVERS_MAX)

/** The relay of a checkpoint, whatever the shop. */
export type RelayIdentity = Omit<LogIdentity, 'ShopID'>

/**
 * Signs a hand-over with the key that From is the address of: `secret`, 32 bytes. EIP-191, low s, v 27 or 28. Throws
 * CheckpointError 'form', and 'signer' where the key is another's.
 *
 * @example
 * ```ts
 * import { CborTime, signHandOver } from 'cairn-relay/checkpoint'
 *
 * const address = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))
 * const identity = { ChainID: 1n, Registry: new Uint8Array(20), Relay: 12n }
 * const keys = { From: address('4a62316623ad457f02cdc5d997ded67a383ec569'), To: address('11'.repeat(20)) }
 * const secret = new Uint8Array(32).fill(7)
 * const signed = signHandOver({ Version: 1n, ...identity, ...keys, Timestamp: new CborTime(0n) }, secret)
 * console.log(signed[1].length) // 65
 * ```
 */
export function signHandOver(fields: HandOver, secret: Uint8Array): SignedHandOver {
  const value = encode(HandOver.write(fields))
  const { From } = decodeHandOver(value)
  const own = addressOf(publicKeyOf(secret))
  if (!equalBytes(own, From)) throw notSignedBy(From, own)
  return [value, sign(personalMessageDigest(value), secret)]
}

/**
 * The hand-over, if one of `relays` (addresses, 20 bytes each) made it for that relay: then To is the relay's too.
 * Throws CheckpointError: 'form', 'signature', 'identity', 'signer'.
 *
 * @example
 * ```ts
 * import { CborTime, signHandOver, verifyHandOver } from 'cairn-relay/checkpoint'
 *
 * const address = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))
 * const identity = { ChainID: 1n, Registry: new Uint8Array(20), Relay: 12n }
 * const keys = { From: address('4a62316623ad457f02cdc5d997ded67a383ec569'), To: address('11'.repeat(20)) }
 * const secret = new Uint8Array(32).fill(7)
 * const signed = signHandOver({ Version: 1n, ...identity, ...keys, Timestamp: new CborTime(0n) }, secret)
 * const { To } = verifyHandOver(signed, [keys.From], identity)
 * console.log(To[0]) // 17
 * ```
 */
export function verifyHandOver(
  signed: SignedHandOver,
  relays: readonly Uint8Array[],
  identity: RelayIdentity,
): HandOver {
  const fields = readHandOver(signed)
  requireRelay(fields, identity)
  if (relays.some((relay) => equalBytes(relay, fields.From))) return fields
  const [found, wanted] = [prefixedHex(fields.From), relays.map(prefixedHex).join(', ')]
  const problem = `the hand-over is from ${found}, not from the relay ${wanted}`
  throw new CheckpointError('signer', problem, { at: 'From', found, wanted })
}

/**
 * The addresses of a relay's keys, `relays` first, with those that hand-overs lead to from them, in whatever order they
 * stand. One that leads from none of them is not followed. Throws CheckpointError for one that is not well signed, or
 * is another relay's, and 'circle' where following them leads back.
 *
 * @example
 * ```ts
 * import { CborTime, relaysAfter, signHandOver } from 'cairn-relay/checkpoint'
 *
 * const address = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))
 * const identity = { ChainID: 1n, Registry: new Uint8Array(20), Relay: 12n }
 * const keys = { From: address('4a62316623ad457f02cdc5d997ded67a383ec569'), To: address('11'.repeat(20)) }
 * const secret = new Uint8Array(32).fill(7)
 * const signed = signHandOver({ Version: 1n, ...identity, ...keys, Timestamp: new CborTime(0n) }, secret)
 * console.log(relaysAfter([signed], [keys.From], identity).length) // 2
 * ```
 */
export function relaysAfter(
  handOvers: readonly SignedHandOver[],
  relays: readonly Uint8Array[],
  identity: RelayIdentity,
): Uint8Array[] {
  const known = [...relays]
  const read = handOvers.map(readHandOver)
  for (const fields of read) requireRelay(fields, identity)
  const has = (address: Uint8Array) => known.some((one) => equalBytes(one, address))
  // Each round adds one at least, or is the last.
  for (let before = -1; before < known.length;) {
    before = known.length
    for (const { From, To } of read) if (has(From) && !has(To)) known.push(To)
  }
  refuseCircle(read.filter(({ From }) => has(From)))
  return known
}

/** A key that comes after itself would be no end: nobody could say which one is the relay's now. */
function refuseCircle(handOvers: readonly HandOver[]): void {
  let left = handOvers
  for (let before = -1; before !== left.length;) {
    before = left.length
    const handing = new Set(left.map(({ From }) => toHex(From)))
    left = left.filter(({ To }) => handing.has(toHex(To)))
  }
  const [one] = left
  if (one === undefined) return
  const [found, wanted] = [prefixedHex(one.To), `a key after ${prefixedHex(one.From)} that does not lead back to it`]
  const problem = `the hand-over from ${prefixedHex(one.From)} to ${found} is of a circle: it leads back`
  throw new CheckpointError('circle', problem, { at: 'To', found, wanted })
}

/**
 * The bytes of `[hand-over, signature]`: deterministic CBOR.
 *
 * @example
 * ```ts
 * import { encodeSignedHandOver } from 'cairn-relay/checkpoint'
 *
 * console.log(encodeSignedHandOver([Uint8Array.of(0xa0), new Uint8Array(65)]).length) // 70
 * ```
 */
export function encodeSignedHandOver(signed: SignedHandOver): Uint8Array {
  return encode(SignedHandOver.write(signed))
}

/**
 * Reads `[hand-over, signature]`, which nothing has checked yet. Throws CheckpointError 'form'.
 *
 * @example
 * ```ts
 * import { decodeSignedHandOver, encodeSignedHandOver } from 'cairn-relay/checkpoint'
 *
 * const bytes = encodeSignedHandOver([Uint8Array.of(0xa0), new Uint8Array(65)])
 * console.log(decodeSignedHandOver(bytes)[0].length) // 1
 * ```
 */
export function decodeSignedHandOver(received: Uint8Array): SignedHandOver {
  return readForm(SignedHandOver, received, 'signed hand-over')
}

/** Of all of a relay's. */
export function encodeHandOvers(handOvers: readonly SignedHandOver[]): Uint8Array {
  return encode(HandOvers.write(handOvers))
}

/** At most HAND_OVERS_MAX, which nothing has checked yet. Throws CheckpointError 'form'. */
export function decodeHandOvers(received: Uint8Array): readonly SignedHandOver[] {
  return readForm(HandOvers, received, 'list of hand-overs')
}

function decodeHandOver(received: Uint8Array): HandOver {
  const fields = readForm(HandOver, received, 'hand-over')
  if (!equalBytes(fields.From, fields.To)) return fields
  const found = prefixedHex(fields.To)
  throw new CheckpointError('form', `the hand-over leads from ${found} to itself`, { at: 'To', found })
}

/** Signed by its own From, whoever that is. Throws CheckpointError. */
export function readHandOver([received, signature]: SignedHandOver): HandOver {
  const fields = decodeHandOver(received)
  const signer = signerAddress('the hand-over', received, signature)
  if (!equalBytes(signer, fields.From)) throw notSignedBy(fields.From, signer)
  return fields
}

function notSignedBy(From: Uint8Array, signer: Uint8Array): CheckpointError {
  const [found, wanted] = [prefixedHex(signer), prefixedHex(From)]
  const problem = `the hand-over is from ${wanted} and signed by ${found}`
  return new CheckpointError('signer', problem, { at: 'signature', found, wanted })
}

function requireRelay(their: RelayIdentity, our: RelayIdentity): void {
  for (const at of ['ChainID', 'Registry', 'Relay'] as const) {
    const [found, wanted] = [shown(their[at]), shown(our[at])]
    if (found === wanted) continue
    throw new CheckpointError('identity', `the hand-over's ${at} is ${found}, not ${wanted}`, { at, found, wanted })
  }
}
