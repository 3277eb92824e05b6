/**
 * What several objects share (PROTOCOL §3): ids, amounts, addresses, names, metadata.
 * Tests: test/objects/fields.test.ts
 */

import {
  arrayOf,
  bool,
  bytes,
  mapOf,
  nameKey,
  optional,
  required,
  SchemaError,
  struct,
  text,
  uint,
  type Infer,
  type Schema,
} from '../codec/schema.js'

/** Listing and order ids: 1 … 2^64−1. */
export const objectId = uint(64, 1n)
export const uint64 = uint(64)
export const uint32 = uint(32)
export const uint256 = uint(256)
/** 20 bytes. */
export const address = bytes(20)
/** 32 bytes. */
export const bytes32 = bytes(32)

/** A currency, or where a payee is paid: the zero address is the chain's native currency. */
export const ChainAddress = struct({ ChainID: required(uint(64, 1n)), Address: required(address) })
/** As a state may hold it: chain 0 in a manifest that nobody wrote. */
export const StoredChainAddress = struct({ ChainID: required(uint64), Address: required(address) })
export type ChainAddress = Infer<typeof ChainAddress>

export const AbsoluteModification = struct({ Amount: required(uint256), Plus: required(bool) })

const modifierFields = struct({
  ModificationPercent: optional(uint256),
  ModificationAbsolute: optional(AbsoluteModification),
})

/** Exactly one of a percent factor (120 = plus 20 %) and an absolute amount. */
export type PriceModifier = Infer<typeof modifierFields>
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
export type Metadata = Infer<typeof Metadata>
