/**
 * What is looked at comes first: while a long snapshot streams, the objects that views lack are asked for by
 * themselves, with their proofs as of the same checkpoint, up to 256 at a time.
 *
 * Tests: test/client/shop-views.test.ts, test/client/first-screen.test.ts
 */

import { utf8 } from '../bytes/bytes.js'
import { STATE_PROOF_OBJECTS_MAX } from '../limits.js'
import type { StateObject, StateQuestion } from '../merkle/state-proof.js'
import type { VerifiedCheckpoint } from '../proofs/checkpoint.js'
import { keyOfPath } from '../state/object-key.js'
import { ClientError } from './client-error.js'
import type { View } from './live.js'

interface FirstScreenShop {
  /** That of the snapshot which streams now; undefined while none does. */
  readonly streaming: VerifiedCheckpoint | undefined
  prove(
    checkpoint: VerifiedCheckpoint,
    questions: readonly StateQuestion[],
  ): Promise<ReadonlyMap<StateQuestion, StateObject | undefined>>
  proven(checkpoint: VerifiedCheckpoint, objects: ReadonlyMap<StateQuestion, StateObject | undefined>): void
  failed(error: unknown): void
}

export class FirstScreen {
  private readonly shop: FirstScreenShop
  private readonly views: () => Iterable<View<unknown>>
  private isAsking = false
  /** Names of what was asked under one checkpoint, which tells no more of it. */
  private answered: { readonly under: VerifiedCheckpoint; readonly names: Set<string> } | undefined

  constructor(shop: FirstScreenShop, views: () => Iterable<View<unknown>>) {
    this.shop = shop
    this.views = views
  }

  /** Asks for what views lack now, and again for what they lack then, while the snapshot streams. */
  look(): void {
    const checkpoint = this.shop.streaming
    if (this.isAsking || checkpoint === undefined) return
    if (this.answered?.under !== checkpoint) this.answered = { under: checkpoint, names: new Set() }
    const { names: answered } = this.answered
    const missing = new Set([...this.views()].flatMap((view) => view.missing?.() ?? []))
    const names = [...missing].filter((name) => !answered.has(name))
    const questions = new Map(names.flatMap((name) => questionOf(name).map((question) => [question, name] as const)))
    if (questions.size === 0) return
    this.isAsking = true
    void this.ask(checkpoint, questions, answered)
  }

  /** `questions`: with the names that they are about. */
  private async ask(
    checkpoint: VerifiedCheckpoint,
    questions: ReadonlyMap<StateQuestion, string>,
    answered: Set<string>,
  ): Promise<void> {
    try {
      const objects = await this.shop.prove(checkpoint, [...questions.keys()].slice(0, STATE_PROOF_OBJECTS_MAX))
      for (const question of objects.keys()) answered.add(questions.get(question)!)
      this.shop.proven(checkpoint, objects)
      this.isAsking = false
      if (objects.size > 0) this.look()
    } catch (error) {
      this.isAsking = false
      // A relay that does not answer it brings the snapshot all the same.
      if (!(error instanceof ClientError) || error.code === 'VERIFICATION_FAILED') this.shop.failed(error)
    }
  }
}

/** Of what everybody may read: none for other names. */
function questionOf(name: string): readonly StateQuestion[] {
  const [collection, id] = [name.slice(0, name.indexOf('/')), name.slice(name.indexOf('/') + 1)]
  if (name === 'Manifest') return [['Manifest', new Uint8Array(0)]]
  if (collection === 'Listings') return [['Listings', keyOfPath(['Listings', BigInt(id)])]]
  return collection === 'Tags' ? [['Tags', utf8(id)]] : []
}
