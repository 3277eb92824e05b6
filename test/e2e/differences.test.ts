/** PROTOCOL §14, what a session shows: where this relay differs from the existing one on purpose. */

import { afterEach, beforeEach, expect, it } from 'vitest'
import { equalBytes } from '../../src/bytes/bytes.js'
import { addressOf, publicKeyOf } from '../../src/bytes/signature.node.js'
import { decode } from '../../src/codec/decode.js'
import { encode } from '../../src/codec/encode.js'
import { CborTime } from '../../src/codec/value.js'
import { verifyPatchProofs } from '../../src/merkle/patch-proof.js'
import { encodePatchSet, Header, readPatchSet, signerOf, signPatches } from '../../src/patches/patch-set.js'
import { ErrorCode } from '../../src/wire/error-code.js'
import {
  enrolCard,
  listing,
  map,
  newSecret,
  order,
  relay,
  SHOP,
  state,
  stock,
  Wire,
  type Refused,
  type TestRelay,
} from '../fixtures/relay-harness.js'

const owner = newSecret()
let running: TestRelay
let wire: Wire

beforeEach(async () => {
  running = await relay()
  await enrolCard(running.url, owner)
  wire = await Wire.as(running.url, owner)
})

afterEach(async () => {
  await running.stop()
  expect(running.bugs).toEqual([])
})

const codeOf = (answer: Uint8Array | Refused) => (answer instanceof Uint8Array ? 'ok' : answer.code)
const write = async (patchSet: Uint8Array) => codeOf(await wire.ask({ kind: 'write', patchSet }))

it('a set of 250 patches is pushed as one, with a proof for each', async () => {
  await wire.subscribe()
  await wire.done({
    kind: 'write',
    patchSet: wire.signed(
      owner,
      Array.from({ length: 250 }, (_, i) => listing(BigInt(i + 1))),
    ),
  })
  await wire.until(() => wire.sets.length === 2)
  const set = wire.sets[1]!
  expect([set.seq, set.patches.length, set.proofs.length]).toEqual([2n, 250, 250])
  const root = Header.read(decode(set.header), 'Header').RootHash
  expect(verifyPatchProofs(set.proofs, set.patches, root).map(({ leafIndex }) => leafIndex)).toEqual(
    Array.from({ length: 250 }, (_, i) => i),
  )
})

it('every set that the relay makes carries the id of the shop, and nonces of its own from 1', async () => {
  await wire.subscribe()
  await enrolCard(running.url, newSecret())
  await enrolCard(running.url, newSecret(), { guest: true, wallet: '56'.repeat(32) })
  await wire.done({ kind: 'write', patchSet: wire.signed(owner, [listing(1n), stock(1n, 5n)]) })
  await wire.done({ kind: 'write', patchSet: wire.signed(owner, [order(1n, 1n, 1n), state(1n, 3n)]) })
  await wire.done({ kind: 'write', patchSet: wire.signed(owner, [{ op: 'remove', path: ['Listings', 1n] }]) })
  await wire.until(() => wire.sets.length === 7)
  const made = wire.sets.filter((set) => equalBytes(addressOf(signerOf(set.header, set.signature)!), running.address))
  // Two accounts, a guest's card, and the order that was left without its listing.
  expect(made.map(({ seq }) => seq)).toEqual([1n, 2n, 3n, 7n])
  const headers = made.map((set) => Header.read(decode(set.header), 'Header'))
  expect(headers.map(({ ShopID }) => ShopID)).toEqual([SHOP, SHOP, SHOP, SHOP])
  expect(headers.map(({ KeyCardNonce }) => KeyCardNonce)).toEqual([1n, 2n, 3n, 4n])
})

it('signatures with v 0/1 are taken as those with 27/28, and each is pushed as received', async () => {
  await wire.subscribe([{ objectType: 1 }])
  const sent: Uint8Array[] = []
  for (const [id, low] of [
    [1n, true],
    [2n, false],
    [3n, true],
  ] as const) {
    const { headerBytes, signature, patches } = readPatchSet(wire.signed(owner, [listing(id)]))
    const own = signature.with(64, low ? signature[64]! - 27 : signature[64]!)
    sent.push(own)
    expect(own[64]! < 2).toBe(low)
    const whole = encodePatchSet(
      headerBytes,
      own,
      patches.map(({ bytes }) => bytes),
    )
    expect(await write(whole)).toBe('ok')
  }
  await wire.until(() => wire.sets.length === 3)
  expect(wire.sets.map(({ signature }) => signature)).toEqual(sent)
})

