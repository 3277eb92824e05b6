/** One place of outboxes that more than one card uses: whatever each keeps there stays its own. */

import { expect, it } from 'vitest'
import { ClientError } from '../../src/client/client-error.js'
import { encodeOutbox, readOutbox } from '../../src/client/kept-outbox.js'
import { Outbox, type WriteLink } from '../../src/client/outbox.js'
import { OUTBOX_OTHERS_MAX } from '../../src/limits.js'
import { encodeChange } from '../../src/patches/patch.js'
import { signPatches } from '../../src/patches/patch-set.js'
import { quietHost } from '../fixtures/outbox-host.js'

const KEY = new Uint8Array(32).fill(3)

function inMemory() {
  const store = {
    bytes: undefined as Uint8Array | undefined,
    load: () => Promise.resolve(store.bytes),
    save: (bytes: Uint8Array) => Promise.resolve(void (store.bytes = bytes)),
  }
  return store
}

const host = (notices: string[] = []) =>
  quietHost(notices, (patches, nonce) => {
    const { headerBytes: header, signature } = signPatches({ shopId: 1n, nonce, timestamp: 1n, patches }, KEY)
    return { header, signature }
  })

const patchOf = (name: string) => encodeChange({ op: 'add', path: ['Tags', name], value: new Map([['Name', name]]) })

it('of two cards that keep at one place at the same time none loses what it did not send', async () => {
  const store = inMemory()
  const cards = ['0b', '0c'].map((card) => new Outbox(store, `1 aa ${card} all`, host()))
  const [one, two] = cards as [Outbox, Outbox]
  await one.hold()
  await two.hold()
  void one.add([patchOf('of 0b')], undefined).catch(() => undefined)
  await one.release()
  two.keepCart('of 0c')
  void two.add([patchOf('of 0c')], undefined).catch(() => undefined)
  await two.release()
  const oneAgain = new Outbox(store, '1 aa 0b all', host())
  await oneAgain.hold()
  expect(oneAgain.get().pending).toMatchObject([{ changes: [{ path: ['Tags', 'of 0b'] }] }])
  oneAgain.keepCardKept()
  await oneAgain.release()
  const twoAgain = new Outbox(store, '1 aa 0c all', host())
  await twoAgain.hold()
  expect(twoAgain.get().pending).toMatchObject([{ changes: [{ path: ['Tags', 'of 0c'] }] }])
})

it('of another card is all that card keeps, also where nothing of it waits', async () => {
  const store = inMemory()
  const link: WriteLink = { version: 5, request: () => Promise.reject(new ClientError('CONFLICT', 'no')) }
  const first = new Outbox(store, '1 aa 0b all', { ...host(), link: () => link })
  await first.hold()
  await expect(first.add([patchOf('bad')], undefined)).rejects.toMatchObject({ code: 'CONFLICT' })
  first.keepCardKept()
  await first.release()
  const { lastNonce } = readOutbox(store.bytes!)
  const second = new Outbox(store, '1 aa 0c all', host())
  await second.hold()
  second.keepCart('another')
  await second.release()
  const again = new Outbox(store, '1 aa 0b all', host())
  await again.hold()
  expect([again.isCardKept, again.get().refused.length]).toEqual([true, 1])
  again.keepCart('mine')
  await again.release()
  expect(readOutbox(store.bytes!)).toMatchObject({ lastNonce, refused: [{ code: 'CONFLICT' }] })
})

it('with unsent writes of as many cards as a place takes, one more is told so, and none is lost', async () => {
  const store = inMemory()
  const opened = async (card: number) => {
    const outbox = new Outbox(store, `1 aa ${card} all`, host())
    await outbox.hold()
    return outbox
  }
  const cards = Array.from({ length: OUTBOX_OTHERS_MAX + 1 }, (_, card) => card)
  for (const card of cards) {
    const outbox = await opened(card)
    void outbox.add([patchOf(`of ${card}`)], undefined).catch(() => undefined)
    await outbox.release()
  }
  const late = await opened(cards.length)
  await expect(late.add([patchOf('late')], undefined)).rejects.toMatchObject({ code: 'USAGE', path: 'outbox' })
  late.keepCart('kept all the same')
  await late.release()
  for (const card of cards) {
    const outbox = await opened(card)
    expect(outbox.get().pending).toMatchObject([{ changes: [{ path: ['Tags', `of ${card}`] }] }])
    await outbox.release()
  }
})

it('damaged in what another card wrote, it says so, and the rest is used', async () => {
  const store = inMemory()
  const outbox = new Outbox(store, '1 aa 0b all', host())
  await outbox.hold()
  void outbox.add([patchOf('mine')], undefined).catch(() => undefined)
  await outbox.release()
  const mine = store.bytes!
  const last = { ...readOutbox(mine), purpose: '1 aa 0c all', writes: [], others: [mine.subarray(0, 9), mine] }
  store.bytes = encodeOutbox(last)
  const notices: string[] = []
  const again = new Outbox(store, '1 aa 0b all', host(notices))
  await again.hold()
  expect(again.get().pending).toMatchObject([{ changes: [{ path: ['Tags', 'mine'] }] }])
  expect(notices[0]).toContain('something is not used')
})
