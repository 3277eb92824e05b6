/**
 * Witnesses (PROOFS §8; C2SP tlog-witness, add-checkpoint): each is sent the newest note of every shop, one request at
 * a time, and what it says of it is kept with the note. A witness that is away is asked again later; nobody waits for
 * it.
 *
 * Tests: test/relay/notes/witnesses.test.ts
 */

import type { Seq, ShopId } from '../../brands.js'
import { COSIGNATURES_PER_NOTE_MAX, WITNESS_ANSWER_BYTES_MAX, WITNESS_TIMEOUT_SECONDS } from '../../limits.js'
import {
  addCheckpointBody,
  readWitnessKey,
  verifyCosignature,
  type Cosignature,
  type WitnessKey,
} from '../../notes/cosignature.js'
import { NoteError } from '../../notes/forms.js'
import type { Clock } from '../instruments/clock.js'
import type { Log } from '../instruments/log.js'
import { isDamage } from '../shops/damage.js'
import { boundedText } from '../transport/bounded-body.js'
import type { NotedLog } from './shop-notes.js'

export interface Witness {
  /** Without a slash at the end; `/add-checkpoint` stands below it. */
  readonly url: string
  readonly key: WitnessKey
}

interface WitnessesOptions {
  readonly witnesses: readonly Witness[]
  /** Between two notes of one shop to one witness. */
  readonly intervalSeconds: number
  readonly newest: (shopId: ShopId) => Promise<NotedLog | undefined>
  readonly clock: Clock
  readonly log: Log
}

/** Sizes of a shop whose cosignatures are kept: those that a receipt can be of, and some. */
const SIZES_KEPT = 64
/** After an answer that was none, at least. */
const RETRY_SECONDS = 60

/**
 * Of the text of the setting, `URL key` with commas between them. Throws NoteError 'note-key' for a key that is none,
 * one that comes twice, or more than 15.
 */
