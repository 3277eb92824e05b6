/**
 * Proofs of what is held in part (PROOFS §4): single objects 256 at a time, and the orders of the client's own card, as
 * of the checkpoint that the rest was compared with. Absence is proven too.
 *
 * Tests: test/client/proven-client.test.ts
 */

import type { ShopId } from '../brands.js'
import { be64, toBigEndian } from '../bytes/bytes.js'
import { STATE_PROOF_OBJECTS_MAX } from '../limits.js'
import { verifyStateProofs, type StateObject, type StateQuestion } from '../merkle/state-proof.js'
import { questionName } from '../merkle/state-question.js'
import type { VerifiedCheckpoint } from '../proofs/checkpoint.js'
import { requireHeld } from '../proofs/held-shop.js'
import { MyOrders, type ListedOrder } from '../proofs/my-orders.js'
import { readStateProofAnswer, type StateProofAnswer } from '../wire/proof-payloads.js'
import { encodeStateQuestion } from '../wire/snapshot-payloads.js'
import type { Request } from '../wire/messages.js'
import { ClientError } from './client-error.js'
import { requireSame } from './same-checkpoint.js'
import type { ShopCheckpoints } from './shop-checkpoints.js'

export { FirstScreen } from './first-screen.js'

/** The payload of the relay's answer. */
export type Ask = (request: Request) => Promise<Uint8Array>

/** What is to be proven, with what is held of it, all as of one checkpoint. */
export interface PartTask {
  readonly checkpoint: VerifiedCheckpoint
  readonly singles: readonly HeldQuestion[]
  /** The orders of this card, 33 bytes, and those that are held. */
  readonly own?: { readonly card: Uint8Array; readonly orders: readonly HeldQuestion[] } | undefined
}

interface HeldQuestion {
  readonly question: StateQuestion
  readonly held: StateObject | undefined
}

/** What the relay gave to prove a task: enough to check it again. */
export interface PartProofs {
  readonly singles: readonly { readonly questions: readonly StateQuestion[]; readonly proofs: Uint8Array }[]
  readonly own?:
    | { readonly list: readonly ListedOrder[]; readonly proofs: Uint8Array; readonly rest: readonly Uint8Array[] }
    | undefined
}

/**
 * Asks for what the task needs and checks it. Rejects with what a check throws, and with ClientError: NOT_FOUND if the
 * relay makes no proofs for that checkpoint any more.
 */
export async function proveParts(
  task: PartTask,
  shop: { readonly shopId: ShopId; readonly checkpoints: ShopCheckpoints },
  ask: Ask,
): Promise<PartProofs> {
  const asking = new PartAsking(task, shop, ask)
  const singles: { questions: readonly StateQuestion[]; proofs: Uint8Array }[] = []
  for (let rest = task.singles.map(({ question }) => question); rest.length > 0;) {
    const { questions, proofs } = await asking.some(rest)
    singles.push({ questions, proofs })
    rest = rest.slice(questions.length)
  }
  const proofs: PartProofs = { singles, own: task.own && (await asking.own()) }
  checkParts(task, shop.shopId, proofs)
  return proofs
}

/**
 * Objects as of `checkpoint`, absence included; as many of the first as the relay answers at once. Rejects like
 * proveParts.
 */
export async function proveObjects(
  checkpoint: VerifiedCheckpoint,
  questions: readonly StateQuestion[],
  shop: { readonly shopId: ShopId; readonly checkpoints: ShopCheckpoints },
  ask: Ask,
): Promise<ReadonlyMap<StateQuestion, StateObject | undefined>> {
  const { questions: asked, proofs } = await new PartAsking({ checkpoint, singles: [] }, shop, ask).some(questions)
  const claim = { shopId: shop.shopId, stateRoot: checkpoint.fields.StateRoot, asked }
  const { answers } = verifyStateProofs(proofs, claim)
  return new Map(asked.map((question, i) => [question, answers[i]]))
}

