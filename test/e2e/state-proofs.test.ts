/** Proofs on request in sessions of version 5 (PROOFS §4): who may ask for what, and that what comes is true. */

import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { be64, toBigEndian, utf8 } from '../../src/bytes/bytes.js'
import { fromHex } from '../../src/bytes/hex.js'
import { publicKeyOf } from '../../src/bytes/signature.node.js'
import { decode } from '../../src/codec/decode.js'
import { encode } from '../../src/codec/encode.js'
import type { CborMap } from '../../src/codec/value.js'
import { CARD_ORDERS_PROVEN_MAX, FRAME_OUT_BYTES_MAX_5, STATE_PROOF_OBJECTS_MAX } from '../../src/limits.js'
import { readCardPeriods } from '../../src/merkle/card-periods.js'
import { stateRoot } from '../../src/merkle/state-level.js'
import type { StateQuestion } from '../../src/merkle/state-proof.js'
import { verifyLogConsistency, verifyLogInclusion } from '../../src/proofs/checkpoint.js'
import { MyOrders } from '../../src/proofs/my-orders.js'
import { ErrorCode } from '../../src/wire/error-code.js'
import {
  readCheckpointAnswer,
  readLogProofAnswer,
  readStateProofAnswer,
  readWriteAnswer,
} from '../../src/wire/proof-payloads.js'
import { orderKey, ProvenShop, shopId, type Role } from '../fixtures/proven-shop.js'
import { enrolCard, listing, order, SHOP, state, stock, type Refused, type Wire } from '../fixtures/relay-harness.js'

const NOTHING = new Uint8Array(0)
const zeros = new Uint8Array(20)
const MINE = 7n
const ANOTHERS = 8n
const NOBODYS = 9n

