/**
 * Subscriptions of one shop that select the same with the same rights: which sets hold something for them is noted once
 * when these are published, and what goes out next is read, selected and joined once for all that are as far.
 *
 * Tests: test/relay/feed/audience.test.ts, test/relay/feed/subscription.test.ts
 */

import type { Seq } from '../../brands.js'
import { FRAME_OUT_BYTES_MAX, SETS_PER_PUSH_MAX } from '../../limits.js'
import { ALL_COLLECTIONS } from '../../patches/object-name.js'
import type { SetRun } from '../../store/store.js'
import { PUSH_HEAD_BYTES_MAX, SharedPush } from '../../wire/shared-push.js'
import type { EncodedSet } from '../../wire/messages.js'
import { FeedRecord, type Feed, type FeedPart } from './feed.js'
import type { Selection } from './selection.js'

/** Sets that are known to hold something for an audience; of older ones the log tells. */
const NOTED_SETS_MAX = 4_096
/** Of these so many are read at a time. */
const READ_SETS_MAX = 256
/** Pushes that are kept for the next one who is as far, and their bytes. */
const PUSHES_KEPT_MAX = 16
const PUSHES_KEPT_BYTES_MAX = 1_048_576

/** What subscribed. */
export interface Member {
  /** Rises from one that was accepted to the next, whatever their sessions. */
  readonly serial: number
  readonly audience: Audience
  /** Whether its sets wait for something else than the relay's push delay. */
  readonly hasOwnTime: boolean
  /** Pushes what may be pushed now. */
  pumpAlone(): void
}

/** What goes out next behind a cursor: one push, or nothing. */
interface Portion {
  /** Undefined where nothing is selected up to `upTo`. */
  readonly push: SharedPush | undefined
  /** The first set that it holds. */
  readonly first: Seq
  /** The cursor behind it. */
  readonly upTo: Seq
  /** How many records were looked at. */
  readonly looked: number
}

interface KeptPortion extends Portion {
  readonly after: Seq
  /** Undefined: it is as large as a push may be, and the same whatever comes behind it. */
  readonly last: Seq | undefined
}

export class Audience {
  readonly feed: Feed
  readonly selection: Selection
  readonly members = new Set<Member>()
  private readonly bits: { readonly all: number; readonly none: number }
  private readonly names: readonly Uint8Array[] | undefined
  /** Rising: all sets after `notedFrom` that may hold something selected. */
  private readonly noted: Seq[] = []
  private notedFrom: Seq
  private readonly kept: KeptPortion[] = []
  private keptBytes = 0

  constructor(feed: Feed, selection: Selection) {
    this.feed = feed
    this.selection = selection
    this.names = selection.indexNames()
    this.bits = selection.bits
    this.notedFrom = feed.head
  }

  /** A set that was published just now may hold something selected; call it for all of these. */
  note(seq: Seq): void {
    this.noted.push(seq)
    if (this.noted.length <= NOTED_SETS_MAX) return
    const gone = this.noted.splice(0, NOTED_SETS_MAX / 2)
    this.notedFrom = gone.at(-1)!
  }

  /** `cursor`, or the last set up to `last` before which nothing more is selected, where that is known at once. */
  skip(cursor: Seq, last: Seq): Seq {
    if (cursor < this.notedFrom || cursor >= last) return cursor
    const next = this.noted[this.placeAfter(cursor)]
    return next === undefined ? last : Math.max(cursor, Math.min(next - 1, last))
  }

  /** The next records after `cursor` of which something may be selected, as Feed.after gives them. */
  after(cursor: Seq, last: Seq): FeedPart {
    if (cursor < this.notedFrom) return this.feed.after(cursor, last, this.names)
    const from = this.placeAfter(cursor)
    const seqs = this.noted.slice(from, Math.min(this.placeAfter(last), from + READ_SETS_MAX))
    const records = seqs.length === 0 ? [] : this.feed.pick(seqs)
    const isAll = seqs.length < READ_SETS_MAX && records.length === seqs.length
    return { records, upTo: isAll ? last : records.at(-1)!.seq }
  }

  /** What goes out next up to `last`, of so many records at most. The same for all members that are as far. */
  next(cursor: Seq, last: Seq, budget: number): Portion {
    const known = this.kept.find((one) => one.after === cursor && isFor(one, last))
    if (known !== undefined) return known
    const portion = this.made(cursor, last, budget)
    if (this.members.size > 1 && portion.push !== undefined) this.keep(portion)
    return portion
  }

  /** Nobody is there any more who could ask again. */
  forget(): void {
    this.kept.length = this.keptBytes = 0
  }

  private made(cursor: Seq, last: Seq, budget: number): KeptPortion {
    const filling = new Filling(cursor)
    let isFull = false
    while (!isFull && filling.upTo < last && filling.looked < budget) {
      const run = this.runBehind(filling.upTo)
      if (run === undefined) isFull = this.fillFromRecords(filling, last)
      else isFull = this.fillFromRun(filling, run, Math.min(last, run.last))
    }
    const { first, upTo, looked } = filling
    return { push: filling.push(), first, upTo, looked, after: cursor, last: isFull ? undefined : last }
  }

  /** Whether there was more than the push has room for. */
  private fillFromRecords(filling: Filling, last: Seq): boolean {
    const { records, upTo } = this.after(filling.upTo, last)
    for (const record of records) if (!this.take(filling, record)) return true
    filling.upTo = upTo
    filling.looked++
    return false
  }

