/**
 * Which origin and note key stand for each shop (PROOFS §8): made once, of the public host of that time, stored with
 * the shop and never changed. Another relay key signs the same again. Another note key, another identity of the relay,
 * or a log that was lost gets an origin of its own, the next generation.
 *
 * Tests: test/relay/notes/shop-bindings.test.ts
 */

import { addressOf, publicKeyOf } from '#signature'
import type { ShopId } from '../../brands.js'
import { equalBytes } from '../../bytes/bytes.js'
import { ed25519PublicKey } from '../../bytes/ed25519.js'
import { personalSigner } from '../../bytes/eip191.js'
import {
  decodeBinding,
  decodeSignedBinding,
  encodeBinding,
  encodeSignedBinding,
  originOf,
  readOrigin,
  signBinding,
  type NoteBinding,
  type SignedBinding,
} from '../../notes/forms.js'
import type { LogIdentity } from '../../proofs/checkpoint-form.js'
import type { NoteKey } from '../../settings/note-key.js'
import { noteBindingKey } from '../../store/setting-keys.js'
import type { SignedGuard } from '../../store/signed-guard.js'
import type { Store } from '../../store/store.js'

export interface ShopBindingsOptions {
  readonly store: Store
  readonly guard: SignedGuard
  readonly noteKey: NoteKey
  readonly relay: Omit<LogIdentity, 'ShopID'>
  /** The relay's secret key, 32 bytes. */
  readonly relaySecret: Uint8Array
  /** The public host, with its port where it has one; asked when an origin is made. */
  readonly host: () => string
}

export class ShopBindings {
  private readonly options: ShopBindingsOptions
  private readonly noteKey: Uint8Array
  private readonly address: Uint8Array
  private readonly found = new Map<ShopId, SignedBinding>()
  private readonly making = new Map<ShopId, Promise<SignedBinding>>()
  /** Shops of whose log the guard knew when the relay started: where it signs again, the log is the same. */
  private readonly vouched = new Set<ShopId>()

  constructor(options: ShopBindingsOptions) {
    this.options = options
    this.noteKey = ed25519PublicKey(options.noteKey.secret)
    this.address = addressOf(publicKeyOf(options.relaySecret))
  }

  /** A shop as the relay takes it up at its start, before anything of it is signed. */
  adopt(shopId: ShopId): void {
    if (this.options.guard.highest(this.identityOf(shopId)) !== undefined) this.vouched.add(shopId)
  }

  /** The shop's binding, made where there is none; durable when this resolves. Only for a shop with a checkpoint. */
  async of(shopId: ShopId): Promise<SignedBinding> {
    const found = this.found.get(shopId)
    if (found !== undefined) return found
    const making = this.making.get(shopId) ?? this.make(shopId).finally(() => this.making.delete(shopId))
    this.making.set(shopId, making)
    return making
  }

  private async make(shopId: ShopId): Promise<SignedBinding> {
    const { store, relaySecret, noteKey } = this.options
    const stored = store.setting(noteBindingKey(shopId))
    const before = stored && decodeSignedBinding(stored)
    const fields = this.fieldsAfter(before && decodeBinding(before[0]), shopId)
    const encoded = encodeBinding(fields)
    const isStored = before !== undefined && equalBytes(before[0], encoded) && this.isOurs(before)
    const signed = isStored ? before : signBinding(encoded, relaySecret)
    if (!noteKey.bindings.list().some((made) => equalBytes(made, encoded))) await noteKey.bindings.add(encoded)
    const setting = { key: noteBindingKey(shopId), value: encodeSignedBinding(signed) }
    if (!isStored) await store.commit({ records: [], settings: [setting] })
    this.found.set(shopId, signed)
    return signed
  }

  private fieldsAfter(stored: NoteBinding | undefined, shopId: ShopId): NoteBinding {
    const mine = { Version: 1n, ...this.identityOf(shopId), NoteKey: this.noteKey } as const
    if (stored !== undefined && isSame(stored, mine)) return stored
    const made = this.madeBefore(stored, shopId)
    const last = made.at(-1)
    // The database is older than the binding, and the guard has found its log to be the one that was signed.
    const isOfLog = stored === undefined && this.vouched.has(shopId)
    if (isOfLog && last !== undefined && isSame(last.fields, mine)) return last.fields
    const host = last?.parts.host ?? this.options.host()
    const generation = 1 + (last?.parts.generation ?? 0)
    return { ...mine, Origin: originOf({ host, ...mine, generation }) }
  }

  /** What was bound to this shop: what is stored, and what the file beside the note key tells; by generation. */
  private madeBefore(stored: NoteBinding | undefined, shopId: ShopId) {
    const { ChainID, Registry } = this.options.relay
    const listed = this.options.noteKey.bindings.list().map(decodeBinding)
    return [...listed, ...(stored === undefined ? [] : [stored])]
      .filter((of) => of.ChainID === ChainID && of.ShopID === shopId && equalBytes(of.Registry, Registry))
      .map((fields) => ({ fields, parts: readOrigin(fields.Origin) }))
      .toSorted((a, b) => a.parts.generation - b.parts.generation)
  }

  private isOurs(signed: SignedBinding): boolean {
    const signer = personalSigner(...signed)
    return signer !== undefined && equalBytes(signer, this.address)
  }

  private identityOf(shopId: ShopId): LogIdentity {
    return { ...this.options.relay, ShopID: shopId }
  }
}

function isSame(a: NoteBinding, b: Omit<NoteBinding, 'Origin'>): boolean {
  return (
    a.ChainID === b.ChainID &&
    a.Relay === b.Relay &&
    a.ShopID === b.ShopID &&
    equalBytes(a.Registry, b.Registry) &&
    equalBytes(a.NoteKey, b.NoteKey)
  )
}