describe.each([
  ['uWebSockets.js', false],
  ['ws', true],
])('on %s', (_transport, ws) => {
  let shop: ProvenShop
  let sessions: Record<Role, Wire>
  let cards: Record<'first' | 'second' | 'clerk', Uint8Array>

  beforeAll(async () => {
    shop = await ProvenShop.make({ ws })
    const [first, second] = shop.guests
    cards = { first: publicKeyOf(first), second: publicKeyOf(second), clerk: publicKeyOf(shop.clerk) }
    sessions = {
      visitor: await shop.open(),
      guest: await shop.open(first),
      clerk: await shop.open(shop.clerk),
      owner: await shop.open(shop.owner),
    }
    const { owner, guest } = sessions
    const changes = [listing(1n), stock(1n, 50n), listing(2n), stock(2n, 50n)]
    for (const change of changes) await owner.write(shop.owner, [change])
    await owner.write(shop.owner, [{ op: 'add', path: ['Tags', 'red'], value: new Map([['Name', 'red']]) }])
    await guest.write(first, [order(MINE, 1n, 2n)])
    const other = await shop.open(second)
    await other.write(second, [order(ANOTHERS, 2n, 1n)])
    await other.close()
    await shop.covered(sessions.visitor)
  })

  afterAll(async () => {
    expect(shop.running.bugs).toEqual([])
    await shop.dispose()
  })

  /** What each may ask for: present and absent. */
  const table = (): [string, StateQuestion, readonly Role[]][] => {
    const all: Role[] = ['visitor', 'guest', 'clerk', 'owner']
    const staff: Role[] = ['clerk', 'owner']
    return [
      ['the manifest', ['Manifest', NOTHING], all],
      ['a listing', ['Listings', be64(1n)], all],
      ['a listing that is not there', ['Listings', be64(99n)], all],
      ['a tag', ['Tags', utf8('red')], all],
      ['a tag that is not there', ['Tags', utf8('blue')], all],
      ['an account that is not there', ['Accounts', new Uint8Array(20).fill(1)], all],
      ['a card', ['Cards', cards.second], all],
      ['a card that is not there', ['Cards', new Uint8Array(33).fill(2)], all],
      ['stock', ['Inventory', be64(1n)], staff],
      ['stock that is not there', ['Inventory', be64(99n)], staff],
      ['his own order', orderKey(MINE), ['guest', ...staff]],
      ["another's order", orderKey(ANOTHERS), staff],
      ['an order that is not there', orderKey(NOBODYS), staff],
      ['his own card among the orders', ['Orders', cards.first], ['guest', ...staff]],
      ["another's card among the orders", ['Orders', cards.second], staff],
      ["a clerk's card among the orders", ['Orders', cards.clerk], staff],
    ]
  }

  it('each role is proven what it may read, and is refused the rest', async () => {
    for (const [name, question, roles] of table())
      for (const role of ['visitor', 'guest', 'clerk', 'owner'] as const) {
        const answer = await shop.ask(sessions[role], [question])
        if (!roles.includes(role)) {
          expect.soft([name, role, (answer as Refused).code]).toEqual([name, role, ErrorCode.INVALID])
          continue
        }
        const { answers } = shop.verified(answer as Uint8Array, [question])
        const isThere = !name.includes('not there') && name !== "a clerk's card among the orders"
        expect.soft([name, role, answers[0] !== undefined]).toEqual([name, role, isThere])
      }
  })

  it('a guest is told the same of an id that is another’s and of one that nobody has', async () => {
    const texts = []
    for (const id of [ANOTHERS, NOBODYS]) {
      const { code, message } = (await shop.ask(sessions.guest, [orderKey(id)])) as Refused
      texts.push([code, message.replace(String(id), 'N')])
    }
    expect(texts[0]).toEqual(texts[1])
    expect(await shop.ask(sessions.visitor, [orderKey(MINE)])).toMatchObject({
      message: 'object 0: Orders cannot be read by a visitor',
    })
  })

  it.each<[string, StateQuestion]>([
    ["the guests' account", ['Accounts', zeros]],
    ['an account of 19 bytes', ['Accounts', new Uint8Array(19)]],
    ['a listing of 9 bytes', ['Listings', new Uint8Array(9)]],
    ['an order of 9 bytes', ['Orders', new Uint8Array(9)]],
    ['a card of 32 bytes', ['Cards', new Uint8Array(32)]],
    ['a manifest with a key', ['Manifest', new Uint8Array(1)]],
    ['stock of 7 bytes', ['Inventory', new Uint8Array(7)]],
    ['a tag without a name', ['Tags', NOTHING]],
    ['a tag of 256 bytes', ['Tags', new Uint8Array(256)]],
  ])('%s is INVALID', async (_name, question) => {
    expect(await shop.ask(sessions.owner, [question])).toMatchObject({ code: ErrorCode.INVALID })
  })

  it('many at once, of all collections; a value is the object that the state has', async () => {
    const asked = table().map(([, question]) => question)
    const { answers, fields } = shop.verified((await shop.ask(sessions.owner, asked)) as Uint8Array, asked)
    expect(fields.Seq).toBe(shop.head)
    const one = decode(answers[1]!.value) as CborMap
    expect([one.get('ID'), one.get('Price')]).toEqual([1n, 100n])
    expect(readCardPeriods(answers[6]!.value)).toEqual([{ account: zeros, since: 4n, until: undefined }])
    expect(decode(answers[13]!.value)).toBe(1n)
    expect(answers[10]!.history!.lastSeq).toBe(shop.head - 1n)
    // Nothing asked: the bare level.
    const bare = shop.verified((await shop.ask(sessions.visitor, [])) as Uint8Array, [])
    expect(stateRoot(bare.level)).toEqual(bare.fields.StateRoot)
  })

  it('is refused where it is none', async () => {
    const { visitor, owner } = sessions
    const ask = (objects: readonly Uint8Array[], more: object = {}) =>
      visitor.ask({ kind: 'stateProof', shopId, objects, myOrders: false, ...more })
    for (const bytes of [NOTHING, encode([]), encode(['Tags']), encode(['Nothing', NOTHING]), encode(['Tags', 'x'])])
      expect(await ask([bytes])).toMatchObject({ code: ErrorCode.INVALID })
    expect(await ask([], { shopId: toBigEndian(5n, 32) })).toMatchObject({ code: ErrorCode.NOT_FOUND })
    expect(await ask([], { shopId: new Uint8Array(33) })).toMatchObject({ code: ErrorCode.INVALID })
    const many = Array.from({ length: STATE_PROOF_OBJECTS_MAX + 1 }, (_, i): StateQuestion => ['Tags', be64(BigInt(i))])
    expect(await shop.ask(owner, many)).toMatchObject({ code: ErrorCode.INVALID })
    expect(await shop.ask(owner, many.slice(1))).toBeInstanceOf(Uint8Array)
    expect(await shop.ask(owner, [], { seq: 999n })).toEqual({
      code: ErrorCode.NOT_FOUND,
      message: `seq 999 is none of the last checkpoints; the newest is that of set ${shop.head}`,
    })
  })

  it('under an earlier checkpoint, what was true then', async () => {
    const { owner } = sessions
    const seq = shop.head
    await owner.write(shop.owner, [{ op: 'replace', path: ['Listings', 2n, 'Price'], value: 555n }])
    await shop.covered(owner)
    const asked: StateQuestion[] = [['Listings', be64(2n)]]
    const priceOf = (payload: Uint8Array | Refused) => {
      const { answers, fields } = shop.verified(payload as Uint8Array, asked)
      return [fields.Seq, (decode(answers[0]!.value) as CborMap).get('Price')]
    }
    expect(priceOf(await shop.ask(owner, asked, { seq }))).toEqual([seq, 100n])
    expect(priceOf(await shop.ask(owner, asked))).toEqual([seq + 1n, 555n])
  })

  it('a set is in the log; a checkpoint goes on from another; none is older than ten seconds', async () => {
    const { visitor, owner } = sessions
    const from = shop.accepted(await shop.covered(visitor))
    const written = readWriteAnswer((await owner.write(shop.owner, [listing(60n)])) as Uint8Array)
    const answer = await shop.covered(owner)
    const to = shop.accepted(answer)
    const payload = await visitor.done({ kind: 'logProof', shopId, seq: written.Seq, fromSeq: from.fields.Seq })
    const log = readLogProofAnswer(payload)
    expect(log.StateRoot).toEqual(written.StateRoot)
    verifyLogInclusion(log.Inclusion, { ...log, Seq: written.Seq }, to.fields)
    verifyLogConsistency(log.Consistency!, from.fields, to.fields)
    const again = readCheckpointAnswer(
      (await visitor.done({ kind: 'checkpoint', shopId, fromSeq: from.fields.Seq })).slice(),
    )
    verifyLogConsistency(again.Consistency!, from.fields, to.fields)
    expect(stateRoot(again.Level)).toEqual(to.fields.StateRoot)
    await shop.clock.turn(11_000)
    const fresh = readCheckpointAnswer((await visitor.done({ kind: 'checkpoint', shopId })).slice())
    const { fields } = shop.accepted(fresh)
    expect([fields.Seq, fields.Timestamp.seconds]).toEqual([to.fields.Seq, shop.nowSeconds])
    expect(fresh.Consistency).toBeUndefined()
    for (const request of [
      { kind: 'logProof', shopId, seq: fields.Seq + 1n },
      { kind: 'logProof', shopId, seq: 1n, fromSeq: fields.Seq + 1n },
      { kind: 'checkpoint', shopId, fromSeq: fields.Seq + 1n },
      { kind: 'checkpoint', shopId: toBigEndian(5n, 32) },
    ] as const)
      expect(await visitor.ask(request)).toMatchObject({ code: ErrorCode.NOT_FOUND })
    expect(await visitor.ask({ kind: 'logProof', shopId, seq: 0n })).toMatchObject({ code: ErrorCode.INVALID })
  })

  it('all orders of a card: none, one added again, more than one answer holds, after a restart too', async () => {
    const { owner, guest } = sessions
    const mine = (wire: Wire) => wire.ask({ kind: 'stateProof', shopId, objects: [], myOrders: true })
    expect(await mine(sessions.visitor)).toMatchObject({ code: ErrorCode.INVALID })
    const none = readStateProofAnswer((await mine(owner)) as Uint8Array)
    expect(none.List).toEqual([])
    // Removed and added again, by the guest; a clerk's change of it in between is no order of the clerk's.
    const [first] = shop.guests
    await guest.write(first, [{ op: 'remove', path: ['Orders', MINE] }])
    await guest.write(first, [order(MINE, 1n, 1n)])
    await owner.write(shop.owner, [state(MINE, 2n)])
    for (let id = 1_000n; id < 1_300n; id += 10n)
      await owner.write(
        shop.owner,
        Array.from({ length: 10 }, (_, i) => order(id + BigInt(i), 1n, 1n)),
      )
    await shop.covered(owner)
    await checkOrders(guest, cards.first, [MINE, MINE])
    const all = Array.from({ length: 300 }, (_, i) => 1_000n + BigInt(i))
    expect(await checkOrders(owner, publicKeyOf(shop.owner), all)).toBe(CARD_ORDERS_PROVEN_MAX)
    await shop.restart()
    const [wire, visitor] = [await shop.open(shop.owner), await shop.open()]
    await shop.covered(visitor)
    await checkOrders(wire, publicKeyOf(shop.owner), all)
    sessions = { visitor, owner: wire, guest: await shop.open(first), clerk: await shop.open(shop.clerk) }
  })

  /** Complete by the card's entry; returns how many orders the first answer proved. */
  async function checkOrders(wire: Wire, card: Uint8Array, expected: readonly bigint[]): Promise<number> {
    const payload = await wire.done({ kind: 'stateProof', shopId, objects: [], myOrders: true })
    const { Proofs, List, ...proven } = readStateProofAnswer(payload.slice())
    const { fields } = shop.accepted(proven)
    expect(List!.map(([id]) => id)).toEqual(expected)
    const orders = new MyOrders({ shopId: SHOP, stateRoot: fields.StateRoot, card }, List!, Proofs)
    const count = new Set(expected).size - orders.missing.length
    while (orders.missing.length > 0) {
      const asked = orders.missing.slice(0, STATE_PROOF_OBJECTS_MAX).map(orderKey)
      const rest = (await shop.ask(wire, asked, { seq: fields.Seq })) as Uint8Array
      orders.add(readStateProofAnswer(rest.slice()).Proofs)
    }
    expect(orders.all().map(([id]) => id)).toEqual(expected)
    return count
  }

  it('a clerk’s card that became a guest’s is shown no order of another’s that it added again', async () => {
    const other = await ProvenShop.make({ ws })
    const [first] = other.guests
    const [owner, guest, clerk] = [
      await other.open(other.owner),
      await other.open(first),
      await other.open(other.clerk),
    ]
    await owner.write(other.owner, [listing(1n)])
    await guest.write(first, [order(MINE, 1n, 2n)])
    await clerk.write(other.clerk, [order(NOBODYS, 1n, 1n)])
    await clerk.write(other.clerk, [{ op: 'remove', path: ['Orders', MINE] }])
    await clerk.write(other.clerk, [order(MINE, 1n, 5n)])
    const wallet = fromHex(
      privateKeyToAccount(`0x${'77'.repeat(32)}`)
        .address.slice(2)
        .toLowerCase(),
    )
    await owner.write(other.owner, [{ op: 'remove', path: ['Accounts', wallet, 'KeyCards', 0n] }])
    await clerk.until(() => clerk.closed !== undefined)
    await enrolCard(other.running.url, other.clerk, { wallet: '36'.repeat(32), guest: true })
    const wire = await other.open(other.clerk)
    await other.covered(owner)
    const payload = await wire.done({ kind: 'stateProof', shopId, objects: [], myOrders: true })
    const { Proofs, List, ...proven } = readStateProofAnswer(payload.slice())
    const { fields } = other.accepted(proven)
    const claim = { shopId: SHOP, stateRoot: fields.StateRoot, card: publicKeyOf(other.clerk) }
    expect(new MyOrders(claim, List!, Proofs).missing).toEqual([MINE])
    expect(await other.ask(wire, [orderKey(MINE)])).toMatchObject({ code: ErrorCode.INVALID })
    expect(other.running.bugs).toEqual([])
    await other.dispose()
  })

  it('what does not fit one frame is INVALID and says how many objects do; so many do', async () => {
    const { owner, visitor } = sessions
    const Metadata = new Map([
      ['Title', 'large'],
      ['Description', 'x'.repeat(300_000)],
    ])
    for (let id = 500n; id < 510n; id++)
      await owner.done({ kind: 'write', patchSet: owner.signed(shop.owner, [listing(id, { Metadata })]) })
    await shop.covered(visitor)
    const asked = Array.from({ length: 10 }, (_, i): StateQuestion => ['Listings', be64(500n + BigInt(i))])
    const refused = (await shop.ask(visitor, asked)) as Refused
    expect(refused.code).toBe(ErrorCode.INVALID)
    const fitting = Number(/of the 10 objects (\d+) fit/u.exec(refused.message)![1])
    expect(fitting).toBe(6)
    shop.verified((await shop.ask(visitor, asked.slice(0, fitting))) as Uint8Array, asked.slice(0, fitting))
    expect(await shop.ask(visitor, asked.slice(0, fitting + 1))).toMatchObject({ code: ErrorCode.INVALID })
    expect(visitor.longest).toBeLessThanOrEqual(FRAME_OUT_BYTES_MAX_5)
  })

  it('many requests at once are answered in their order, also to a client that reads late', async () => {
    const { visitor } = sessions
    const asked: StateQuestion[] = [['Listings', be64(500n)]]
    const answers = await Promise.all(Array.from({ length: 40 }, () => shop.ask(visitor, asked)))
    for (const answer of answers) shop.verified(answer as Uint8Array, asked)
    const slow = await shop.open()
    slow.socket.pause()
    const pending = Array.from({ length: 60 }, () => shop.ask(slow, asked))
    await shop.ask(visitor, asked)
    slow.socket.resume()
    for (const answer of await Promise.all(pending)) shop.verified(answer as Uint8Array, asked)
    expect(slow.closed).toBeUndefined()
  })
})
