/**
 * Keeps what is proven of a shop in a store, and brings it back: shown at once if it is wanted so, and checked as if
 * the relay had sent it. Loaded when `store` of `connect` asks for it.
 *
 * Tests: test/client/kept-replica.test.ts
 */

import { FIRST_PAINT_MS, KEPT_SAVE_MS } from '../limits.js'
import { HeldObjects } from '../proofs/held-objects.js'
import { encodeKept, heldIn, readKept, type KeptReplica, type ReplicaStore } from './kept-replica.js'
import { checkParts, type PartProofs, type PartTask } from './part-proofs.js'
import type { ProvenShop } from './proven-shop.js'
import type { Replica } from './replica.js'
import { inSlices, toEnd, type Steps } from './slices.js'

export { keptFor } from './kept-replica.js'

/** What was proven of parts, and by what. */
interface ProvenParts {
  readonly task: PartTask
  readonly proofs: PartProofs
}

interface KeptHost {
  /** What was proven last; undefined if nothing was. */
  shown(): ProvenParts | undefined
  /** Loads what a resumed shop is followed by. Rejects with ClientError. */
  follow(): Promise<void>
  /** What was kept is held now, and verified. */
  resumed(shown: ProvenParts | undefined): void
  /** What is held is another. */
  changed(): void
  notice(text: string): void
}

export class KeptShop {
  private readonly replica: Replica
  private readonly proven: ProvenShop
  private readonly store: ReplicaStore
  private readonly purpose: string
  private readonly host: KeptHost
  private isClosed = false
  /** What the replica holds was kept, and nothing of it is checked. */
  private preview: KeptReplica | undefined
  private savedSeq = 0n
  private saving: ReturnType<typeof setTimeout> | undefined
  /** One after the other. */
  private saved: Promise<void> = Promise.resolve()

  /** `purpose`: as keptFor gives it. */
  constructor(replica: Replica, proven: ProvenShop, store: ReplicaStore, purpose: string, host: KeptHost) {
    this.replica = replica
    this.proven = proven
    this.store = store
    this.purpose = purpose
    this.host = host
  }

  /** See `show`, `loadOr` and `load` of ShopProofs. */
  async show(): Promise<void> {
    const kept = await this.kept()
    if (kept === undefined) return
    try {
      const held = await this.sliced(heldIn(kept))
      if (held === undefined) return
      this.replica.begin(held, false)
      this.preview = kept
    } catch (error) {
      this.notUsed(error)
    }
  }

  async loadOr(follow: () => Promise<void>): Promise<void> {
    if (this.preview !== undefined) await new Promise((painted) => setTimeout(painted, FIRST_PAINT_MS))
    if (await this.load()) return
    await follow().catch((error: unknown) => this.host.notice((error as Error).message))
    await this.load()
  }

  /** Whether it was brought back. */
  async load(): Promise<boolean> {
    // What is closed right after it was shown is kept too.
    this.host.follow().catch(() => undefined)
    const kept = this.preview ?? (await this.kept())
    if (kept === undefined) return false
    try {
      await this.host.follow()
      const shown = await this.sliced(this.proven.resume(kept, checkParts))
      if (this.isClosed) return false
      this.preview = undefined
      this.savedSeq = this.proven.comparedWith!.fields.Seq
      this.host.resumed(shown)
      return true
    } catch (error) {
      this.notUsed(error)
      return false
    }
  }

  /** What is proven now is kept in a while. */
  keep(): void {
    if (this.isClosed || this.saving !== undefined) return
    this.saving = setTimeout(() => this.save(), KEPT_SAVE_MS)
  }

  /** What was to be kept is kept at once. */
  close(): void {
    this.isClosed = true
    if (this.saving === undefined) return
    clearTimeout(this.saving)
    this.save()
  }

  /** Undefined if the client is closed meanwhile. */
  private async sliced<T>(steps: Steps<T>): Promise<T | undefined> {
    return inSlices(steps, () => !this.isClosed)
  }

  private async kept(): Promise<KeptReplica | undefined> {
    try {
      const bytes = await this.store.load()
      const kept = bytes && (await this.sliced(readKept(bytes)))
      if (kept === undefined || kept.purpose === this.purpose) return kept
      this.host.notice('what was kept is of another subscription and not used')
    } catch (error) {
      this.notUsed(error)
    }
    return undefined
  }

  private notUsed(error: unknown): void {
    this.host.notice(`what was kept is not used: ${(error as Error).message}`)
    if (this.preview === undefined) return
    this.preview = undefined
    this.replica.begin(new HeldObjects(), false)
    this.host.changed()
  }

  /** Only what was proven whole, as of one checkpoint. */
  private save(): void {
    this.saving = undefined
    const folding = this.isClosed ? undefined : inSlices(this.proven.foldSteps(), () => true)
    if (folding instanceof Promise) void folding.then(() => this.saveFolded())
    else this.saveFolded()
  }

  private saveFolded(): void {
    const kept = this.proven.kept(this.host.shown())
    const seq = kept && this.proven.comparedWith!.fields.Seq
    if (kept === undefined || seq === this.savedSeq) return
    const steps = encodeKept({ ...kept, purpose: this.purpose })
    // Who closes may be about to leave.
    const encoding = this.isClosed ? toEnd(steps) : inSlices(steps, () => true)
    this.savedSeq = seq!
    this.saved = this.saved.then(async () => {
      try {
        const bytes = encoding instanceof Promise ? await encoding : encoding
        await this.store.save(bytes!)
      } catch (error) {
        this.host.notice(`what is held could not be kept: ${(error as Error).message}`)
      }
    })
  }
}
