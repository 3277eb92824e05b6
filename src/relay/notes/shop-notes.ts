/**
 * A shop's log as signed notes (PROOFS §8): of a seq that has a checkpoint and of no other. Text and signature follow
 * from log and key, so none is stored. Before one is signed, the log is compared with the checkpoint's peaks: a note
 * and a checkpoint of two logs would be evidence against us.
 *
 * Tests: test/relay/notes/shop-notes.test.ts
 */

import type { Seq, ShopId } from '../../brands.js'
import { equalBytes } from '../../bytes/bytes.js'
import { rootOfPeaks, treeConsistency, type TreeHead } from '../../merkle/rfc6962.js'
import {
  coseReceiptOf,
  decodeBinding,
  signNote,
  tlogProofOf,
  type MadeCoseReceipt,
  type MadeTlogProof,
  type SignedBinding,
} from '../../notes/forms.js'
import { withCosignatures, type Cosignature } from '../../notes/cosignature.js'
import { decodeCheckpoint } from '../../proofs/checkpoint-form.js'
import type { Checkpoints } from '../checkpoints/checkpoints.js'
import { ShopLog } from '../shops/log-trees.js'
import { ShopBindings, type ShopBindingsOptions } from './shop-bindings.js'

interface ShopNotesOptions extends ShopBindingsOptions {
  readonly checkpoints: Pick<Checkpoints, 'newest' | 'firstSigned'>
  /** What witnesses said of the shop's note of `size` sets. */
  readonly cosignatures: (shopId: ShopId, size: Seq) => readonly Cosignature[]
}

/** The log of a note, and how it is gone on with. */
export interface NotedLog {
  readonly size: Seq
  /** With no cosignature. */
  readonly note: string
  /** From the log of `size` sets, 0 to this one's, to this log. */
  consistencyFrom(size: Seq): Uint8Array[]
}

export class ShopNotes {
  readonly bindings: ShopBindings
  private readonly options: ShopNotesOptions

  constructor(options: ShopNotesOptions) {
    this.options = options
    this.bindings = new ShopBindings(options)
  }

  /** Which set the newest checkpoint is of; undefined if there is none of this shop's log. */
  newestSeq(shopId: ShopId): Seq | undefined {
    const { checkpoints, store } = this.options
    const seq = checkpoints.newest(shopId)?.seq ?? store.newestCheckpoint(shopId)?.seq
    return seq === undefined || this.headAt(shopId, seq) === undefined ? undefined : seq
  }

  /** The binding of a shop that has a checkpoint. */
  async binding(shopId: ShopId): Promise<SignedBinding | undefined> {
    return this.newestSeq(shopId) === undefined ? undefined : this.bindings.of(shopId)
  }

  /** The newest one, without cosignatures. */
  async newest(shopId: ShopId): Promise<NotedLog | undefined> {
    const size = this.newestSeq(shopId)
    const note = size === undefined ? undefined : await this.bare(shopId, size)
    if (size === undefined || note === undefined) return undefined
    return { size, note, consistencyFrom: (from) => treeConsistency(from, size, this.reader(shopId)) }
  }

  /** The note of the log of `seq` sets with what witnesses said of it; undefined if that seq has no checkpoint. */
  async note(shopId: ShopId, seq: Seq): Promise<string | undefined> {
    const note = await this.bare(shopId, seq)
    return note && withCosignatures(note, this.options.cosignatures(shopId, seq))
  }

  /**
   * Of set `seq` at the checkpoint of `size`; undefined without one. `receipt`: the order receipt whose last set it is
   * and whose checkpoint that is; left out: neither it nor the binding is in the proof.
   */
  async tlogProof(shopId: ShopId, seq: Seq, size: Seq, receipt?: Uint8Array): Promise<MadeTlogProof | undefined> {
    const note = await this.note(shopId, size)
    if (note === undefined) return undefined
    const binding = await this.bindings.of(shopId)
    return tlogProofOf({ seq, size, note, receipt, binding, read: this.reader(shopId) })
  }

  /** The same as a COSE receipt. Rejects with NoteError 'form' where the log has one set. */
  async coseReceipt(shopId: ShopId, seq: Seq, size: Seq): Promise<MadeCoseReceipt | undefined> {
    if (this.headAt(shopId, size) === undefined) return undefined
    const log = new ShopLog(this.options.store, shopId)
    const leaf = { Seq: BigInt(seq), Set: log.setDigest(seq), StateRoot: log.stateRoot(seq) }
    const { secret } = this.options.noteKey
    return coseReceiptOf({ leaf, size, binding: await this.bindings.of(shopId), read: this.reader(shopId), secret })
  }

  private async bare(shopId: ShopId, seq: Seq): Promise<string | undefined> {
    const head = this.headAt(shopId, seq)
    if (head === undefined) return undefined
    const { Origin } = decodeBinding((await this.bindings.of(shopId))[0])
    return signNote(Origin, head, this.options.noteKey.secret)
  }

  /** The tree of a seq that has a checkpoint of this relay, of this very log. */
  private headAt(shopId: ShopId, seq: Seq): TreeHead | undefined {
    const { checkpoints, store, relay } = this.options
    if (seq < 1 || seq > store.logTreeHead(shopId)) return undefined
    const signed = checkpoints.firstSigned(shopId, seq)
    if (signed === undefined) return undefined
    const { ChainID, Registry, Relay, Peaks } = decodeCheckpoint(signed[0])
    if (ChainID !== relay.ChainID || Relay !== relay.Relay || !equalBytes(Registry, relay.Registry)) return undefined
    const { mmr, tree } = new ShopLog(store, shopId).peaks(seq)
    if (!mmr.every((peak, i) => equalBytes(peak, Peaks[i]!))) return undefined
    return { size: BigInt(seq), root: rootOfPeaks(tree) }
  }

  private reader(shopId: ShopId): (level: number, index: number) => Uint8Array {
    const log = new ShopLog(this.options.store, shopId)
    return (level, index) => log.treeNode(level, index)
  }
}
