/** Lies of whoever can write where a replica is kept. */

import { be64 } from '../../src/bytes/bytes.js'
import { encodeKept, readKept, type KeptReplica } from '../../src/client/kept-replica.js'
import { decode } from '../../src/codec/decode.js'
import { encode } from '../../src/codec/encode.js'
import type { Cbor, CborKey } from '../../src/codec/value.js'
import type { SnapshotItem } from '../../src/proofs/snapshot.js'
import { toEnd } from '../../src/client/slices.js'
import { resigned } from './forge.js'
import type { LieRow } from './lie.js'
import { newSecret } from '../fixtures/relay-harness.js'
import { STONE, type Stage } from './stage.js'

const KEPT = 'a replica that was kept'
const GUEST = 'a guest’s replica that was kept'

/** What is kept, changed. */
const kept =
  (change: (kept: KeptReplica, stage: Stage) => KeptReplica) =>
  (stage: Stage): void => {
    stage.tampered = (bytes) => {
      const { items, ...rest } = change(toEnd(readKept(bytes)), stage)
      return toEnd(encodeKept({ ...rest, objects: items.map(({ question, object }) => ({ question, object })) }))
    }
  }

const isStone = ({ question: [collection, key] }: SnapshotItem): boolean =>
  collection === 'Listings' && Buffer.compare(key, be64(STONE)) === 0

function cheap(item: SnapshotItem): SnapshotItem {
  const fields = decode(item.object.value) as ReadonlyMap<CborKey, Cbor>
  return { ...item, object: { value: encode(new Map([...fields, ['Price', 1n]])) } }
}

export const IN_KEPT: readonly LieRow[] = [
  {
    name: 'changes what is kept',
    does: 'writes another price into a kept replica',
    session: KEPT,
    prepare: kept((one) => ({ ...one, items: one.items.map((item) => (isStone(item) ? cheap(item) : item)) })),
    error: 'NOTICE',
    says: 'what was kept is not used',
  },
  {
    name: 'signs what is kept',
    does: 'signs the checkpoint of a kept replica with a key of its own',
    session: KEPT,
    prepare: kept((one) => {
      const [bytes, signature] = resigned(one.signed[0], () => ({}), newSecret())
      return { ...one, signed: [bytes, signature] }
    }),
    error: 'NOTICE',
    says: 'what was kept is not used: checkpoint',
  },
  {
    name: 'keeps nothing of a listing',
    does: 'takes a listing and its proofs out of a kept replica',
    session: KEPT,
    prepare: kept((one) => ({ ...one, items: one.items.filter((item) => !isStone(item)), parts: { singles: [] } })),
    error: 'NOTICE',
    says: 'what was kept is not used',
  },
  {
    name: 'keeps no order of a card',
    does: 'takes a guest’s orders out of a kept replica, and what proves them, but for their list',
    session: GUEST,
    prepare: kept((one, stage) => {
      const book = stage.book()
      const proofs = book.proofs(book.head, [['Orders', stage.card('guest')]])
      const items = one.items.filter(({ question }) => question[0] !== 'Orders')
      return { ...one, items, parts: { singles: [], own: { ...one.parts!.own!, proofs, rest: [] } } }
    }),
    error: 'NOTICE',
    says: 'what was kept is not used: orders of card',
  },
]
