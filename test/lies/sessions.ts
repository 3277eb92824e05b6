/**
 * What people do with the client, through the lying relay: each session ends with what was shown to them as proven, or
 * with the error that they were told.
 */

import type { Live, LiveState, ReplicaStore, ShopClient } from '../../src/client/shop-client.js'
import type { Change } from '../../src/patches/patch.js'
import { decodeSignedCheckpoint } from '../../src/proofs/checkpoint.js'
import { addressOf, publicKeyOf } from '../../src/bytes/signature.node.js'
import { encode } from '../../src/codec/encode.js'
import { checkpointDigest } from '../../src/proofs/checkpoint-form.js'
import { decodeReceipt } from '../../src/proofs/receipt-form.js'
import { readCheckpointAnswer } from '../../src/wire/proof-payloads.js'
import { order } from '../fixtures/relay-harness.js'
import { anchoredReceipt, chainOf } from './anchored.js'
import { checkedByHand } from './by-hand.js'
import type { LieRow } from './lie.js'
import { shownNotes } from './noted.js'
import { shownReceipt } from './paid.js'
import { NEIGHBOUR, TWINS } from './places.js'
import { EARLIER_SECRET, FEATHER, MINE, NOTHING, STONE, type Sdk, type Stage } from './stage.js'

type Connecting = Partial<Parameters<Sdk['connect']>[0]>

/** A session, and what an honest relay leads to. */
interface Session {
  readonly run: (stage: Stage, sdk: Sdk, lie?: LieRow) => Promise<unknown>
  readonly honest: unknown
}

/** What a session was told, where no error of the client says it. */
export class Told extends Error {
  override readonly name = 'Told'
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

const PROVEN_MS_MAX = 15_000
const NEW_PRICE = 250n

const price = (id: bigint, value: bigint): Change => ({ op: 'replace', path: ['Listings', id, 'Price'], value })
const title = (id: bigint, value: string): Change => ({
  op: 'replace',
  path: ['Listings', id, 'Metadata', 'Title'],
  value,
})

/** The first state that is proven as of set `seq` or a later one. Rejects with the client's error, and as TIMEOUT. */
export function proven<T>(live: Live<T>, seq = 0n): Promise<LiveState<T>> {
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void) => {
      clearTimeout(timer)
      stop()
      settle()
    }
    const late = () => reject(new Told('TIMEOUT', `nothing was shown as proven as of set ${seq}`))
    const timer = setTimeout(() => finish(late), PROVEN_MS_MAX)
    const look = () => {
      const now = live.get()
      if (now.status === 'failed') finish(() => reject(now.error!))
      else if (now.complete && now.verified !== undefined && now.verified.seq >= seq) finish(() => resolve(now))
    }
    const stop = live.subscribe(look)
    look()
  })
}

/** With a client that is closed in any case. Nothing that the relay says after the last answer is waited for. */
async function withClient<T>(
  stage: Stage,
  sdk: Sdk,
  options: Connecting,
  use: (client: ShopClient) => Promise<T>,
): Promise<T> {
  const { shop, relay } = stage
  const client = await sdk.connect({ url: stage.proxy.url, shop, relay: relay.address, ...options })
  try {
    return await use(client)
  } finally {
    client.close()
  }
}

const described = (id: bigint, value: string): Change => ({
  op: 'replace',
  path: ['Listings', id, 'Metadata', 'Description'],
  value,
})

/** A set of two patches and one of three on the stone; the number of the last. */
async function changeStone(stage: Stage): Promise<bigint> {
  await stage.write('owner', [price(STONE, 200n), described(STONE, 'Grey')])
  return stage.write('owner', [price(STONE, NEW_PRICE), title(STONE, 'Stone'), title(STONE, 'Boulder')])
}

/** A visitor of single listings, of which the first is changed while he looks. */
const listing =
  (...ids: readonly bigint[]) =>
  (stage: Stage, sdk: Sdk) =>
    withClient(stage, sdk, { only: ids.map((id) => ({ listing: id })) }, async (client) => {
      for (const id of ids) await proven(client.listing(id))
      stage.turned = true
      const seq = await changeStone(stage)
      const shown = []
      for (const id of ids) shown.push((await proven(client.listing(id), seq)).data?.Price)
      return shown
    })

/** A visitor of all that is public. */
function shop(stage: Stage, sdk: Sdk): Promise<unknown> {
  return withClient(stage, sdk, {}, async (client) => {
    await proven(client.listings())
    stage.turned = true
    const seq = await changeStone(stage)
    const { data } = await proven(client.listings(), seq)
    await proven(client.tag('round'), seq)
    return data!.map(({ ID, Price }) => [ID, Price])
  })
}

