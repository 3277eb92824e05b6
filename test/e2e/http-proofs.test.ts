/** Proofs over HTTP (PROOFS §4): what anybody may read, verified; how it may be kept; what is refused. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { be64 } from '../../src/bytes/bytes.js'
import { toHex } from '../../src/bytes/hex.js'
import { publicKeyOf } from '../../src/bytes/signature.node.js'
import { decode } from '../../src/codec/decode.js'
import type { CborMap } from '../../src/codec/value.js'
import { HTTP_PROOFS_BURST } from '../../src/limits.js'
import { stateRoot } from '../../src/merkle/state-level.js'
import type { StateQuestion } from '../../src/merkle/state-proof.js'
import { checkpointDigest, setDigest, verifyLogInclusion } from '../../src/proofs/checkpoint.js'
import { readCheckpointAnswer, readLogProofAnswer } from '../../src/wire/proof-payloads.js'
import { ProvenShop } from '../fixtures/proven-shop.js'
import { listing, order, SHOP, type Wire } from '../fixtures/relay-harness.js'

describe.each([
  ['uWebSockets.js', false],
  ['ws', true],
])('on %s', (_transport, ws) => {
  let shop: ProvenShop
  let owner: Wire

  beforeAll(async () => {
    shop = await ProvenShop.make({ ws })
    owner = await shop.open(shop.owner)
    await owner.write(shop.owner, [listing(1n), order(7n, 1n, 1n)])
    await owner.write(shop.owner, [{ op: 'add', path: ['Tags', 'é'], value: new Map([['Name', 'é']]) }])
    await shop.covered(owner)
  })

  afterAll(async () => {
    expect(shop.running.bugs).toEqual([])
    await shop.dispose()
  })

  const get = (path: string, init: RequestInit = {}) => fetch(`${shop.running.url}/v5/shops/${path}`, init)
  const bytesOf = async (response: Response) => new Uint8Array(await response.arrayBuffer())
  const etagOf = (checkpoint: Uint8Array) => `"${toHex(checkpointDigest(checkpoint))}"`

  it('the newest checkpoint, that goes stale in a second', async () => {
    const response = await get(`${SHOP}/checkpoint`)
    const answer = readCheckpointAnswer(await bytesOf(response))
    const { fields, signed } = shop.accepted(answer)
    expect([fields.Seq, stateRoot(answer.Level)]).toEqual([shop.head, fields.StateRoot])
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/cbor',
      etag: etagOf(signed[0]),
      'cache-control': 'public, max-age=1',
      'access-control-allow-origin': '*',
    })
  })

  it('is signed again where it is older than ten seconds', async () => {
    await shop.clock.turn(11_000)
    const { fields } = shop.accepted(readCheckpointAnswer(await bytesOf(await get(`${SHOP}/checkpoint`))))
    expect([fields.Seq, fields.Timestamp.seconds]).toEqual([shop.head, shop.nowSeconds])
  })

  it.each<[string, () => StateQuestion, boolean]>([
    ['the manifest', () => ['Manifest', new Uint8Array(0)], true],
    ['a listing', () => ['Listings', be64(1n)], true],
    ['a listing that is not there', () => ['Listings', be64(2n)], false],
    ['a tag', () => ['Tags', Buffer.from('é')], true],
    ['a card', () => ['Cards', publicKeyOf(shop.guests[0])], true],
    ['a card that is not there', () => ['Cards', new Uint8Array(33).fill(2)], false],
    ['an account that is not there', () => ['Accounts', new Uint8Array(20).fill(2)], false],
  ])('%s is proven', async (_name, question, isThere) => {
    const [collection, key] = question()
    const response = await get(`${SHOP}/proof/${collection}/${toHex(key)}`)
    expect(response.status).toBe(200)
    const { answers, answer } = shop.verified(await bytesOf(response), [[collection, key]])
    expect(answers[0] !== undefined).toBe(isThere)
    expect(response.headers.get('etag')).toBe(etagOf(answer.Checkpoint[0]))
  })

  it('the manifest needs no slash behind it; the value is the object', async () => {
    const asked: StateQuestion[] = [['Manifest', new Uint8Array(0)]]
    const { answers } = shop.verified(await bytesOf(await get(`${SHOP}/proof/Manifest`)), asked)
    expect((decode(answers[0]!.value) as CborMap).get('ShopID')).toBe(SHOP)
  })

  it('a set in the log, as of now and for ever under a checkpoint', async () => {
    const at = shop.head
    const fixed = await get(`${SHOP}/log/3?at=${at}`)
    const first = await bytesOf(fixed)
    await owner.write(shop.owner, [listing(3n)])
    await shop.covered(owner)
    await shop.clock.turn(11_000)
    expect(await bytesOf(await get(`${SHOP}/log/3?at=${at}`))).toEqual(first)
    await shop.restart()
    owner = await shop.open(shop.owner)
    expect(await bytesOf(await get(`${SHOP}/log/3?at=${at}`))).toEqual(first)
    const [record] = shop.disk.store.pickLog(SHOP, [3], 1)
    await shop.covered(owner)
    for (const [body, head] of [
      [first, at],
      [await bytesOf(await get(`${SHOP}/log/3`)), shop.head],
    ] as const) {
      const answer = readLogProofAnswer(body)
      const { fields } = shop.accepted(answer)
      expect([fields.Seq, answer.Set]).toEqual([head, setDigest(record!.header, record!.signature)])
      verifyLogInclusion(answer.Inclusion, { ...answer, Seq: 3n }, fields)
    }
    const { Checkpoint } = readLogProofAnswer(first)
    expect(Object.fromEntries(fixed.headers)).toMatchObject({
      etag: etagOf(Checkpoint[0]),
      'cache-control': 'public, max-age=31536000, immutable',
    })
    expect((await get(`${SHOP}/log/3`)).headers.get('cache-control')).toBe('public, max-age=1')
  })

  it('who has it gets 304, HEAD no body, a preflight its methods', async () => {
    const path = `${SHOP}/proof/Listings/${toHex(be64(1n))}`
    const whole = await get(path)
    const etag = whole.headers.get('etag')!
    for (const tag of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const again = await get(path, { headers: { 'If-None-Match': tag } })
      expect([again.status, (await bytesOf(again)).length, again.headers.get('etag')]).toEqual([304, 0, etag])
    }
    expect((await get(path, { headers: { 'If-None-Match': '"x"' } })).status).toBe(200)
    const head = await get(path, { method: 'HEAD' })
    expect([head.status, (await bytesOf(head)).length, head.headers.get('etag')]).toEqual([200, 0, etag])
    const preflight = await get(path, { method: 'OPTIONS' })
    expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, '*'])
    const posted = await get(path, { method: 'POST' })
    expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS'])
  })

  it.each([
    ['5/checkpoint', 404, 'shop 5 is not known here'],
    ['x/checkpoint', 404, 'decimal'],
    [`0${SHOP}/checkpoint`, 404, 'decimal'],
    [`${SHOP}`, 404, 'not found'],
    [`${SHOP}/`, 404, 'not found'],
    [`${SHOP}/nothing`, 404, 'not found'],
    [`${SHOP}/checkpoint/1`, 404, 'not found'],
    [`${SHOP}/proof`, 404, 'not found'],
    [`${SHOP}/proof/Nothing/00`, 404, 'no such collection'],
    [`${SHOP}/proof/listings/0000000000000001`, 404, 'no such collection'],
    [`${SHOP}/proof/Listings/0000000000000001/x`, 404, 'not found'],
    [`${SHOP}/proof/Listings/000000000000000A`, 400, 'lower-case'],
    [`${SHOP}/proof/Listings/1`, 400, 'lower-case'],
    [`${SHOP}/proof/Listings/01`, 400, 'no keys of 1 bytes: an id is 8 bytes'],
    [`${SHOP}/proof/Listings`, 400, 'no keys of 0 bytes: an id is 8 bytes'],
    [`${SHOP}/proof/Accounts/${'00'.repeat(20)}`, 400, "the guests' account"],
    [`${SHOP}/proof/Orders/0000000000000007`, 400, 'Orders cannot be read by a visitor'],
    [`${SHOP}/proof/Inventory/0000000000000001`, 400, 'Inventory cannot be read by a visitor'],
    [`${SHOP}/log/0`, 400, 'from 1 on'],
    [`${SHOP}/log/x`, 400, 'from 1 on'],
    [`${SHOP}/log/999`, 404, 'beyond the checkpoint'],
    [`${SHOP}/log/1?at=1`, 404, 'no checkpoint'],
    [`${SHOP}/log/1?at=999`, 404, 'no checkpoint'],
    [`${SHOP}/log/1?at=x`, 400, 'from 1 on'],
  ])('%s: %i', async (path, status, text) => {
    const response = await get(path)
    const { error } = (await response.json()) as { error: string }
    expect([response.status, error]).toEqual([status, expect.stringContaining(text)])
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
  })

  it('a set beyond the checkpoint that is named is not under it', async () => {
    const at = shop.head
    await owner.write(shop.owner, [listing(9n)])
    await shop.covered(owner)
    const response = await get(`${SHOP}/log/${at + 1n}?at=${at}`)
    expect([response.status, await response.text()]).toEqual([404, expect.stringContaining('beyond the checkpoint')])
  })

  it('one address may ask so often, and again later', async () => {
    const statuses = new Map<number, number>()
    for (let i = 0; i < HTTP_PROOFS_BURST + 20; i++) {
      const { status } = await get(`${SHOP}/proof/Manifest`)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
    expect(statuses.get(429)).toBeGreaterThan(0)
    await shop.clock.turn(1_000)
    expect((await get(`${SHOP}/checkpoint`)).status).toBe(200)
  })

  it('GET where sessions are says that an upgrade is needed', async () => {
    expect((await fetch(`${shop.running.url}/v5/sessions`)).status).toBe(426)
  })
})

it('a shop has its first checkpoint a second after its first set: who asks waits for it', async () => {
  const shop = await ProvenShop.make()
  const asking = fetch(`${shop.running.url}/v5/shops/${SHOP}/checkpoint`)
  await new Promise((resolve) => setTimeout(resolve, 50))
  await shop.clock.turn(1_000)
  expect((await asking).status).toBe(200)
  await shop.dispose()
})