export function readWitnesses(text: string): Witness[] {
  const witnesses = text.split(',').map((each) => {
    const [url = '', vkey = ''] = each.trim().split(/\s+/u)
    return { url: url.replace(/\/+$/u, ''), key: readWitnessKey(vkey) }
  })
  if (witnesses.length > COSIGNATURES_PER_NOTE_MAX)
    throw new NoteError('note-key', `${witnesses.length} witnesses, more than ${COSIGNATURES_PER_NOTE_MAX}`)
  const names = witnesses.map(({ key }) => key.name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new NoteError('note-key', `the witness ${twice} is named twice`)
  return witnesses
}

export class Witnesses {
  private readonly queues: readonly WitnessQueue[]
  /** By shop: the cosignatures of each size. */
  private readonly kept = new Map<ShopId, Map<Seq, Cosignature[]>>()

  constructor(options: WitnessesOptions) {
    const keep = (shopId: ShopId, size: Seq, cosignature: Cosignature) => this.keep(shopId, size, cosignature)
    this.queues = options.witnesses.map((witness) => new WitnessQueue(witness, options, keep))
  }

  /** A checkpoint of the shop was signed. */
  signed(shopId: ShopId): void {
    for (const queue of this.queues) queue.add(shopId)
  }

  /** What was said of the shop's note of `size` sets, verified. */
  cosignatures(shopId: ShopId, size: Seq): readonly Cosignature[] {
    return this.kept.get(shopId)?.get(size) ?? []
  }

  /** One line for each witness that knows a larger log than there is here. */
  get alarms(): string[] {
    return this.queues.flatMap(({ alarms }) => [...alarms.values()])
  }

  /** Asks nobody any more. */
  async stop(): Promise<void> {
    await Promise.all(this.queues.map((queue) => queue.stop()))
  }

  private keep(shopId: ShopId, size: Seq, cosignature: Cosignature): void {
    const sizes = this.kept.get(shopId) ?? new Map<Seq, Cosignature[]>()
    this.kept.set(shopId, sizes)
    const others = (sizes.get(size) ?? []).filter(({ witness }) => witness.name !== cosignature.witness.name)
    sizes.set(size, [...others, cosignature])
    const [oldest] = sizes.keys()
    if (sizes.size > SIZES_KEPT) sizes.delete(oldest!)
  }
}

interface Answer {
  readonly status: number
  readonly text: string
}

/** One witness, and the shops whose notes it has not seen. */
class WitnessQueue {
  readonly alarms = new Map<ShopId, string>()
  private readonly witness: Witness
  private readonly options: WitnessesOptions
  private readonly keep: (shopId: ShopId, size: Seq, cosignature: Cosignature) => void
  /** When each may be sent next, in milliseconds since 1970. */
  private readonly waiting = new Map<ShopId, number>()
  private readonly nextMs = new Map<ShopId, number>()
  private readonly known = new Map<ShopId, Seq>()
  private readonly stopping = new AbortController()
  private working: Promise<void> | undefined
  private cancel: () => void = () => undefined
  /** The last thing that was told of it, so that the same is not told again and again. */
  private told: string | undefined

  constructor(
    witness: Witness,
    options: WitnessesOptions,
    keep: (shopId: ShopId, size: Seq, cosignature: Cosignature) => void,
  ) {
    this.witness = witness
    this.options = options
    this.keep = keep
  }

  add(shopId: ShopId): void {
    if (this.stopping.signal.aborted) return
    const due = Math.max(this.options.clock.nowMs(), this.nextMs.get(shopId) ?? 0)
    this.waiting.set(shopId, Math.min(this.waiting.get(shopId) ?? due, due))
    this.begin()
  }

  async stop(): Promise<void> {
    this.stopping.abort()
    this.cancel()
    await this.working
  }

  /** One request at a time: the shop that is due first. */
  private begin(): void {
    if (this.working !== undefined || this.waiting.size === 0 || this.stopping.signal.aborted) return
    this.cancel()
    const [shopId, dueMs] = [...this.waiting].reduce((first, other) => (other[1] < first[1] ? other : first))
    const pauseMs = dueMs - this.options.clock.nowMs()
    if (pauseMs > 0) {
      this.cancel = this.options.clock.after(pauseMs, () => this.begin())
      return
    }
    this.waiting.delete(shopId)
    this.working = this.send(shopId).finally(() => {
      this.working = undefined
      this.begin()
    })
  }

  private async send(shopId: ShopId): Promise<void> {
    const { clock, intervalSeconds, log } = this.options
    this.nextMs.set(shopId, clock.nowMs() + intervalSeconds * 1_000)
    try {
      const noted = await this.options.newest(shopId)
      if (noted === undefined) return
      const problem = await this.submit(shopId, noted)
      if (problem === undefined) this.told = undefined
      else this.refused(shopId, problem)
    } catch (error) {
      if (isDamage(error)) this.refused(shopId, `the log cannot be read: ${error.message}`)
      else if (!this.stopping.signal.aborted) log.error('bug', error)
    }
  }

  /** Undefined where the witness cosigned, else why not. */
  private async submit(shopId: ShopId, noted: NotedLog): Promise<string | undefined> {
    const known = Math.min(this.known.get(shopId) ?? 0, noted.size)
    let answer = await this.post(known, noted)
    if (typeof answer === 'string') return answer
    if (answer.status === 409) {
      const size = sizeOf(answer.text)
      if (size === undefined) return 'it answers 409 without a size'
      if (size > noted.size) return this.alarm(shopId, size, noted.size)
      this.known.set(shopId, size)
      answer = await this.post(size, noted)
      if (typeof answer === 'string') return answer
    }
    if (answer.status !== 200) return `it answers ${answer.status}: ${answer.text.slice(0, 200).trim()}`
    return this.take(shopId, noted, answer.text)
  }

  private take(shopId: ShopId, { size, note }: NotedLog, text: string): string | undefined {
    const { key } = this.witness
    try {
      const lines = text.split('\n').filter((each) => each.startsWith(`\u2014 ${key.name} `))
      const [line] = lines
      if (line === undefined) return `it answers without a cosignature of ${key.name}`
      this.keep(shopId, size, verifyCosignature(line, note.slice(0, note.indexOf('\n\n') + 1), key))
    } catch (error) {
      if (!(error instanceof NoteError)) throw error
      return error.message
    }
    this.known.set(shopId, size)
    this.alarms.delete(shopId)
    return undefined
  }

  /** It saw a log of this origin that we do not have: a lost database, or somebody else with our note key. */
  private alarm(shopId: ShopId, theirs: Seq, ours: Seq): string {
    const { name } = this.witness.key
    const message = `the witness ${name} knows a log of ${theirs} sets of shop ${shopId}; here are ${ours}`
    if (!this.alarms.has(shopId)) this.options.log.error('ALARM: a witness knows a larger log', new Error(message))
    this.alarms.set(shopId, message)
    this.told = message
    return message
  }

  private refused(shopId: ShopId, problem: string): void {
    const { clock, intervalSeconds, log } = this.options
    const due = clock.nowMs() + Math.max(intervalSeconds, RETRY_SECONDS) * 1_000
    this.waiting.set(shopId, due)
    if (this.told === problem) return
    this.told = problem
    log.warn(`a witness did not cosign: ${problem}`, { witness: this.witness.key.name, shop: shopId })
  }

  /** What it answers; a text says why there is no answer. */
  private async post(known: Seq, noted: NotedLog): Promise<Answer | string> {
    const body = addCheckpointBody(known, noted.consistencyFrom(known), noted.note)
    const limit = new AbortController()
    const end = () => limit.abort()
    const cancel = setTimeout(end, WITNESS_TIMEOUT_SECONDS * 1_000)
    this.stopping.signal.addEventListener('abort', end)
    try {
      const request = { method: 'POST', body, signal: limit.signal, redirect: 'error' } as const
      const response = await fetch(`${this.witness.url}/add-checkpoint`, request)
      return { status: response.status, text: await boundedText(response, WITNESS_ANSWER_BYTES_MAX) }
    } catch (error) {
      return `it cannot be reached (${(error as Error).message})`
    } finally {
      clearTimeout(cancel)
      this.stopping.signal.removeEventListener('abort', end)
    }
  }
}

function sizeOf(text: string): Seq | undefined {
  const size = text.trim()
  return /^(?:0|[1-9][0-9]{0,14})$/u.test(size) ? Number(size) : undefined
}
