/** Notes and bindings as a relay answers them, from the first write on. */

import { afterEach, describe, expect, it } from 'vitest'
import { decodeSignedBinding, logLeafBytes, verifyBinding, verifyForm, verifyNote } from '../../../src/notes/forms.js'
import { readLogProofAnswer } from '../../../src/wire/proof-payloads.js'
import { MemoryStore } from '../../../src/store/memory.js'
import {
  enrolCard,
  listing,
  memoryNoteKey,
  newSecret,
  relay,
  SHOP,
  Wire,
  type TestRelay,
} from '../../fixtures/relay-harness.js'

const running: TestRelay[] = []
afterEach(async () => {
  for (const one of running.splice(0)) {
    await one.stop()
    expect(one.bugs).toEqual([])
  }
})

async function started(...parts: Parameters<typeof relay>): Promise<TestRelay> {
  const one = await relay(...parts)
  running.push(one)
  return one
}

/** With a manifest and so many listings, each a set of its own. */
async function withShop(one: TestRelay, listings: number): Promise<void> {
  const secret = newSecret()
  await enrolCard(one.url, secret)
  const wire = await Wire.as(one.url, secret)
  for (let id = 1n; id <= listings; id++) expect(await wire.write(secret, [listing(id)])).toBeInstanceOf(Uint8Array)
  await wire.close()
}

async function get(one: TestRelay, path: string): Promise<{ status: number; type: string | null; bytes: Uint8Array }> {
  const response = await fetch(`${one.url}/v5/shops/${path}`)
  const bytes = new Uint8Array(await response.arrayBuffer())
  return { status: response.status, type: response.headers.get('content-type'), bytes }
}

async function noted(one: TestRelay, query = '') {
  const { status, bytes } = await get(one, `${SHOP}/checkpoint.note${query}`)
  return status === 200 ? new TextDecoder().decode(bytes) : undefined
}

/** The test's own time limit ends it otherwise. */
async function untilNoted(one: TestRelay): Promise<string> {
  for (;;) {
    const note = await noted(one)
    if (note !== undefined) return note
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function bindingOf(one: TestRelay) {
  const { bytes } = await get(one, `${SHOP}/note-key`)
  return verifyBinding(decodeSignedBinding(bytes), [one.address])
}

describe('the notes of a relay', () => {
  it('come with the first checkpoint, and verify under its binding', async () => {
    const one = await started({}, { noteKey: memoryNoteKey() })
    expect((await get(one, `${SHOP}/checkpoint.note`)).status).toBe(404)
    expect((await get(one, `${SHOP}/note-key`)).status).toBe(404)
    await withShop(one, 3)
    const note = await untilNoted(one)
    const binding = await bindingOf(one)
    const { ShopID, ChainID, Origin } = binding.fields
    expect([ShopID, ChainID]).toEqual([SHOP, 31_337n])
    expect(Origin.startsWith(`${new URL(one.url).host}/31337/`)).toBe(true)
    const { size } = verifyNote(note, binding)
    expect(await noted(one, `?seq=${size}`)).toBe(note)
    expect((await get(one, `${SHOP}/checkpoint.note`)).type).toBe('text/plain; charset=utf-8')
    expect((await get(one, `${SHOP}/note-key`)).type).toBe('application/cbor')
  })

  it('are of seqs with a checkpoint alone', async () => {
    const one = await started({}, { noteKey: memoryNoteKey() })
    await withShop(one, 6)
    const { size } = verifyNote(await untilNoted(one), await bindingOf(one))
    expect(size).toBeGreaterThan(1n)
    // Sets of one second are covered together.
    expect((await get(one, `${SHOP}/checkpoint.note?seq=${size + 1_000n}`)).status).toBe(404)
    for (const [path, status] of [
      [`${SHOP}/checkpoint.note?seq=0`, 400],
      [`${SHOP}/checkpoint.note?seq=01`, 400],
      [`${SHOP}/checkpoint.note?seq=x`, 400],
      ['78/checkpoint.note', 404],
      ['078/checkpoint.note', 404],
      [`${SHOP}/note`, 404],
      [`${SHOP}`, 404],
    ] as const)
      expect([path, (await get(one, path)).status]).toEqual([path, status])
  })

  it('prove every set, in both forms', async () => {
    const one = await started({}, { noteKey: memoryNoteKey() })
    await withShop(one, 6)
    const { size } = verifyNote(await untilNoted(one), await bindingOf(one))
    const binding = (await get(one, `${SHOP}/note-key`)).bytes
    const verifyReceipt = () => {
      throw new Error('there is none')
    }
    for (let seq = 1n; seq <= size; seq++) {
      const { bytes } = await get(one, `${SHOP}/log/${seq}?at=${size}`)
      const { Set, StateRoot } = readLogProofAnswer(bytes)
      const context = {
        relays: [one.address],
        binding,
        statement: logLeafBytes({ Seq: seq, Set, StateRoot }),
        verifyReceipt,
      }
      for (const form of ['tlog-proof', 'cose-receipt']) {
        const received = (await get(one, `${SHOP}/${form}/${seq}?at=${size}`)).bytes
        expect(verifyForm(received, context)).toMatchObject({ outcome: 'matches', what: 'set', seq, size })
      }
    }
    for (const [path, status] of [
      [`${SHOP}/tlog-proof/${size + 1n}?at=${size}`, 404],
      [`${SHOP}/tlog-proof/1?at=${size + 1_000n}`, 404],
      [`${SHOP}/cose-receipt/0`, 400],
      [`${SHOP}/cose-receipt/1?at=01`, 400],
      [`${SHOP}/cose-receipt/1?at=1`, 404],
      [`${SHOP}/tlog-proof`, 404],
      ['78/tlog-proof/1', 404],
    ] as const)
      expect([path, (await get(one, path)).status]).toEqual([path, status])
  })

  it('are the same after a restart, whatever the host is then', async () => {
    const [store, noteKey] = [new MemoryStore(), memoryNoteKey()]
    const one = await started({}, { store, noteKey })
    await withShop(one, 2)
    const note = await untilNoted(one)
    const binding = await bindingOf(one)
    await one.stop()
    const two = await started({ publicUrl: 'https://other.example' }, { store, noteKey })
    const { size } = verifyNote(note, binding)
    const response = await fetch(`http://127.0.0.1:${two.port}/v5/shops/${SHOP}/checkpoint.note?seq=${size}`)
    expect([response.status, await response.text()]).toEqual([200, note])
  })

  it('are none without a note key', async () => {
    const one = await started()
    await withShop(one, 2)
    expect((await get(one, `${SHOP}/note-key`)).status).toBe(404)
  })
})
