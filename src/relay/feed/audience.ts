/**
 * Subscriptions of one shop that select the same with the same rights: which sets hold something for them is noted once
 * when these are published, and what goes out next is read, selected and joined once for all that are as far.
 *
 * Tests: test/relay/feed/audience.test.ts, test/relay/feed/subscription.test.ts
 */

import type { Seq } from '../../brands.js'
import { FRAME_OUT_BYTES_MAX, SETS_PER_PUSH_MAX } from '../../limits.js'
import { PUSH_HEAD_BYTES_MAX, SharedPush } from '../../wire/shared-push.js'
import type { EncodedSet } from '../../wire/messages.js'
import type { Feed, FeedPart } from './feed.js'
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
    const known = this.kept.find((one) => one.after === cursor && (one.last === undefined || one.last === last))
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
    const sets: EncodedSet[] = []
    let [bytes, looked, first, upTo] = [PUSH_HEAD_BYTES_MAX, 0, 0, cursor]
    const portion = (isFull: boolean): KeptPortion => {
      const push = sets.length === 0 ? undefined : new SharedPush(sets)
      return { push, first, upTo, looked, after: cursor, last: isFull ? undefined : last }
    }
    while (upTo < last && looked < budget) {
      const part = this.after(upTo, last)
      for (const record of part.records) {
        const places = this.selection.places(record)
        if (places.length > 0) {
          const set = record.select(places)
          const isFull = sets.length === SETS_PER_PUSH_MAX || bytes + set.length > FRAME_OUT_BYTES_MAX
          if (isFull && sets.length > 0) return portion(true)
          if (sets.length === 0) first = record.seq
          sets.push(set)
          bytes += set.length
        }
        upTo = record.seq
        looked++
      }
      upTo = part.upTo
      looked++
    }
    return portion(false)
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
