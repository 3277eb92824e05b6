/** Lies in order receipts: what a relay, or whoever hands the file on, would have somebody believe years later. */

import { be64 } from '../../src/bytes/bytes.js'
import { encode } from '../../src/codec/encode.js'
import { encodeStateProofs, readStateProofs } from './loose-proof.js'
import { readPatch } from '../../src/patches/patch.js'
import { orderTrail } from '../../src/state/trails.js'
import type { ReceiptSet } from '../../src/proofs/receipt-form.js'
import { newSecret } from '../fixtures/relay-harness.js'
import { resigned } from './forge.js'
import { priceFrom } from './in-checkpoints.js'
import type { LieRow } from './lie.js'
import { field, item, PAID_ORDER, paidBook, provenOrder, seqOfSet, writers } from './paid.js'
import { STONE } from './stage.js'

import {
  addedFirst,
  again,
  againTrail,
  BLOCK,
  CHOOSE,
  ended,
  FORGED_TX,
  forgedTx,
  HISTORY,
  history,
  honestBook,
  join,
  LATE,
  mixed,
  mixedTrail,
  PAID,
  periods,
  proofsOf,
  row,
  same,
  set,
  trailOf,
  unlink,
  unlogged,
} from './receipt-words.js'

export const IN_RECEIPTS: readonly LieRow[] = [
  row(
    'signs a receipt with another key',
    'signs the checkpoint of a receipt with a key that is not the relay’s',
    {
      receipt: (receipt) => {
        const [bytes, signature] = resigned(receipt.Checkpoint[0], () => ({}), newSecret())
        return { ...receipt, Checkpoint: [bytes, signature] }
      },
    },
    ['relay/signer', 'Checkpoint: checkpoint'],
  ),
  row(
    'hands out the receipt of another order',
    'shows a good receipt of an order that was not asked for',
    { expected: (stage) => ({ ShopID: stage.shop, Order: 501n }) },
    ['expected', 'Order'],
  ),
  row(
    'hands out a receipt of another shop',
    'shows a good receipt of another shop of the relay',
    { expected: (stage) => ({ ShopID: stage.shop + 1n, Order: PAID_ORDER }) },
    ['expected/identity', "Checkpoint: the checkpoint's ShopID is"],
  ),
  row(
    'signs a receipt’s state that its log does not have',
    'signs the StateRoot of a state with another order over the honest log',
    {
      receipt: (receipt, _book, stage) => {
        const forged = paidBook(stage, { edits: () => priceFrom(seqOfSet('after')) })
        const [bytes, signature] = resigned(receipt.Checkpoint[0], () => ({ StateRoot: forged.set(forged.head).root }))
        return { ...receipt, Checkpoint: [bytes, signature], Proofs: provenOrder(stage, forged) }
      },
    },
    ['last/last', 'is not its last leaf: the path from node'],
  ),
  row(
    'skips a set of an order',
    'leaves out one of two sets that do the same',
    { receipt: (receipt) => ({ ...receipt, Sets: receipt.Sets.filter((_, i) => i !== CHOOSE) }) },
    ['trail', 'Sets: they give Trail'],
  ),
  row(
    'skips a patch of an order',
    'leaves a patch out that the next set repeats',
    { receipt: set((one) => ({ ...one, Patches: one.Patches.slice(1) }), CHOOSE) },
    ['trail', 'Sets: they give Trail'],
  ),
  row(
    'skips the last set of an order',
    'signs a state in which the order changed last in another set than its trail says',
    {
      edits: ended(same, (state) => ({
        lastSeq: seqOfSet('after'),
        trail: state.indexes.trails.get(be64(PAID_ORDER))!.slice(40, 72),
      })),
    },
    ['trail', 'is the last, and the order changed last in set'],
  ),
  row(
    'shuffles the sets of an order',
    'signs a trail of two sets in the other order, and shows them so',
    {
      edits: ended(same, (_state, stage) => ({
        lastSeq: seqOfSet('paid'),
        trail: trailOf(honestBook(stage), history(['order', 'commit', 'chooseAgain', 'choose', 'ask', 'paid'])),
      })),
      receipt: (receipt) => {
        const [a, b, c, d, ...rest] = receipt.Sets
        return { ...receipt, Sets: [a!, b!, d!, c!, ...rest] }
      },
    },
    ['set-order', 'stands after set'],
  ),
  row(
    'adds a set that is in no log',
    'signs a state after a set of its own, and shows the set with a path that leads nowhere',
    {
      edits: ended(
        (fields) => new Map([...fields, ['TxDetails', BLOCK]]),
        (state, stage) => {
          const record = unlogged(stage, [field('TxDetails', BLOCK)])
          const trail = state.indexes.trails.get(be64(PAID_ORDER))!.slice(40, 72)
          return {
            lastSeq: seqOfSet('after'),
            trail: orderTrail(trail, seqOfSet('after'), record.patches.map(readPatch)),
          }
        },
      ),
      receipt: (receipt, _book, stage) => {
        const paid = receipt.Sets[PAID]!
        const { header, signature, patches } = unlogged(stage, [field('TxDetails', BLOCK)])
        const added: ReceiptSet = {
          Seq: seqOfSet('after'),
          Header: header,
          Signature: signature,
          StateRoot: paid.StateRoot,
          Patches: [[patches[0]!, encode([0n, 1n, null])]],
          LogInclusion: [0n, []],
        }
        return { ...receipt, Sets: [...receipt.Sets, added] }
      },
    },
    ['log/node-index', 'of the log, not node'],
  ),
  row(
    'forges a patch of an order',
    'signs a state in which more pieces were ordered, and shows a patch that its signer did not sign',
    {
      edits: ended(
        (fields) => new Map([...fields, ['TxDetails', BLOCK]]),
        (_state, stage) => ({
          lastSeq: seqOfSet('paid'),
          trail: trailOf(honestBook(stage), history(HISTORY), forgedTx),
        }),
      ),
      receipt: set(
        (one) => ({ ...one, Patches: one.Patches.map(([patch, proof], i) => [i === 0 ? FORGED_TX : patch, proof]) }),
        PAID,
      ),
    },
    ['patch/root', 'the path from node'],
  ),
  row(
    'mixes in a patch of another order',
    'signs a trail with a patch of another order, and a state that follows from it',
    {
      sets: mixed,
      edits: ended(
        (fields) => new Map([...fields, ['TxDetails', BLOCK]]),
        (_state, stage) => ({ lastSeq: seqOfSet('paid'), trail: mixedTrail(stage) }),
      ),
      receipt: (receipt, book) =>
        set((one) => {
          const { patches } = book.set(seqOfSet('paid')).record
          const proofs = proofsOf(book, seqOfSet('paid'))
          return { ...one, Patches: patches.map((patch, i) => [patch, proofs[i]!]) }
        }, PAID)(receipt),
    },
    ['patch', 'not of order'],
  ),
  row(
    'takes a set of another shop into an order',
    'logs a set whose header was signed for another shop',
    { sets: (honest, stage) => ({ paid: { ...honest.paid, shopId: stage.shop + 1n } }) },
    ['set', 'its header is of shop'],
  ),
  row(
    'lets a stranger write an order',
    'logs a set that was signed by a key that never was a card',
    { sets: (honest) => ({ chooseAgain: { ...honest.chooseAgain, secret: newSecret() } }) },
    ['signer', 'signed it and was no card of the shop then'],
  ),
  row(
    'lets a removed card write an order',
    'logs a set that was signed by a card that had left the shop',
    {
      sets: (honest, stage) => {
        const { clerk } = writers(stage)
        return {
          commit: { ...clerk, changes: honest.commit.changes },
          manifest: { ...honest.manifest, changes: [...honest.manifest.changes, unlink(stage)] },
        }
      },
    },
    ['signer', 'signed it and was no card of the shop then'],
  ),
  row(
    'lets a card write before it was one',
    'logs a set that was signed by a card which joined the shop later',
    {
      sets: (honest, stage) => ({
        commit: { ...honest.commit, secret: LATE },
        after: { ...writers(stage).relay, changes: [...honest.after.changes, join(stage)] },
      }),
    },
    ['signer', 'signed it and was no card of the shop then'],
  ),
  row(
    'names another account for a signer',
    'shows in the proof of a signer’s card that it was in another account',
    {
      receipt: (receipt) => {
        const proofs = readStateProofs(receipt.Proofs, 16)
        const parts = proofs.parts.map((part) =>
          part.collection === 'Cards'
            ? {
                ...part,
                items: part.items.map((one) => ({
                  ...one,
                  answer: { kind: 'object', object: { value: periods() } } as const,
                })),
              }
            : part,
        )
        return { ...receipt, Proofs: encodeStateProofs({ ...proofs, parts }) }
      },
    },
    ['state/state-root', 'Proofs: StateRoot: the proof gives'],
  ),
  row(
    'begins a history before its beginning',
    'signs a trail that goes on where the order was removed and added again, and shows all of it',
    {
      sets: again,
      edits: ended(same, (_state, stage) => ({ lastSeq: seqOfSet('paid'), trail: againTrail(stage) })),
      receipt: (receipt, book) => ({ ...receipt, Sets: [addedFirst(receipt, book), ...receipt.Sets] }),
    },
    ['trail', 'it adds the order again: the history begins there'],
  ),
  row(
    'lets two guests write an order',
    'logs a set on a guest’s order that was signed by another guest',
    { sets: (honest, stage) => ({ chooseAgain: { ...honest.chooseAgain, secret: writers(stage).other.secret } }) },
    ['two-guests', 'signed, and before guest'],
  ),
  row(
    'lets a guest ask for payment',
    'logs a guest’s set that says what is to be paid',
    {
      sets: (honest, stage) => ({
        ask: { ...honest.ask, secret: writers(stage).guest.secret, changes: honest.ask.changes.slice(0, 1) },
        paid: { ...honest.paid, changes: [field('State', 5n), ...honest.paid.changes] },
      }),
    },
    ['rule/Refusal', 'patch "add" of PaymentDetails'],
  ),
  row(
    'lets a guest say that an order is paid',
    'logs a guest’s set that makes an order Paid',
    {
      sets: (honest, stage) => ({
        ask: { ...honest.ask, changes: [...honest.ask.changes, ...honest.paid.changes.slice(0, 1)] },
        paid: { ...honest.paid, secret: writers(stage).guest.secret, changes: honest.paid.changes.slice(1) },
      }),
    },
    ['rule/Refusal', 'patch "replace" of State: order'],
  ),
  row(
    'forges the value of an order',
    'signs a state that holds another order than its history makes',
    {
      edits: ended(
        (fields) => new Map([...fields, ['Items', [item(STONE, 20n)]]]),
        () => undefined,
      ),
    },
    ['value', 'Proofs: the patches give another order than the state holds, from byte'],
  ),
]