/** Throws StateProofError, MyOrdersError, HeldObjectError unless the proofs show what the task says is held. */
export function checkParts(task: PartTask, shopId: ShopId, { singles, own }: PartProofs): void {
  const claim = { shopId, stateRoot: task.checkpoint.fields.StateRoot }
  const proven = new Map<string, StateObject | undefined>()
  for (const { questions, proofs } of singles)
    for (const [i, object] of verifyStateProofs(proofs, { ...claim, asked: questions }).answers.entries())
      proven.set(questionName(questions[i]!), object)
  for (const { question, held } of task.singles) {
    if (!proven.has(questionName(question)))
      throw new ClientError('VERIFICATION_FAILED', `${questionName(question)} is not proven`)
    requireHeld(question, held, proven.get(questionName(question)), task.checkpoint.fields.Seq)
  }
  if (task.own !== undefined) checkOwnOrders(task, shopId, own!)
}

/** The orders that are held are those of the card, all of them and no other. */
function checkOwnOrders(task: PartTask, shopId: ShopId, { list, proofs, rest }: NonNullable<PartProofs['own']>): void {
  const { card, orders } = task.own!
  const { Seq: seq, StateRoot: stateRoot } = task.checkpoint.fields
  const proven = new MyOrders({ shopId, stateRoot, card }, list, proofs)
  for (const more of rest) proven.add(more)
  const own = new Map(proven.all().map(([id, object]) => [questionName(['Orders', be64(id)]), object]))
  const held = new Map(orders.map((order) => [questionName(order.question), order]))
  for (const { question, held: object } of orders) requireHeld(question, object, own.get(questionName(question)), seq)
  for (const [id] of list) {
    const question = ['Orders', be64(id)] as const
    if (!held.has(questionName(question))) requireHeld(question, undefined, own.get(questionName(question)), seq)
  }
}

class PartAsking {
  private readonly task: PartTask
  private readonly shop: { readonly shopId: ShopId; readonly checkpoints: ShopCheckpoints }
  private readonly ask: Ask
  /** How many were answered at once: large objects leave less room. */
  private most = STATE_PROOF_OBJECTS_MAX

  constructor(task: PartTask, shop: { readonly shopId: ShopId; readonly checkpoints: ShopCheckpoints }, ask: Ask) {
    this.task = task
    this.shop = shop
    this.ask = ask
  }

  /** The first of `questions`, as many as the relay answers at once. */
  async some(
    questions: readonly StateQuestion[],
  ): Promise<{ readonly questions: readonly StateQuestion[]; readonly proofs: Uint8Array }> {
    for (;;) {
      const some = questions.slice(0, this.most)
      try {
        return { questions: some, proofs: (await this.answer(some, false)).Proofs }
      } catch (error) {
        // An answer that has no room in a frame is refused: fewer at once.
        if (!(error instanceof ClientError && error.code === 'INVALID' && some.length > 1)) throw error
        this.most = some.length >> 1
      }
    }
  }

  async own(): Promise<NonNullable<PartProofs['own']>> {
    const { card } = this.task.own!
    const { StateRoot: stateRoot } = this.task.checkpoint.fields
    const { List: list = [], Proofs: proofs } = await this.answer([], true)
    const orders = new MyOrders({ shopId: this.shop.shopId, stateRoot, card }, list, proofs)
    const rest: Uint8Array[] = []
    while (orders.missing.length > 0) {
      const questions = orders.missing.map((id): StateQuestion => ['Orders', be64(id)])
      const more = (await this.some(questions)).proofs
      orders.add(more)
      rest.push(more)
    }
    return { list, proofs, rest }
  }

  private async answer(questions: readonly StateQuestion[], myOrders: boolean): Promise<StateProofAnswer> {
    const { shopId, checkpoints } = this.shop
    const { checkpoint } = this.task
    const objects = questions.map(encodeStateQuestion)
    const request = { shopId: toBigEndian(shopId, 32), objects, seq: checkpoint.fields.Seq, myOrders }
    const answer = readStateProofAnswer(await this.ask({ kind: 'stateProof', ...request }))
    requireSame(checkpoints, checkpoint, answer)
    return answer
  }
}
