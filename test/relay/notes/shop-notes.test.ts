/** Proofs under a shop's notes, made from what a relay left in its store; and that no note is made of another log. */

import { beforeAll, describe, expect, it } from 'vitest'
import { utf8 } from '../../../src/bytes/bytes.js'
import { toHex } from '../../../src/bytes/hex.js'
import { readTlogProof, verifyForm, type FormContext, type ReceiptFacts } from '../../../src/notes/forms.js'
import { readWitnessKey, verifyCosignature } from '../../../src/notes/cosignature.js'
import { decodeCheckpoint, encodeCheckpoint, type SignedCheckpoint } from '../../../src/proofs/checkpoint.js'
import { decodeStored } from '../../../src/relay/checkpoints/stored-checkpoint.js'
import { ShopNotes } from '../../../src/relay/notes/shop-notes.js'
import { ShopLog } from '../../../src/relay/shops/log-trees.js'
import { MemoryStore } from '../../../src/store/memory.js'
import { enrolCard, listing, memoryNoteKey, newSecret, relay, SHOP, Wire } from '../../fixtures/relay-harness.js'
import { CosigningKey } from '../../fixtures/witness.js'

const store = new MemoryStore()
const noteKey = memoryNoteKey()
const RELAY_SECRET = new Uint8Array(32).fill(9)
const witness = new CosigningKey('witness.example', 3)
let address: Uint8Array
/** The last set, which has a checkpoint. */
let size: number

beforeAll(async () => {
  const one = await relay({}, { store, noteKey })
  address = one.address
  const secret = newSecret()
  await enrolCard(one.url, secret)
  const wire = await Wire.as(one.url, secret)
  for (let id = 1n; id <= 9n; id++) expect(await wire.write(secret, [listing(id)])).toBeInstanceOf(Uint8Array)
  size = store.head(SHOP)
  while (store.newestCheckpoint(SHOP)?.seq !== size) await new Promise((resolve) => setTimeout(resolve, 20))
  await wire.close()
  await one.stop()
  expect(one.bugs).toEqual([])
})

function firstSigned(seq: number): SignedCheckpoint | undefined {
  const row = store.checkpoint(SHOP, seq)
  const stored = row && decodeStored(row)
  return stored?.signature && [stored.first, stored.signature]
}

function notesOf(changed: { signed?: typeof firstSigned; relay?: bigint } = {}): ShopNotes {
  const { ChainID, Registry, Relay } = decodeCheckpoint(firstSigned(size)![0])
  return new ShopNotes({
    store,
    guard: { highest: () => undefined, raise: async () => undefined, close: async () => undefined },
    noteKey,
    relay: { ChainID, Registry, Relay: changed.relay ?? Relay },
    relaySecret: RELAY_SECRET,
    host: () => 'relay.example',
    checkpoints: { newest: () => undefined, firstSigned: (_shop, seq) => (changed.signed ?? firstSigned)(seq) },
    cosignatures: (_shop, of) => (of === size ? cosignatures : []),
  })
}
let cosignatures: readonly ReturnType<typeof verifyCosignature>[] = []

/** What a verified receipt of this set would say. */
function facts(seq: number): ReceiptFacts {
  const log = new ShopLog(store, SHOP)
  const last = { Seq: BigInt(seq), Set: log.setDigest(seq), StateRoot: log.stateRoot(seq) }
  return { ...decodeCheckpoint(firstSigned(size)![0]), checkpointSeq: BigInt(size), last }
}

describe('proofs', () => {
  it('of every set verify from the relay’s address', async () => {
    const notes = notesOf()
    for (let seq = 1; seq <= size; seq++) {
      const context: FormContext = { relays: [address], verifyReceipt: () => facts(seq) }
      const made = await notes.tlogProof(SHOP, seq, size, utf8('a receipt'))
      expect(verifyForm(utf8(made!.proof), context)).toMatchObject({
        outcome: 'matches',
        what: 'order',
        seq: BigInt(seq),
      })
      const cose = await notes.coseReceipt(SHOP, seq, size)
      expect(verifyForm(cose!.receipt, { ...context, ...cose, receipt: undefined })).toMatchObject({
        outcome: 'matches',
        what: 'set',
        seq: BigInt(seq),
      })
    }
  })

  it('carry what witnesses said', async () => {
    const notes = notesOf()
    const bare = await notes.note(SHOP, size)
    const text = bare!.slice(0, bare!.indexOf('\n\n') + 1)
    cosignatures = [verifyCosignature(witness.line(text), text, readWitnessKey(witness.vkey))]
    const { proof } = (await notes.tlogProof(SHOP, 1, size, utf8('a receipt')))!
    expect(readTlogProof(proof).note).toBe(`${bare}${witness.line(text)}\n`)
    expect((await notes.newest(SHOP))!.note).toBe(bare)
    cosignatures = []
  })
})

describe('no note is made', () => {
  it('of a seq without a checkpoint, or of a shop that is not there', async () => {
    const notes = notesOf({ signed: (seq) => (seq === size ? firstSigned(seq) : undefined) })
    expect(await notes.note(SHOP, size)).toBeDefined()
    for (const seq of [0, 1, size - 1, size + 1]) expect(await notes.note(SHOP, seq)).toBeUndefined()
    expect(await notes.tlogProof(SHOP, 1, size - 1, utf8('x'))).toBeUndefined()
    expect(await notes.coseReceipt(SHOP, 1, size - 1)).toBeUndefined()
    expect([notes.newestSeq(78n), await notes.binding(78n), await notes.newest(78n)]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })

  it('where the checkpoint is of another log', async () => {
    const [bytes, signature] = firstSigned(size)!
    const fields = decodeCheckpoint(bytes)
    const Peaks = fields.Peaks.map((peak) => peak.map((byte) => byte ^ 1))
    const notes = notesOf({ signed: () => [encodeCheckpoint({ ...fields, Peaks }), signature] })
    expect(await notes.note(SHOP, size)).toBeUndefined()
    expect(notes.newestSeq(SHOP)).toBeUndefined()
  })

  it('where it is of another relay', async () => {
    const notes = notesOf({ relay: 999n })
    expect(await notes.note(SHOP, size)).toBeUndefined()
  })
})

it('the note has the root of the stored tree', async () => {
  const log = new ShopLog(store, SHOP)
  const note = (await notesOf().note(SHOP, size))!
  const { tree } = log.peaks(size)
  expect(tree.map(toHex)).toHaveLength(size.toString(2).replaceAll('0', '').length)
  expect(note.split('\n')[1]).toBe(`${size}`)
})
