/**
 * Notes and witnesses of all shops, put together. A relay without a note key has none.
 *
 * Tests: test/relay/notes/note-http.test.ts
 */

import type { ShopId } from '../../brands.js'
import type { Checkpoints } from '../checkpoints/checkpoints.js'
import type { Clock } from '../instruments/clock.js'
import type { Log } from '../instruments/log.js'
import type { HttpRequest, HttpResponse } from '../transport/transport.js'
import { answerNotes } from './note-http.js'
import type { ShopBindingsOptions } from './shop-bindings.js'
import { ShopNotes } from './shop-notes.js'
import { Witnesses, type Witness } from './witnesses.js'

interface NoteServiceOptions extends ShopBindingsOptions {
  readonly checkpoints: Pick<Checkpoints, 'newest' | 'firstSigned' | 'watch'>
  readonly witnesses: readonly Witness[]
  readonly witnessIntervalSeconds: number
  readonly clock: Clock
  readonly log: Log
}

export class NoteService {
  readonly notes: ShopNotes
  private readonly options: NoteServiceOptions
  private readonly witnesses: Witnesses
  private readonly followed = new Set<ShopId>()

  constructor(options: NoteServiceOptions) {
    this.options = options
    this.notes = new ShopNotes({
      ...options,
      cosignatures: (shopId, size) => this.witnesses.cosignatures(shopId, size),
    })
    this.witnesses = new Witnesses({
      ...options,
      intervalSeconds: options.witnessIntervalSeconds,
      newest: (shopId) => this.notes.newest(shopId),
    })
  }

  /** A shop as the relay takes it up at its start, before its checkpoints are signed. */
  adopt(shopId: ShopId): void {
    this.notes.bindings.adopt(shopId)
  }

  /** From now on witnesses are shown the shop's notes; its checkpoints are followed already. */
  follow(shopId: ShopId): void {
    if (this.options.witnesses.length === 0 || this.followed.has(shopId)) return
    this.followed.add(shopId)
    this.options.checkpoints.watch(shopId, () => this.witnesses.signed(shopId))
  }

  /** Answers a request for a note or a binding; undefined for any other. */
  answer(
    request: Pick<HttpRequest, 'path' | 'query' | 'address'>,
    take: (address: string) => boolean,
  ): Promise<HttpResponse | undefined> {
    return answerNotes(this.notes, request, take)
  }

  get alarms(): string[] {
    return this.witnesses.alarms
  }

  stop(): Promise<void> {
    return this.witnesses.stop()
  }
}
