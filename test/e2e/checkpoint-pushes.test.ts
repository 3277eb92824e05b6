/** Checkpoints that a subscription of version 5 is pushed, and its own push delay (PROOFS §4). */

import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CHECKPOINT_AFTER_SETS, PUSH_DELAY_MS_MAX } from '../../src/limits.js'
import { collectionSalt, readLevel, saltedRoot, stateRoot } from '../../src/merkle/state-level.js'
import { decodeLast, decodeLogConsistency, type CheckpointTrust } from '../../src/proofs/checkpoint.js'
import { ErrorCode } from '../../src/wire/error-code.js'
import { ObjectType, type CheckpointPush, type Message } from '../../src/wire/messages.js'
import { readSalts } from '../../src/wire/snapshot-payloads.js'
import { ProvenShop, shopId } from '../fixtures/proven-shop.js'
import { listing, stock, type Refused, type Wire } from '../fixtures/relay-harness.js'

type Subscribe = Partial<Message & { kind: 'subscribe' }>

describe.each([
  ['uWebSockets.js', false],
  ['ws', true],
])('on %s', (_transport, ws) => {
  let shop: ProvenShop
  let owner: Wire

  beforeEach(async () => {
    shop = await ProvenShop.make({ ws, settings: { pushDelayMs: 100 } })
    owner = await shop.open(shop.owner)
    await owner.write(shop.owner, [listing(1n), stock(1n, 9n)])
  })

  afterEach(async () => {
    expect(shop.running.bugs).toEqual([])
    await shop.dispose()
  })

  const subscribe = (wire: Wire, more: Subscribe = {}) =>
    wire.ask({ kind: 'subscribe', startSeq: 0n, shopId, filters: [], ...more })

  const accept = (trust: CheckpointTrust, push: CheckpointPush) => {
    const { checkpoint, signature, last, consistency, level } = push
    trust.accept(
      {
        signed: [checkpoint, signature],
        last: decodeLast(last),
        consistency: consistency.length === 0 ? undefined : decodeLogConsistency(consistency),
      },
      shop.nowSeconds,
    )
    const { fields } = trust.accepted!
    expect(stateRoot(readLevel(level))).toEqual(fields.StateRoot)
    return fields
  }

  const second = async (wire: Wire, pushes: number) => {
    for (const end = Date.now() + 20_000; wire.checkpointPushes.length < pushes && Date.now() < end;) {
      await shop.clock.turn(100)
      await wait(2)
      await wire.done({ kind: 'ping' })
    }
    expect(wire.checkpointPushes.length).toBeGreaterThanOrEqual(pushes)
  }

  it('each comes after the sets that it covers, and goes on from the one before', async () => {
    const wire = await shop.open()
    await subscribe(wire)
    const trust = shop.newTrust()
    for (let round = 1; round <= 3; round++) {
      await second(wire, round)
      const { Seq } = accept(trust, wire.checkpointPushes.at(-1)!)
      expect([Seq, wire.sets.at(-1)!.seq]).toEqual([shop.head, shop.head])
      expect(wire.events.at(-1)).not.toMatch(/^push/u)
      await owner.write(shop.owner, [listing(10n + BigInt(round))])
    }
    const [first, ...others] = wire.checkpointPushes
    expect([first!.consistency.length, first!.salts]).toEqual([0, Uint8Array.of(0xa0)])
    for (const { consistency, salts } of others) expect([consistency.length > 0, salts.length]).toEqual([true, 0])
  })

  it('also where nothing of the sets is selected', async () => {
    const wire = await shop.open()
    await subscribe(wire, { filters: [{ objectType: ObjectType.TAG }] })
    await second(wire, 1)
    expect([wire.sets.length, accept(shop.newTrust(), wire.checkpointPushes[0]!).Seq]).toEqual([0, shop.head])
  })

  it('the salts are those that the session may have', async () => {
    const secret = shop.disk.store.shops()[0]!.secret
    const [Inventory, Orders] = [collectionSalt(secret, 'Inventory'), collectionSalt(secret, 'Orders')]
    for (const [card, expected] of [
      [undefined, {}],
      [shop.guests[0], { Orders }],
      [shop.clerk, { Inventory, Orders }],
    ] as const) {
      const wire = await shop.open(card)
      await subscribe(wire)
      await second(wire, 1)
      const [push] = wire.checkpointPushes
      expect(readSalts(push!.salts)).toEqual(expected)
      // No order yet.
      if (card !== undefined)
        expect(saltedRoot(Orders, new Uint8Array(32))).toEqual(readLevel(push!.level).roots.Orders)
    }
  })

  it('goes on from the checkpoint that the client accepted, also over a restart; equal needs nothing', async () => {
    const before = shop.accepted(await shop.covered(owner))
    await owner.write(shop.owner, [listing(2n)])
    await shop.covered(owner)
    await shop.restart()
    const wire = await shop.open()
    await subscribe(wire, { checkpointSeq: before.fields.Seq })
    await second(wire, 1)
    const trust = shop.newTrust(before)
    const { Seq } = accept(trust, wire.checkpointPushes[0]!)
    expect(Seq).toBe(shop.head)
    const same = await shop.open()
    await subscribe(same, { checkpointSeq: Seq })
    await second(same, 1)
    expect(same.checkpointPushes[0]!.consistency).toHaveLength(0)
    expect(accept(trust, same.checkpointPushes[0]!).Seq).toBe(Seq)
  })

  it('is answered like a push: one at a time is without an answer, an error ends the subscription', async () => {
    const wire = await shop.open()
    wire.answering = false
    await subscribe(wire, { startSeq: shop.head })
    await second(wire, 1)
    for (let i = 0n; i < 3n; i++) {
      await owner.write(shop.owner, [listing(20n + i)])
      await shop.covered(owner)
    }
    await wire.done({ kind: 'ping' })
    expect(wire.checkpointPushes).toHaveLength(1)
    const [id] = wire.requestsOf('checkpointPush')
    wire.send({ requestId: id!, message: { kind: 'response', payload: new Uint8Array(0) } })
    await second(wire, 2)
    const trust = shop.newTrust()
    for (const push of wire.checkpointPushes) accept(trust, push)
    expect(trust.accepted!.fields.Seq).toBe(shop.head)
    const last = wire.requestsOf('checkpointPush').at(-1)!
    wire.send({ requestId: last, message: { kind: 'response', error: { code: ErrorCode.INVALID, message: 'no' } } })
    await owner.write(shop.owner, [listing(30n)])
    await shop.covered(owner)
    await wire.done({ kind: 'ping' })
    expect(wire.checkpointPushes).toHaveLength(2)
    expect(await wire.ask({ kind: 'cancel', subscriptionId: Uint8Array.of(0, 1) })).toMatchObject({
      code: ErrorCode.NOT_FOUND,
    })
  })

  it('one that is signed again comes to nobody who has it', async () => {
    const wire = await shop.open()
    await subscribe(wire)
    await second(wire, 1)
    for (let i = 0; i < 3; i++) {
      await shop.clock.turn(11_000)
      await owner.done({ kind: 'checkpoint', shopId })
    }
    await wire.done({ kind: 'ping' })
    expect(wire.checkpointPushes).toHaveLength(1)
  })

  it('a session of version 4 gets none', async () => {
    const wire = await shop.open(undefined, { version: 4 })
    await subscribe(wire, { snapshot: true, checkpointSeq: 1n })
    await shop.covered(owner)
    await wire.until(() => wire.sets.length > 0)
    await wire.done({ kind: 'ping' })
    expect(wire.events.filter((event) => /checkpoint|snapshot/u.test(event))).toEqual([])
  })

  it('what lies beyond the head or its bound is refused', async () => {
    const head = shop.head
    expect(await subscribe(owner, { checkpointSeq: head + 1n })).toMatchObject({
      code: ErrorCode.NOT_FOUND,
      message: `checkpoint ${head + 1n} lies beyond the head of the shop, ${head}`,
    })
    const refused = (await subscribe(owner, { pushDelayMs: PUSH_DELAY_MS_MAX + 1 })) as Refused
    expect([refused.code, refused.message]).toEqual([ErrorCode.INVALID, expect.stringContaining('60000 ms')])
  })

  it('each subscription has the push delay that it asks for', async () => {
    const delays = [0, 100, 1_000] as const
    const wires = await Promise.all(
      delays.map(() => shop.open(shop.guests[0], { version: 5 }).catch(() => shop.open())),
    )
    for (const [i, wire] of wires.entries())
      await subscribe(wire, { startSeq: shop.head, ...(delays[i] !== 100 && { pushDelayMs: delays[i]! }) })
    await owner.write(shop.owner, [listing(2n)])
    await shop.clock.turn(0)
    const counts = async () => {
      for (const wire of wires) await wire.done({ kind: 'ping' })
      return wires.map(({ sets }) => sets.length)
    }
    expect(await counts()).toEqual([1, 0, 0])
    await shop.clock.turn(99)
    await owner.write(shop.owner, [listing(3n)])
    await shop.clock.turn(0)
    expect(await counts()).toEqual([2, 0, 0])
    await shop.clock.turn(1)
    expect(await counts()).toEqual([2, 1, 0])
    await shop.clock.turn(899)
    expect(await counts()).toEqual([2, 2, 0])
    await shop.clock.turn(1)
    expect(await counts()).toEqual([2, 2, 1])
    await shop.clock.turn(98)
    expect(await counts()).toEqual([2, 2, 1])
    await shop.clock.turn(1)
    expect(await counts()).toEqual([2, 2, 2])
  })

  it('while much is written the checkpoints keep up', async () => {
    const wire = await shop.open()
    await subscribe(wire, { startSeq: shop.head, pushDelayMs: 0 })
    const trust = shop.newTrust()
    let last = 0n
    for (let wave = 0n; wave < 4n; wave++) {
      const ids = Array.from({ length: CHECKPOINT_AFTER_SETS / 2 }, (_, i) => 1_000n * wave + BigInt(i + 100))
      await Promise.all(ids.map((id) => owner.write(shop.owner, [listing(id)])))
    }
    for (let accepted = 0; last < shop.head;) {
      await second(wire, accepted + 1)
      for (const push of wire.checkpointPushes.slice(accepted)) last = accept(trust, push).Seq
      accepted = wire.checkpointPushes.length
    }
    expect(wire.checkpointPushes.length).toBeGreaterThan(1)
  })
})
