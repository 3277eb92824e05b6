/**
 * Keeps what is proven of a shop in a store, and brings it back: shown at once if it is wanted so, and checked as if
 * the relay had sent it. Loaded when `store` of `connect` asks for it.
 *
 * Tests: test/client/kept-shop.test.ts, test/client/kept-replica.test.ts
 */

import { present } from '../assert.js'
import { FIRST_PAINT_MS, KEPT_SAVE_MS } from '../limits.js'
import type { StateQuestion } from '../merkle/state-question.js'
import { HeldObjects } from '../proofs/held-objects.js'
import { isCardEntry, SnapshotVerifier, type SnapshotObject } from '../proofs/snapshot.js'
import { encodeKept, heldIn, readKept, type KeptReplica, type ReplicaStore } from './kept-replica.js'
import { checkParts, type PartProofs, type PartTask } from './part-proofs.js'
import type { Selection } from './parts.js'
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
  private readonly place: ReplicaStore
  private readonly purpose: string
  private readonly host: KeptHost
  private isClosed = false
  /** What the replica holds was kept, and nothing of it is checked. */
  private preview: KeptReplica | undefined
  private savedSeq = 0n
  private saving: ReturnType<typeof setTimeout> | undefined
  /** What is being kept, a slice at a time. */
  private making: Steps<Uint8Array | undefined> | undefined
  /** One after the other. */
  private saved: Promise<void> = Promise.resolve()

  /** `purpose`: as keptFor gives it. */
  constructor(replica: Replica, proven: ProvenShop, store: ReplicaStore, purpose: string, host: KeptHost) {
    this.replica = replica
    this.proven = proven
    this.place = store
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
    const kept = this.preview ?? (await this.kept())
    if (kept === undefined) return false
    try {
      await this.host.follow()
      const shown = await this.sliced(resumed(kept, this.proven, this.replica))
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

  /** What was to be kept is kept at once: who closes may be about to leave. */
  close(): void {
    this.isClosed = true
    const { making } = this
    this.making = undefined
    if (this.saving !== undefined) {
      clearTimeout(this.saving)
      if (this.replica.followed !== undefined) return this.save()
      this.host.follow().then(
        () => this.save(),
        () => undefined,
      )
    }
    if (making !== undefined) this.store(toEnd(making))
  }

  /** Undefined if the client is closed meanwhile. */
  private async sliced<T>(steps: Steps<T>): Promise<T | undefined> {
    return inSlices(steps, () => !this.isClosed)
  }

  private async kept(): Promise<KeptReplica | undefined> {
    try {
      const bytes = await this.place.load()
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

  private save(): void {
    this.saving = undefined
    // The next one, then.
    if (this.making !== undefined) return this.keep()
    const making = (this.making = this.made())
    if (!this.isClosed) return void this.saveSliced(making)
    this.making = undefined
    this.store(toEnd(making))
  }

  private async saveSliced(making: Steps<Uint8Array | undefined>): Promise<void> {
    try {
      const bytes = await inSlices(making, () => this.making === making)
      if (this.making === making) this.store(bytes)
    } catch (error) {
      this.notKept(error)
    }
    if (this.making === making) this.making = undefined
  }

  /** What is to be stored: only what was proven whole, as of one checkpoint, and not what was stored last. */
  private *made(): Steps<Uint8Array | undefined> {
    yield* this.proven.foldSteps()
    const kept = whatIsKept(this.proven, this.host.shown())
    const seq = kept && this.proven.comparedWith!.fields.Seq
    if (kept === undefined || seq === this.savedSeq) return undefined
    this.savedSeq = seq!
    return yield* encodeKept({ ...kept, purpose: this.purpose })
  }

  private store(bytes: Uint8Array | undefined): void {
    if (bytes === undefined) return
    this.saved = this.saved.then(() => this.place.save(bytes)).catch((error: unknown) => this.notKept(error))
  }

  private notKept(error: unknown): void {
    this.host.notice(`what is held could not be kept: ${(error as Error).message}`)
  }
}

/**
 * What was kept of an earlier run, checked as a snapshot and proofs of the relay are; what proves its parts. After
 * `follow` of the replica. Throws what a check throws, and leaves all as it was.
 */
function* resumed(kept: KeptReplica, proven: ProvenShop, replica: Replica): Steps<ProvenParts | undefined> {
  const { signed, level, salts, items, parts } = kept
  const { shopId } = proven
  const checkpoint = proven.checkpoints.verified(signed)
  const { Seq, StateRoot: stateRoot } = checkpoint.fields
  const selection = proven.selectionWith(salts)
  const verifier = new SnapshotVerifier({ shopId, stateRoot, selected: selection.selected }, level, salts)
  const held = new HeldObjects()
  for (const item of items) {
    const object = verifier.take(item)
    if (object !== undefined) held.put(object, Seq)
    yield
  }
  verifier.end()
  held.reach(Seq)
  const follower = present(replica.followerOf(held, true), 'what follows a snapshot')
  yield* follower.shop.foldSteps()
  const task = proven.taskOf(follower.shop, checkpoint, selection)
  if (task !== undefined) checkParts(task, shopId, parts ?? { singles: [] })
  proven.goOn(signed, { held, selection, level, salts }, follower)
  if (task === undefined || parts === undefined) return undefined
  proven.partsProven(task)
  return { task, proofs: parts }
}

/** What can be kept now: everything proven as of one checkpoint. `shown`: what proved the parts last. */
function whatIsKept(
  shop: ProvenShop,
  shown: ProvenParts | undefined,
): (Omit<KeptReplica, 'items' | 'purpose'> & { readonly objects: Iterable<SnapshotObject> }) | undefined {
  const { proven } = shop
  if (proven === undefined) return undefined
  const { tree, whole, level, selection, salts } = proven
  const task = shop.partTask()
  const isProven = shown?.task.checkpoint.fields.Seq === whole.fields.Seq
  if (task !== undefined && !isProven) return undefined
  const objects = [...tree.treeObjects()].filter(({ question }) => isSelected(selection, question))
  const parts = task === undefined ? undefined : shown!.proofs
  return { signed: whole.signed, level, salts, objects, parts }
}

/** Of what a tree has, cards' entries among it. */
function isSelected({ selected }: Selection, question: StateQuestion): boolean {
  const [collection, key] = question
  const part = selected[collection]
  return part === 'whole' || (part !== undefined && !isCardEntry(question) && part(key))
}