it('a status comes after the subscription’s answer and after its backlog, and before no push', async () => {
  await wire.done({ kind: 'write', patchSet: wire.signed(owner, [listing(1n)]) })
  await wire.subscribe()
  await wire.until(() => wire.statuses.length === 2)
  for (let id = 2n; id < 22n; id++) await wire.done({ kind: 'write', patchSet: wire.signed(owner, [listing(id)]) })
  await wire.until(() => wire.sets.length === 22)
  await wire.done({ kind: 'ping' })
  // Set 1: manifest and account. Set 2: a listing.
  expect(wire.statuses).toEqual([
    [1n, 3n],
    [1n, 0n],
  ])
})

it('what is behind a set, and a time without a tag, are INVALID', async () => {
  const good = wire.signed(owner, [listing(1n)])
  expect(await write(new Uint8Array([...good, 0]))).toBe(ErrorCode.INVALID)
  const { patches } = readPatchSet(good)
  const bytes = patches.map((patch) => patch.bytes)
  const { headerBytes, tree } = signPatches({ shopId: SHOP, nonce: 1n, timestamp: 5n, patches: bytes }, owner)
  const header = (Timestamp: bigint | CborTime) =>
    encode(map({ ShopID: SHOP, RootHash: tree.root, Timestamp, KeyCardNonce: 1n }))
  expect(header(new CborTime(5n))).toEqual(headerBytes)
  expect(await write(encodePatchSet(header(5n), new Uint8Array(65), bytes))).toBe(ErrorCode.INVALID)
  expect(await write(good)).toBe('ok')
})

it('a header of another shop or from the future is INVALID, its nonce is not used', async () => {
  const set = (shopId: bigint, timestamp: bigint) => {
    const { patches } = readPatchSet(wire.signed(owner, [listing(1n)]))
    const bytes = patches.map((patch) => patch.bytes)
    const { headerBytes, signature } = signPatches({ shopId, nonce: 5n, timestamp, patches: bytes }, owner)
    return encodePatchSet(headerBytes, signature, bytes)
  }
  expect(await write(set(SHOP + 1n, 5n))).toBe(ErrorCode.INVALID)
  expect(await write(set(SHOP, BigInt(Math.floor(Date.now() / 1_000)) + 400n))).toBe(ErrorCode.INVALID)
  expect(await write(set(SHOP, 5n))).toBe('ok')
  expect(await write(set(SHOP, 5n))).toBe(ErrorCode.INVALID)
})

it('who knows the public key of a card does not lock its owner out', async () => {
  const card = newSecret()
  await enrolCard(running.url, card)
  const hostile = await Promise.all(
    Array.from({ length: 50 }, () => Wire.open(running.url, { localAddress: '127.0.0.2' })),
  )
  const publicKey = publicKeyOf(card)
  for (const stranger of hostile) {
    expect(await stranger.done({ kind: 'authenticate', publicKey })).toHaveLength(32)
    expect(codeOf(await stranger.ask({ kind: 'challengeSolution', signature: new Uint8Array(65) }))).toBe(
      ErrorCode.NOT_FOUND,
    )
    expect(await stranger.done({ kind: 'authenticate', publicKey })).toHaveLength(32)
  }
  const good = await Wire.as(running.url, card)
  expect(codeOf(await good.write(card, [listing(1n)]))).toBe('ok')
  for (const stranger of hostile)
    expect(codeOf(await stranger.ask({ kind: 'authenticate', publicKey }))).toBe(ErrorCode.ALREADY_CONNECTED)
})

it('a malformed patch is refused, the session lives, and the next one is applied', async () => {
  const signed = (patch: Uint8Array, nonce: bigint) => {
    const { headerBytes, signature } = signPatches({ shopId: SHOP, nonce, timestamp: 5n, patches: [patch] }, owner)
    return encodePatchSet(headerBytes, signature, [patch])
  }
  const paths: readonly unknown[] = [
    [],
    null,
    ['Listings'],
    ['Listings', -1n],
    ['Listings', null],
    ['Orders', 'x', 'y'],
    ['Manifest', 1n],
  ]
  for (const path of paths)
    for (const op of ['add', 'replace', 'remove', 'append', 'increment', 'decrement', '', null]) {
      const patch = encode(map({ Op: op, Path: path as string[], Value: null }))
      expect(await write(signed(patch, 1n)), `${String(op)} ${String(path)}`).toBe(ErrorCode.INVALID)
    }
  expect(await write(wire.signed(owner, [listing(1n)]))).toBe('ok')
})
