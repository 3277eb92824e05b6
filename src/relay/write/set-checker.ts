/**
 * Checks of sets as far as they need no state: form, hashes, signature. They are most of what a write costs, so threads
 * do them, a few dozen sets a message, and cards share the threads by what their sets cost (turns.ts). A card's sets
 * come back in their order, because its nonces rise.
 *
 * A small set that is all there is to do is checked here, at once, and so is a card's only one, however many others
 * wait: it does not wait behind them. Without threads everything is checked here, in slices of the event loop.
 *
 * Tests: test/relay/write/set-checker.test.ts
 */

import type { Hex } from '../../bytes/hex.js'
import type { Clock } from '../instruments/clock.js'
import { nowSeconds } from '../instruments/clock.js'
import { cardName } from '../shops/shop.js'
import type { CheckedSet, Expectation } from './ingest.js'
import {
  checkPacked,
  packedBuffers,
  packSets,
  unpackVerdicts,
  verdictOn,
  type PackedSets,
  type PackedVerdicts,
  type UncheckedSet,
  type Verdict,
} from './packed-sets.js'
import { Threads } from './threads.js'
import { Turns } from './turns.js'
import { WorkSlices } from './work-slices.js'

interface SetCheckerOptions {
  /** May be 0. */
  readonly threads: number
  readonly clock: Clock
  /** Of a thread that died, whose sets are checked here, or of one set, which is refused. */
  readonly onBug: (error: unknown) => void
}

/** Called once, with the set or why it is INVALID. */
type Done = (outcome: CheckedSet | string) => void

interface Question extends UncheckedSet {
  readonly lane: Hex
  readonly done: Done
}

/** Fewer sets than this are not worth a message. */
const WORTH_A_MESSAGE = 4
/** At most so many a message, and bytes before the last of them, so that the first do not wait for the last. */
const SETS_PER_MESSAGE_MAX = 64
const BYTES_PER_MESSAGE = 65_536
/** So that a thread has something to do while a batch is written: what waits behind them goes by turns. */
const MESSAGES_PER_THREAD_MAX = 4
/** Only sets of staff's cards, and as many of guests', that are checked here in one turn of the event loop. */
const ONLY_ONES_PER_TURN_MAX = 4
/** A larger set keeps the event loop for longer than a message takes. */
const AT_ONCE_BYTES_MAX = 16_384
/** What a set costs a thread, in milliseconds: recovery of its signer, and by its size all the rest. */
const COST_MS_PER_SET = 0.07
const COST_MS_PER_KILOBYTE = 0.03

/** Of a set at which the relay itself failed. */
const BROKEN = 'the relay failed at this set; nothing was changed'

export class SetChecker {
  private readonly options: SetCheckerOptions
  private readonly threads: Threads<PackedSets, PackedVerdicts>
  private readonly waiting = new Turns<Question>()
  private readonly slices = new WorkSlices()
  private scheduled = false
  /** Sets of each card that wait and have no answer yet. */
  private readonly unanswered = new Map<Hex, number>()
  /** Cards of which a set was checked at once in this turn of the event loop: their next one waits like all others. */
  private readonly checkedAtOnce = { guest: new Set<Hex>(), staff: new Set<Hex>() }

  constructor(options: SetCheckerOptions) {
    this.options = options
    this.threads = new Threads({
      file: new URL('./set-checker-worker.js', import.meta.url),
      count: options.threads,
      here: checkPacked,
      failed: options.onBug,
    })
  }

  /** `done` may be called before this returns. `received` must not change: the set is made of views of it. */
  check(received: Uint8Array, expected: Expectation, done: Done): void {
    const question = { received, expected, lane: cardName(expected.card), done }
    const kind = expected.isGuest ? 'guest' : 'staff'
    if (this.threads.count === 0 && !this.busy)
      return this.slices.push(kind, question.lane, () => this.checkHere(question))
    this.schedule()
    if (this.isOnlyOne(question)) return this.checkHere(question)
    this.waiting.push(kind, question.lane, question)
    this.unanswered.set(question.lane, (this.unanswered.get(question.lane) ?? 0) + 1)
  }

  /** Whether sets that threads have to check have no answer yet. */
  get busy(): boolean {
    return this.waiting.size > 0 || this.threads.inFlight > 0
  }

  async close(): Promise<void> {
    await this.threads.close()
  }

  private isOnlyOne({ lane, received, expected }: Question): boolean {
    const atOnce = expected.isGuest ? this.checkedAtOnce.guest : this.checkedAtOnce.staff
    if (received.length > AT_ONCE_BYTES_MAX || this.unanswered.has(lane)) return false
    if (atOnce.has(lane) || atOnce.size >= ONLY_ONES_PER_TURN_MAX) return false
    atOnce.add(lane)
    return true
  }

  private schedule(): void {
    if (this.scheduled) return
    this.scheduled = true
    setImmediate(() => {
      this.scheduled = false
      this.checkedAtOnce.guest.clear()
      this.checkedAtOnce.staff.clear()
      this.send()
    })
  }

  private send(): void {
    const messagesMax = MESSAGES_PER_THREAD_MAX * Math.max(1, this.threads.count)
    // Where little waits it goes in parts, so that the first are written while the others are checked.
    const part = Math.max(WORTH_A_MESSAGE, Math.ceil(this.waiting.size / messagesMax))
    while (this.waiting.size > 0 && this.threads.inFlight < messagesMax) {
      const isRest = this.waiting.size < part + WORTH_A_MESSAGE
      const sets = this.next(Math.min(SETS_PER_MESSAGE_MAX, isRest ? this.waiting.size : part))
      const isLittle = sets.length < WORTH_A_MESSAGE && bytesOf(sets) <= AT_ONCE_BYTES_MAX
      if (isLittle && this.threads.inFlight === 0)
        for (const set of sets) this.tell(set, verdictOn(set, nowSeconds(this.options.clock)))
      else this.ask(sets)
    }
  }

  /** By turns. */
  private next(most: number): Question[] {
    const sets: Question[] = []
    let bytes = 0
    while (sets.length < most && bytes < BYTES_PER_MESSAGE) {
      const set = this.waiting.take()
      if (set === undefined) break
      this.waiting.spent(COST_MS_PER_SET + (set.received.length / 1_024) * COST_MS_PER_KILOBYTE)
      bytes += set.received.length
      sets.push(set)
    }
    return sets
  }

  private ask(sets: readonly Question[]): void {
    const now = nowSeconds(this.options.clock)
    this.threads.ask(
      () => packSets(sets, now),
      packedBuffers,
      (packed) => {
        for (const [i, verdict] of unpackVerdicts(packed, sets).entries()) this.tell(sets[i]!, verdict)
        if (this.waiting.size > 0) this.schedule()
      },
    )
  }

  private tell(question: Question, verdict: Verdict): void {
    const left = this.unanswered.get(question.lane)! - 1
    if (left > 0) this.unanswered.set(question.lane, left)
    else this.unanswered.delete(question.lane)
    this.answer(question, verdict)
  }

  private checkHere(question: Question): void {
    this.answer(question, verdictOn(question, nowSeconds(this.options.clock)))
  }

  private answer({ done }: Question, verdict: Verdict): void {
    if (typeof verdict === 'string' || !('bug' in verdict)) return done(verdict)
    this.options.onBug(verdict.bug)
    done(BROKEN)
  }
}

function bytesOf(sets: readonly UncheckedSet[]): number {
  return sets.reduce((sum, { received }) => sum + received.length, 0)
}