/** Somebody who comes when all is there, and looks once. */
const once = (options: Connecting, look: (client: ShopClient) => Promise<unknown>) => (stage: Stage, sdk: Sdk) =>
  withClient(stage, sdk, options, look)

function staff(stage: Stage, sdk: Sdk): Promise<unknown> {
  return withClient(stage, sdk, { key: stage.secrets.clerk }, async (client) => {
    await proven(client.orders.all())
    stage.turned = true
    const seq = await stage.write('guest', [order(73n, FEATHER, 3n)])
    const { data } = await proven(client.orders.all(), seq)
    return [data!.map(({ ID }) => ID), (await proven(client.stock(STONE), seq)).data]
  })
}

/** A guest, who adds a third order. */
function guest(stage: Stage, sdk: Sdk): Promise<unknown> {
  return withClient(stage, sdk, { key: stage.secrets.guest }, async (client) => {
    await proven(client.orders.all())
    stage.turned = true
    const { seq } = await client.write([order(73n, FEATHER, 3n)])
    return (await proven(client.orders.all(), seq)).data!.map(({ ID }) => ID)
  })
}

const ordersOnce = (who: 'guest' | 'clerk') => (stage: Stage, sdk: Sdk) =>
  withClient(stage, sdk, { key: stage.secrets[who] }, async (client) => {
    const { data } = await proven(client.orders.all())
    return data!.map(({ ID }) => ID)
  })

function write(stage: Stage, sdk: Sdk): Promise<unknown> {
  return withClient(stage, sdk, { key: stage.secrets.owner, only: [{ listing: STONE }] }, async (client) => {
    await proven(client.listing(STONE))
    stage.turned = true
    const written = await client.write([price(STONE, NEW_PRICE)])
    await stage.write('clerk', [price(FEATHER, 1n)])
    const { seq } = await written.proven()
    return [seq >= written.seq!, (await proven(client.listing(STONE), written.seq)).data?.Price]
  })
}

/** Compares what an honest relay signed with what this one shows. */
function compare(stage: Stage, sdk: Sdk, lie?: LieRow): Promise<unknown> {
  const { url } = stage.relay
  const honest = () =>
    withClient(stage, sdk, { url, only: [{ listing: STONE }] }, async (client) => {
      await proven(client.listing(STONE))
      return client.checkpoint!.bytes
    })
  return withClient(stage, sdk, { only: [{ listing: STONE }] }, async (client) => {
    await proven(client.listing(STONE))
    stage.turned = true
    await lie?.beforeComparing?.(stage)
    await stage.covered()
    const received = await honest()
    return told(await client.compare(stage.received(received)))
  })
}

/** Compares what was signed before the last changes with what is shown after them. */
function compareEarlier(stage: Stage, sdk: Sdk): Promise<unknown> {
  const only = [{ listing: STONE }]
  return withClient(stage, sdk, { only }, async (client) => {
    await proven(client.listing(STONE))
    const received = client.checkpoint!.bytes
    stage.turned = true
    await changeStone(stage)
    await stage.covered()
    return withClient(stage, sdk, { only }, async (later) => {
      await proven(later.listing(STONE))
      return told(await later.compare(received))
    })
  })
}

/** Asks over HTTP, and compares with what a session shows. */
function overHttp(stage: Stage, sdk: Sdk): Promise<unknown> {
  return withClient(stage, sdk, { url: stage.relay.url, only: [{ listing: STONE }] }, async (client) => {
    await proven(client.listing(STONE))
    const answer = await fetch(`${stage.proxy.url}/v5/shops/${stage.shop}/checkpoint`)
    const { Checkpoint } = readCheckpointAnswer(new Uint8Array(await answer.arrayBuffer()))
    decodeSignedCheckpoint(encode([...Checkpoint]))
    return told(await client.compare(encode([...Checkpoint])))
  })
}

type Comparison = Awaited<ReturnType<ShopClient['compare']>>

function told(compared: Comparison): string {
  if (compared.outcome === 'evidence') throw new Told(`EVIDENCE/${compared.kind}`, compared.message)
  if (compared.outcome === 'not shown') throw new Told('NOT_SHOWN', compared.reason)
  return compared.outcome
}

/** Looks again after the connection was lost. */
function again(stage: Stage, sdk: Sdk): Promise<unknown> {
  return withClient(stage, sdk, { only: [{ listing: STONE }] }, async (client) => {
    await proven(client.listing(STONE))
    stage.turned = true
    stage.proxy.cut()
    const seq = await changeStone(stage)
    return (await proven(client.listing(STONE), seq)).data?.Price
  })
}

const FRESH_SECONDS = 4
/** Longer than a client waits for the relay's answer and for what it answers of. */
const PATIENCE_MS = 30_000

