/**
 * What several objects share (PROTOCOL §3): ids, amounts, addresses, names, metadata.
 *
 * Tests: test/objects/fields.test.ts
 */

import type { Amount, ChainId, ListingId, OrderId, ShopId } from '../brands.js'
import { utf8 } from '../bytes/bytes.js'
import { fromHex, toHex, type Hex } from '../bytes/hex.js'
import {
  arrayOf,
  bool,
  bytes,
  mapOf,
  optional,
  required,
  SchemaError,
  struct,
  text,
  uint,
  type Infer,
  type KeySchema,
  type Schema,
} from '../codec/schema.js'
import { NAME_BYTES_MAX } from '../limits.js'

/** 1 … 2^64−1. */
export const listingId: Schema<ListingId> = uint(64, 1n)
/** 1 … 2^64−1. */
export const orderId: Schema<OrderId> = uint(64, 1n)
export const shopId: Schema<ShopId> = uint(256)
/** In a currency's smallest unit. */
export const amount: Schema<Amount> = uint(256)
export const uint64 = uint(64)
export const uint32 = uint(32)
/** 20 bytes. */
const address = bytes(20)
/** 32 bytes. */
export const bytes32 = bytes(32)

/** A text that stands for something: a map key, a tag name. Not empty, at most NAME_BYTES_MAX bytes of UTF-8. */
export const nameText: Schema<string> = {
  read(value, at) {
    if (typeof value !== 'string') throw new SchemaError(at, 'must be a text')
    if (value === '') throw new SchemaError(at, 'must not be empty')
    if (value.length > NAME_BYTES_MAX || utf8(value).length > NAME_BYTES_MAX) {
      throw new SchemaError(at, `must have at most ${NAME_BYTES_MAX} bytes`)
    }
    return value
  },
  write: (value) => value,
  isEmpty: () => false,
}

export const nameKey: KeySchema<string> = {
  readKey: (key, at) => nameText.read(key, `${at} key`),
  writeKey: (key) => key,
}

export const chainKey: KeySchema<ChainId> = {
  readKey: (key, at) => uint64.read(key, `${at} key`),
  writeKey: (key) => key,
}

/** 20 bytes, held as 40 hexadecimal digits. */
export const addressKey: KeySchema<Hex> = {
  readKey: (key, at) => toHex(address.read(key, `${at} key`)),
  writeKey: (key) => fromHex(key),
}

const chainId: Schema<ChainId> = uint(64, 1n)
const storedChainId: Schema<ChainId> = uint64

/** A currency, or where a payee is paid: the zero address is the chain's native currency. */
export const ChainAddress = struct({ ChainID: required(chainId), Address: required(address) })
/** As a state may hold it: chain 0 in a manifest that nobody wrote. */
export const StoredChainAddress = struct({ ChainID: required(storedChainId), Address: required(address) })
/**
 * A currency, or where a payee is paid: a chain's number and 20 bytes; the zero address is the chain's own currency.
 */
export interface ChainAddress extends Infer<typeof ChainAddress> {}

export const AbsoluteModification = struct({ Amount: required(amount), Plus: required(bool) })
/** What is added to an amount, or with `Plus` false taken from it. */
export interface AbsoluteModification extends Infer<typeof AbsoluteModification> {}

const modifierFields = struct({
  ModificationPercent: optional(uint(256)),
  ModificationAbsolute: optional(AbsoluteModification),
})

/** Exactly one of a percent factor (120 = plus 20 %) and an absolute amount. */
export interface PriceModifier extends Infer<typeof modifierFields> {}
export const PriceModifier: Schema<PriceModifier> = {
  ...modifierFields,
  read(value, at) {
    const modifier = modifierFields.read(value, at)
    if ((modifier.ModificationPercent === undefined) === (modifier.ModificationAbsolute === undefined)) {
      throw new SchemaError(at, 'must have exactly one of ModificationPercent and ModificationAbsolute')
    }
    return modifier
  },
}
export const PriceModifiers = mapOf(nameKey, PriceModifier)

/** A text that is not only white space. */
export const filledText: Schema<string> = {
  ...text,
  read(value, at) {
    const read = text.read(value, at)
    if (read.trim() === '') throw new SchemaError(at, 'must not be blank')
    return read
  },
}

export const Images = arrayOf(text)

/** What a listing or a variation says of itself. */
export const Metadata = struct({
  Title: required(filledText),
  Description: required(filledText),
  Images: optional(Images),
})
/** What people read of a listing or variation. `Images` are addresses of pictures. */
export interface Metadata extends Infer<typeof Metadata> {}
