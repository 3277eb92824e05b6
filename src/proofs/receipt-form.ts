/**
 * An order receipt as bytes (PROOFS §6): written, and read as what it claims. Nothing here says that a claim is true.
 *
 * Tests: test/proofs/receipt.test.ts
 */

import { decode } from '../codec/decode.js'
import { readDeterministic } from '../codec/deterministic.js'
import { encode } from '../codec/encode.js'
import {
  arrayOf,
  bytes,
  oneOf,
  optional,
  required,
  SchemaError,
  someOf,
  struct,
  tuple,
  uint,
  type Infer,
  type Schema,
} from '../codec/schema.js'
import { checkForm, itemCount } from '../codec/span.js'
import { CborError, type Cbor } from '../codec/value.js'
import { FRAME_IN_BYTES_MAX, ITEMS_PER_ORDER_MAX, RECEIPT_BYTES_MAX, RECEIPT_ITEMS_MAX } from '../limits.js'
import { bytes32, uint64 } from '../objects/scalars.js'
import { Last, SignedCheckpoint } from './checkpoint-form.js'
import { LogConsistency } from './log-consistency.js'
import { LogInclusion } from './log-proof.js'
import { ReceiptError } from './receipt-error.js'

const VERSION = 1n

/** An item with a reader of its own, by its bytes: they are deterministic as those of the whole are. */
const encoded: Schema<Uint8Array> = {
  read: (value) => encode(value),
  write: (value) => decode(value),
  isEmpty: () => false,
}

/** Bytes of objects, headers, patches and proofs: their readers come later. */
const item = bytes(1, FRAME_IN_BYTES_MAX)

export const ReceiptSet = struct(
  {
    Seq: required(uint(64, 1n)),
    Header: required(item),
    Signature: required(bytes(65)),
    StateRoot: required(bytes32),
    Patches: required(someOf(tuple(item, item))),
    LogInclusion: required(LogInclusion),
    Level: optional(encoded),
    Manifest: optional(item),
  },
  { unlisted: 'refused' },
)
/**
 * A set with all its patches on the order, each with its proof. Level, by its bytes, and Manifest stand in the last one
 * that writes PaymentDetails.
 */
export interface ReceiptSet extends Infer<typeof ReceiptSet> {}

export const ReceiptAnchor = struct(
  {
    ChainID: required(uint64),
    Contract: required(bytes(20)),
    Tx: required(bytes32),
    Block: required(uint64),
    Checkpoint: required(SignedCheckpoint),
    Consistency: optional(LogConsistency),
  },
  { unlisted: 'refused' },
)
/** Where a checkpoint of the same log stands on chain. Consistency: between it and the receipt's. */
export interface ReceiptAnchor extends Infer<typeof ReceiptAnchor> {}

export const Receipt = struct(
  {
    Version: required(oneOf(VERSION)),
    Proofs: required(encoded),
    Checkpoint: required(SignedCheckpoint),
    Last: required(Last),
    Sets: required(someOf(ReceiptSet)),
    Listings: required(arrayOf(item, ITEMS_PER_ORDER_MAX)),
    Anchor: optional(ReceiptAnchor),
  },
  { unlisted: 'refused' },
)
/** Proofs: StateProofs of the order and of the cards that signed, by their bytes. Listings: canonical. */
export interface Receipt extends Infer<typeof Receipt> {}

/** Deterministic CBOR, fresh. Proofs and Levels must be deterministic too. */
export function encodeReceipt(receipt: Receipt): Uint8Array {
  return encode(Receipt.write(receipt))
}

/** What `received`, from anybody, claims; byte strings are views. Throws ReceiptError: 'form', 'version'. */
export function decodeReceipt(received: Uint8Array): Receipt {
  const { length } = received
  if (length > RECEIPT_BYTES_MAX)
    throw new ReceiptError('form', 'Receipt', `${length} bytes, at most ${RECEIPT_BYTES_MAX} are read`)
  try {
    requireFewItems(received)
    requireKnownVersion(decode(received))
    return readDeterministic(Receipt, received, 'Receipt')
  } catch (cause) {
    if (cause instanceof SchemaError)
      throw new ReceiptError('form', cause.at, cause.message.slice(cause.at.length + 1), { cause })
    if (cause instanceof CborError) throw new ReceiptError('form', 'Receipt', cause.message, { cause })
    throw cause
  }
}

/** Each becomes an object in memory: a file of nothing but small ones would take a hundred times its size. */
function requireFewItems(received: Uint8Array): void {
  checkForm(received)
  if (itemCount(received, 0, RECEIPT_ITEMS_MAX) <= RECEIPT_ITEMS_MAX) return
  throw new ReceiptError('form', 'Receipt', `more than ${RECEIPT_ITEMS_MAX} items`)
}

/** Before anything else of it is read: a newer one has other fields. */
function requireKnownVersion(value: Cbor): void {
  const version = value instanceof Map && value.has('Checkpoint') ? value.get('Version') : undefined
  if (typeof version !== 'bigint' || version <= VERSION) return
  const details = { found: `${version}`, wanted: `${VERSION}` }
  throw new ReceiptError('version', 'Version', `${version}, only ${VERSION} is known`, details)
}