/** Waits for the change, at most so long, and says what is shown as proven then. */
const news = (isContent: (state: LiveState<unknown>) => void) => (stage: Stage, sdk: Sdk) => {
  const options = { only: [{ listing: STONE }], verifiedAtSeconds: FRESH_SECONDS }
  return withClient(stage, sdk, options, async (client) => {
    const live = client.listing(STONE)
    await proven(live)
    stage.turned = true
    const seq = await changeStone(stage)
    for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await pause(100)) {
      const now = live.get()
      if (now.error !== undefined) throw now.error
      isContent(now)
      if (now.complete && now.verified!.seq >= seq) break
    }
    return live.get().data?.Price
  })
}

/** Insists on new proofs for some time, while other listings of the shop change. */
function goesOn(stage: Stage, sdk: Sdk): Promise<unknown> {
  const options = { only: [{ listing: STONE }], verifiedAtSeconds: FRESH_SECONDS }
  return withClient(stage, sdk, options, async (client) => {
    const live = client.listing(STONE)
    await proven(live)
    stage.turned = true
    await changeStone(stage)
    for (let second = 0; second < 2 * FRESH_SECONDS; second++) {
      await stage.write('owner', [price(FEATHER, BigInt(second))])
      await pause(1_000)
    }
    const now = live.get()
    if (now.error !== undefined) throw now.error
    insist(now)
    return now.data?.Price
  })
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** What is older is not looked at. */
function insist({ stale }: LiveState<unknown>): void {
  if (stale) throw new Told('STALE', `what is shown is older than ${FRESH_SECONDS} s`)
}

const priced = (ids: readonly bigint[]) => async (client: ShopClient) => {
  const shown = []
  for (const id of ids) shown.push((await proven(client.listing(id))).data?.Price)
  return shown
}

async function insistingOnAll(client: ShopClient): Promise<unknown> {
  const live = client.listings()
  insist(await proven(live))
  return live.get().data!.length
}

async function insisting(client: ShopClient): Promise<unknown> {
  const live = client.listing(STONE)
  insist(await proven(live))
  return live.get().data?.Price
}

/** Keeps what is held, comes back, and is shown what was kept before the relay says a word. */
const kept =
  (more: (stage: Stage) => Connecting, look: (client: ShopClient) => Promise<unknown>) =>
  async (stage: Stage, sdk: Sdk) => {
    const store = memory()
    const options: Connecting = { store, ...more(stage) }
    await withClient(stage, sdk, options, look)
    if (store.bytes === undefined) throw new Told('NOT_KEPT', 'nothing was kept')
    store.bytes = stage.tampered(store.bytes)
    stage.turned = true
    let notice: string | undefined
    const onNotice = (text: string) => (notice ??= text)
    return withClient(stage, sdk, { ...options, onNotice }, async (client) => {
      if (notice?.startsWith('what was kept is not used')) throw new Told('NOTICE', notice)
      return look(client)
    })
  }

const EARLIER = addressOf(publicKeyOf(EARLIER_SECRET))
const priceNow = async (client: ShopClient) => (await proven(client.listing(STONE))).data?.Price
const ordersNow = async (client: ShopClient) => (await proven(client.orders.all())).data!.map(({ ID }) => ID)

function memory(): ReplicaStore & { bytes: Uint8Array | undefined } {
  const store = {
    bytes: undefined as Uint8Array | undefined,
    load: async () => store.bytes,
    save: async (bytes: Uint8Array) => void (store.bytes = bytes),
  }
  return store
}

/** Years later, from the file and the relay's address. */
async function readsReceipt(stage: Stage, sdk: Sdk, lie?: LieRow): Promise<unknown> {
  const { bytes, trust, expected } = (lie?.receipt ?? shownReceipt)(stage)
  const { orderId, order, total } = sdk.verifyReceipt(bytes, trust, expected)
  return [orderId, order.State, total?.asked, total?.kind]
}

/** Not offline: with a chain that has what the file names. */
async function looksForAnchor(stage: Stage, sdk: Sdk): Promise<unknown> {
  const { bytes, trust, expected, chain } = anchoredReceipt(stage)
  const { Contract: contract, Tx: tx, Checkpoint } = decodeReceipt(bytes).Anchor!
  const query = { contract, tx, shopId: stage.shop, digest: checkpointDigest(Checkpoint[0]), depth: 2n }
  const report = sdk.reportWithAnchor(sdk.receiptReport(bytes, trust, expected), await sdk.findAnchorCall(chain, query))
  if (report.outcome !== 'matches') throw new Told(report.outcome, report.reason!)
  return report.receipt!.anchor!.status
}

/** With the tools of other logs, and with the relay's checkpoints. */
async function readsNotes(stage: Stage, sdk: Sdk, lie?: LieRow): Promise<unknown> {
  const { bindings, notes, checkpoint, statements } = (lie?.notes ?? shownNotes)(stage)
  const relays = [stage.relay.address]
  const [binding, other = binding] = bindings.map((signed) => sdk.verifyBinding(signed, relays))
  const [note, second = note] = notes.map((text) => sdk.verifyNote(text, binding!))
  const judged = [
    sdk.evidenceOfTwoBindings(binding!, other!),
    sdk.evidenceOfTwoNotes(note!, second!),
    sdk.evidenceOfTwoTrees(note!, sdk.verifyCheckpoint(checkpoint, relays), statements),
  ]
  for (const one of judged) if (one.outcome === 'evidence') throw new Told(`EVIDENCE/${one.kind}`, one.message)
  return note!.size
}

export const SESSIONS = {
  'a subscription to one listing': { run: listing(STONE), honest: [NEW_PRICE] },
  'a subscription to two listings, one not there': { run: listing(STONE, NOTHING), honest: [NEW_PRICE, undefined] },
  'all that is public': {
    run: shop,
    honest: [
      [STONE, NEW_PRICE],
      [FEATHER, 100n],
      [1_003n, 100n],
    ],
  },
  'a newcomer to one listing': {
    run: once({ only: [{ listing: STONE }] }, async (client) => (await proven(client.listing(STONE))).data?.Price),
    honest: 100n,
  },
  'a newcomer who knows the key of before': {
    run: once({ relay: EARLIER, only: [{ listing: STONE }] }, priceNow),
    honest: 100n,
  },
  'a newcomer who knows the chain': {
    run: async (stage, sdk) =>
      withClient(stage, sdk, { relay: { chain: await chainOf(stage) }, only: [{ listing: STONE }] }, priceNow),
    honest: 100n,
  },
  'an anchored receipt and the chain': { run: looksForAnchor, honest: 'anchored' },
  'a newcomer to all that is public': {
    run: once({}, async (client) => (await proven(client.listings())).data!.map(({ ID }) => ID)),
    honest: [STONE, FEATHER, 1_003n],
  },
  'a newcomer to a listing and a tag': {
    run: once({ only: [{ listing: STONE }, { tag: 'round' }] }, async (client) => [
      (await proven(client.listing(STONE))).data?.Price,
      (await proven(client.tag('round'))).data?.ListingIDs,
    ]),
    honest: [100n, [STONE]],
  },
  'a newcomer to two listings': {
    run: once({ only: TWINS.map((id) => ({ listing: id })) }, priced(TWINS)),
    honest: [100n, 100n],
  },
  'a newcomer to a listing and its neighbour': {
    run: once({ only: [{ listing: STONE }, { listing: NEIGHBOUR }] }, priced([STONE, NEIGHBOUR])),
    honest: [100n, undefined],
  },
  'a guest who comes back': { run: ordersOnce('guest'), honest: [...MINE] },
  'a newcomer who insists on new proofs': { run: once({ only: [{ listing: STONE }] }, insisting), honest: 100n },
  'a newcomer to all who insists on new proofs': { run: once({}, insistingOnAll), honest: 3 },
  'a clerk with the whole shop': { run: staff, honest: [[...MINE, 73n, 81n], 50n] },
  'a clerk who looks at the orders': { run: ordersOnce('clerk'), honest: [...MINE, 81n] },
  'a guest’s orders': { run: guest, honest: [...MINE, 73n] },
  'an own write': { run: write, honest: [true, NEW_PRICE] },
  compare: { run: compare, honest: 'same' },
  'compare with an earlier one': { run: compareEarlier, honest: 'consistent' },
  'a checkpoint over HTTP': { run: overHttp, honest: 'same' },
  'a lost connection': { run: again, honest: NEW_PRICE },
  'somebody who insists on new proofs': { run: news(insist), honest: NEW_PRICE },
  'somebody who insists while the shop goes on': { run: goesOn, honest: NEW_PRICE },
  'somebody who waits for news': { run: news(() => undefined), honest: NEW_PRICE },
  'a replica that was kept': { run: kept(() => ({ only: [{ listing: STONE }] }), priceNow), honest: 100n },
  'a guest’s replica that was kept': {
    run: kept(({ secrets }) => ({ key: secrets.guest }), ordersNow),
    honest: [...MINE],
  },
  'an order receipt': { run: readsReceipt, honest: [500n, 6n, 200n, 'recomputed'] },
  'a note beside a checkpoint': { run: readsNotes, honest: 9n },
  'somebody who checks by hand': {
    run: async (stage, sdk, lie) => (lie?.byHand ?? checkedByHand)(stage, sdk),
    honest: undefined,
  },
} as const satisfies Record<string, Session>

export type SessionName = keyof typeof SESSIONS
