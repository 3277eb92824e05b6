/**
 * Which relay a receipt, or a form of it for other tools, says that it is of: nothing has checked that. It tells where
 * to look for the relay's keys.
 *
 * Tests: test/cli/verify.test.ts, test/cli/verify-forms.test.ts
 */

import type { ShopId } from '../brands.js'
import { decodeBinding, decodeSignedBinding, decodeTlogExtra, NoteError, readTlogProof } from '../notes/forms.js'
import { formOf } from '../notes/forms.js'
import { CheckpointError, decodeCheckpoint } from '../proofs/checkpoint.js'
import { decodeReceipt, type ReceiptAnchor } from '../proofs/receipt-form.js'
import { ReceiptError } from '../proofs/receipt-error.js'

export interface NamedRelay {
  readonly chainId: bigint
  /** 20 bytes. */
  readonly registry: Uint8Array
  /** The number of the relay's token. */
  readonly relay: bigint
  /** At which the token's owners signed; undefined in place of a block: now. */
  readonly blocks: readonly (bigint | undefined)[]
  /** Of an order receipt with an anchor. */
  readonly anchored?: { readonly shop: ShopId; readonly anchor: ReceiptAnchor } | undefined
}

/** Undefined for what is no receipt. */
export function namedIn(receipt: Uint8Array): NamedRelay | undefined {
  try {
    const { Checkpoint, Anchor } = decodeReceipt(receipt)
    const { ChainID, Registry, Relay, ShopID } = decodeCheckpoint(Checkpoint[0])
    const anchored = Anchor && { shop: ShopID, anchor: Anchor }
    return { chainId: ChainID, registry: Registry, relay: Relay, blocks: [Anchor?.Block], anchored }
  } catch (error) {
    if (error instanceof ReceiptError || error instanceof CheckpointError) return undefined
    throw error
  }
}

/**
 * By the binding in a form, or beside it; undefined where there is none. The binding may be newer than the receipt that
 * goes with it, and signed by a later owner.
 */
export function namedInForm(
  form: Uint8Array,
  beside: { readonly binding?: Uint8Array | undefined; readonly receipt?: Uint8Array | undefined },
): NamedRelay | undefined {
  try {
    const isText = formOf(form) === 'tlog-proof'
    const extra = isText ? readTlogProof(new TextDecoder().decode(form)).extra : undefined
    const [receipt = beside.receipt, inside] = extra === undefined ? [] : decodeTlogExtra(extra)
    const signed = inside ?? (beside.binding && decodeSignedBinding(beside.binding))
    if (signed === undefined) return undefined
    const { ChainID, Registry, Relay } = decodeBinding(signed[0])
    const anchored = (receipt && namedIn(receipt)?.blocks)?.filter((block) => block !== undefined) ?? []
    return { chainId: ChainID, registry: Registry, relay: Relay, blocks: [undefined, ...anchored] }
  } catch (error) {
    if (error instanceof NoteError) return undefined
    throw error
  }
}
