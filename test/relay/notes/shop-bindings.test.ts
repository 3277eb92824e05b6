/** Which origin a shop has, when the host, a key, the database or the log changes. */

import { describe, expect, it } from 'vitest'
import { addressOf, publicKeyOf } from '#signature'
import { decodeBinding, verifyBinding, type SignedBinding } from '../../../src/notes/forms.js'
import { ShopBindings, type ShopBindingsOptions } from '../../../src/relay/notes/shop-bindings.js'
import { MemoryStore } from '../../../src/store/memory.js'
import type { SignedMark } from '../../../src/store/signed-guard.js'
import { filled } from '../../fixtures/noted-log.js'
import { memoryNoteKey } from '../../fixtures/relay-harness.js'

const RELAY = { ChainID: 1n, Registry: filled(5, 20), Relay: 12n }
const mark = { seq: 3n } as SignedMark

/** What outlives a relay. */
function disk(changed: Partial<ShopBindingsOptions> = {}) {
  return {
    store: new MemoryStore(),
    guard: { highest: () => undefined, raise: async () => undefined, close: async () => undefined },
    noteKey: memoryNoteKey(filled(9)),
    relay: RELAY,
    relaySecret: filled(7),
    host: () => 'relay.example',
    ...changed,
  } satisfies ShopBindingsOptions
}

const fieldsOf = (signed: SignedBinding) => decodeBinding(signed[0])
const endOf = (signed: SignedBinding) =>
  /(^[^/]+)\/.*(?:[0-9a-f]{64})(.*)$/u.exec(fieldsOf(signed).Origin)!.slice(1).join(' ')

describe('a binding', () => {
  it('is made once, and stays whatever becomes of the host', async () => {
    const given = disk()
    const first = await new ShopBindings(given).of(77n)
    expect(endOf(first)).toBe('relay.example ')
    verifyBinding(first, [addressOf(publicKeyOf(filled(7)))])
    expect(await new ShopBindings({ ...given, host: () => 'other.example' }).of(77n)).toEqual(first)
    expect(given.noteKey.bindings.list()).toEqual([first[0]])
    expect(endOf(await new ShopBindings({ ...given, host: () => 'other.example' }).of(78n))).toBe('other.example ')
  })

  it('is one, asked for twice at once', async () => {
    const given = disk()
    const bindings = new ShopBindings(given)
    const [one, two] = await Promise.all([bindings.of(77n), bindings.of(77n)])
    expect(one).toBe(two)
    expect(given.noteKey.bindings.list()).toHaveLength(1)
  })

  it('is signed again by a new key of the relay, with the same words', async () => {
    const given = disk()
    const first = await new ShopBindings(given).of(77n)
    const second = await new ShopBindings({ ...given, relaySecret: filled(8) }).of(77n)
    expect(second[0]).toEqual(first[0])
    verifyBinding(second, [addressOf(publicKeyOf(filled(8)))])
    expect(await new ShopBindings({ ...given, relaySecret: filled(8) }).of(77n)).toEqual(second)
  })

  it('gets the next origin where the note key is lost, and where the relay is another', async () => {
    const given = disk()
    await new ShopBindings(given).of(77n)
    const second = await new ShopBindings({ ...given, noteKey: memoryNoteKey(filled(10)) }).of(77n)
    expect(endOf(second)).toBe('relay.example /2')
    const third = await new ShopBindings({ ...given, noteKey: memoryNoteKey(filled(11)) }).of(77n)
    expect(endOf(third)).toBe('relay.example /3')
    const moved = disk()
    await new ShopBindings(moved).of(77n)
    expect(endOf(await new ShopBindings({ ...moved, relay: { ...RELAY, Relay: 13n } }).of(77n))).toBe(
      'relay.example /2',
    )
  })

  it('gets the next origin where the log is lost', async () => {
    const given = disk()
    await new ShopBindings(given).of(77n)
    const lost = { ...given, store: new MemoryStore() }
    expect(endOf(await new ShopBindings(lost).of(77n))).toBe('relay.example /2')
    expect(endOf(await new ShopBindings({ ...given, store: new MemoryStore() }).of(77n))).toBe('relay.example /3')
  })

  it('keeps its origin where the database is older than it, and its log the one that was signed', async () => {
    const given = disk()
    const first = await new ShopBindings(given).of(77n)
    const guard = { ...given.guard, highest: () => mark }
    const restored = new ShopBindings({ ...given, guard, store: new MemoryStore() })
    restored.adopt(77n)
    expect((await restored.of(77n))[0]).toEqual(first[0])
    expect(given.noteKey.bindings.list()).toHaveLength(1)
  })
})