  private take(filling: Filling, record: FeedRecord): boolean {
    const places = this.selection.places(record)
    if (places.length > 0 && !filling.add(record.seq, record.select(places))) return false
    filling.upTo = record.seq
    filling.looked++
    return true
  }

  /** As `fillFromRecords`; what is selected whole is copied as it stands. `last`: none behind the run's. */
  private fillFromRun(filling: Filling, run: SetRun, last: Seq): boolean {
    while (filling.upTo < last) {
      const from = filling.upTo + 1
      const bits = run.collections(from)
      if (isWithin(bits, this.bits.none)) {
        filling.upTo++
        filling.looked++
      } else if (this.isCopied(run, from)) {
        let to = from
        while (to < last && to - from < SETS_PER_PUSH_MAX && this.isCopied(run, to + 1)) to++
        if (!filling.addRun(run, from, to)) return true
      } else if (!this.take(filling, new FeedRecord(run.set(from)))) return true
    }
    return false
  }

  private isCopied(run: SetRun, seq: Seq): boolean {
    return isWithin(run.collections(seq), this.bits.all) && run.isProven(seq)
  }

  /** Undefined where sets are read one by one: the newest, those that are noted or indexed, those of old databases. */
  private runBehind(cursor: Seq): SetRun | undefined {
    const isOneByOne = this.names !== undefined || cursor >= this.notedFrom
    return isOneByOne ? undefined : this.feed.run(cursor)
  }

  /** Selected patches of the next sets behind `cursor`, as many as are counted at once, and up to where. */
  count(cursor: Seq, last: Seq): { readonly patches: number; readonly upTo: Seq; readonly looked: number } {
    const { all, none } = this.bits
    if ((all | none) === ALL_COLLECTIONS) {
      const other = this.feed.countPatches(cursor, last, ~ALL_COLLECTIONS)
      const patches = other === 0 ? this.feed.countPatches(cursor, last, all) : undefined
      if (patches !== undefined) return { patches, upTo: last, looked: 1 }
    }
    const run = this.runBehind(cursor)
    if (run !== undefined) return this.countRun(run, cursor, Math.min(run.last, last))
    const { records, upTo } = this.after(cursor, last)
    const patches = records.reduce((sum, record) => sum + this.selection.places(record).length, 0)
    return { patches, upTo, looked: 1 + records.length }
  }

  private countRun(run: SetRun, cursor: Seq, upTo: Seq) {
    let [patches, looked] = [0, 1]
    for (let seq = cursor + 1; seq <= upTo; seq++) {
      const bits = run.collections(seq)
      if (isWithin(bits, this.bits.none)) continue
      if (isWithin(bits, this.bits.all)) patches += run.patches(seq)
      else patches += this.selection.places(new FeedRecord(run.set(seq))).length
      looked++
    }
    return { patches, upTo, looked }
  }

  private keep(portion: KeptPortion): void {
    const sizeOf = ({ push }: Portion) => push!.bytes
    this.kept.push(portion)
    this.keptBytes += sizeOf(portion)
    while (this.kept.length > PUSHES_KEPT_MAX || (this.kept.length > 1 && this.keptBytes > PUSHES_KEPT_BYTES_MAX))
      this.keptBytes -= sizeOf(this.kept.shift()!)
  }

  /** Of the first noted set above `seq`. Most who ask are nearly at the end. */
  private placeAfter(seq: Seq): number {
    let [low, high] = [0, this.noted.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.noted[middle]! > seq) high = middle
      else low = middle + 1
    }
    return low
  }
}

/** The sets of one push while they are found. */
class Filling {
  /** The first set in it. */
  first: Seq = 0
  upTo: Seq
  looked = 0
  private readonly parts: EncodedSet[] = []
  private sets = 0
  private bytes = PUSH_HEAD_BYTES_MAX

  constructor(cursor: Seq) {
    this.upTo = cursor
  }

  /** Whether there was room; a single set always has it. */
  add(seq: Seq, set: EncodedSet): boolean {
    const isFull = this.sets === SETS_PER_PUSH_MAX || this.bytes + set.length > FRAME_OUT_BYTES_MAX
    if (isFull && this.sets > 0) return false
    this.put(seq, set, 1)
    return true
  }

  /** Sets `from` to `to`, as far as there is room; whether there was for all. */
  addRun(run: SetRun, from: Seq, to: Seq): boolean {
    let end = Math.min(to, from + SETS_PER_PUSH_MAX - this.sets - 1)
    const isTooLong = () => this.bytes + run.sets(from, end).length > FRAME_OUT_BYTES_MAX
    while (end >= from && (end > from || this.sets > 0) && isTooLong()) end--
    if (end >= from) {
      this.put(from, run.sets(from, end), end - from + 1)
      this.upTo = end
      this.looked += end - from + 1
    }
    return end === to
  }

  push(): SharedPush | undefined {
    return this.sets === 0 ? undefined : new SharedPush(this.parts)
  }

  private put(first: Seq, bytes: EncodedSet, sets: number): void {
    if (this.sets === 0) this.first = first
    this.parts.push(bytes)
    this.sets += sets
    this.bytes += bytes.length
  }
}

/** Whether all of `bits` are among those. */
function isWithin(bits: number, those: number): boolean {
  return (bits & ~those) === 0
}

/** Whether it is what is made up to `last`: no set behind that may be in it. */
function isFor({ last, upTo }: KeptPortion, asked: Seq): boolean {
  return last === undefined ? upTo <= asked : last === asked
}
