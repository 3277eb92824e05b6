/**
 * The outbox by itself, against a dumb relay: whatever happens between, each write that was kept is taken once and in
 * order, or refused and told.
 */

import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { toHex } from '../../src/bytes/hex.js'
import { ClientError, type ClientErrorCode } from '../../src/client/client-error.js'
import { readOutbox } from '../../src/client/kept-outbox.js'
import { Outbox, type OutboxHost, type SentWrite, type WriteLink } from '../../src/client/outbox.js'
import { encodeChange } from '../../src/patches/patch.js'
import { readPatchSet, signPatches } from '../../src/patches/patch-set.js'
import type { WriteRequest } from '../../src/wire/messages.js'
import { encodeWriteAnswer } from '../../src/wire/proof-payloads.js'
import { quietHost } from '../fixtures/outbox-host.js'

const KEY = new Uint8Array(32).fill(3)

/** Takes each set once, in the order of nonces, unless its tag begins with "bad". */
class DumbRelay {
  readonly taken: string[] = []
  private readonly answers = new Map<string, Uint8Array>()
  private lastNonce = 0n
  isUnavailable = false
  /** What becomes of the next write's connection. */
  loses: 'nothing' | 'request' | 'answer' = 'nothing'

  request(link: FakeLink, { patchSet }: WriteRequest): Promise<Uint8Array> {
    if (link.isLost) return Promise.reject(new ClientError('DISCONNECTED', 'lost before'))
    const { loses } = this
    if (loses !== 'nothing') {
      this.loses = 'nothing'
      link.isLost = true
    }
    const lost = new ClientError('OUTCOME_UNKNOWN', 'lost')
    if (loses === 'request') return Promise.reject(lost)
    const outcome = this.outcome(patchSet)
    if (loses === 'answer') return Promise.reject(lost)
    return outcome instanceof ClientError ? Promise.reject(outcome) : Promise.resolve(outcome)
  }

  private outcome(patchSet: Uint8Array): Uint8Array | ClientError {
    if (this.isUnavailable) return new ClientError('UNAVAILABLE', 'not now')
    const bytes = toHex(patchSet)
    const first = this.answers.get(bytes)
    if (first !== undefined) return first
    const { header, patches } = readPatchSet(patchSet)
    const name = String(patches[0]!.path[1])
    if (header.KeyCardNonce <= this.lastNonce) return new ClientError('INVALID', 'the nonce does not rise')
    if (name.startsWith('bad')) return new ClientError('CONFLICT', `${name} is refused`)
    this.lastNonce = header.KeyCardNonce
    this.taken.push(name)
    const digest = new Uint8Array(32)
    const answer = encodeWriteAnswer({ Seq: BigInt(this.taken.length), StateRoot: digest, StateHash: digest })
    this.answers.set(bytes, answer)
    return answer
  }
}

class FakeLink implements WriteLink {
  readonly version = 5
  isLost = false
  private readonly relay: DumbRelay

  constructor(relay: DumbRelay) {
    this.relay = relay
  }

  request(request: WriteRequest): Promise<Uint8Array> {
    return this.relay.request(this, request)
  }
}

/** Bytes that are there once a save has taken some turns of the event loop. */
class SlowStore {
  bytes: Uint8Array | undefined
  readonly everKept = new Set<string>()
  turns = 2
  /** What is not saved by then is lost with its client. */
  life = 0

  of(life: number) {
    return {
      load: () => Promise.resolve(this.bytes),
      save: async (bytes: Uint8Array) => {
        for (let i = 0; i < this.turns; i++) await Promise.resolve()
        if (life !== this.life) return new Promise<void>(() => undefined)
        this.bytes = bytes
        for (const { patches } of readOutbox(bytes).writes) this.everKept.add(toHex(patches[0]!))
        return undefined
      },
    }
  }
}

class Device {
  readonly relay: DumbRelay
  readonly store: SlowStore
  readonly made: string[] = []
  link: FakeLink | undefined
  outbox: Outbox
  isHolder = false
  others: () => readonly Device[] = () => []

  constructor(relay: DumbRelay, store: SlowStore) {
    this.relay = relay
    this.store = store
    this.outbox = this.make()
  }

  private make(): Outbox {
    const host: OutboxHost = {
      link: () => (this.link?.isLost === true || !this.isHolder ? undefined : this.link),
      sign: (patches, nonce) => {
        const { headerBytes: header, signature } = signPatches({ shopId: 1n, nonce, timestamp: 1n, patches }, KEY)
        return { header, signature }
      },
      now: () => 1_000,
      changed: () => undefined,
      notice: () => undefined,
      cartChanged: () => undefined,
      kept: () => undefined,
      alone: (save) => save(),
      left: () => undefined,
      settled: (id: bigint, outcome: SentWrite | ClientError) => {
        for (const other of this.others()) other.outbox.settle(id, outcome)
      },
    }
    return new Outbox(this.store.of(this.store.life), 'shop 1', host)
  }

  write(name: string): void {
    this.made.push(name)
    void this.outbox.add([patchOf(name)], undefined).catch(() => undefined)
  }

  online(): void {
    if (this.link?.isLost === false) return
    this.link = new FakeLink(this.relay)
    this.outbox.run()
  }

  offline(): void {
    if (this.link !== undefined) this.link.isLost = true
  }

  async hold(): Promise<void> {
    this.isHolder = true
    await this.outbox.hold()
    this.outbox.run()
  }

  async release(): Promise<void> {
    this.isHolder = false
    this.offline()
    await this.outbox.release()
  }

  async reload(): Promise<void> {
    this.store.life++
    this.offline()
    this.outbox.close()
    this.outbox = this.make()
    await this.hold()
  }
}

const patchOf = (name: string) => encodeChange({ op: 'add', path: ['Tags', name], value: new Map([['Name', name]]) })
const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await Promise.resolve()
}

const step = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('good', 'good', 'bad') },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      'online',
      'offline',
      'reload',
      'lose request',
      'lose answer',
      'unavailable',
      'available',
    ),
  },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 12 }) },
)

async function act(device: Device, what: string | number, number: number): Promise<void> {
  const { relay } = device
  if (typeof what === 'number') return turns(what)
  if (what === 'good' || what === 'bad') device.write(`${what} ${number}`)
  else if (what === 'offline') device.offline()
  else if (what === 'online') device.online()
  else if (what === 'reload') await device.reload()
  else if (what === 'lose request') relay.loses = 'request'
  else if (what === 'lose answer') relay.loses = 'answer'
  else relay.isUnavailable = what === 'unavailable'
}

/** Until nothing waits: connections come back, the relay is there. */
async function settle(device: Device): Promise<void> {
  device.relay.isUnavailable = false
  device.relay.loses = 'nothing'
  device.online()
  await vi.advanceTimersByTimeAsync(60_000)
}

const inOrder = (all: readonly string[], some: readonly string[]) => all.filter((name) => some.includes(name))

describe('an outbox', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('has each write that was kept taken once and in order, or tells why not', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40, size: 'max' }),
        fc.integer({ min: 0, max: 5 }),
        async (steps, saveTurns) => {
          const device = new Device(new DumbRelay(), new SlowStore())
          device.store.turns = saveTurns
          await device.hold()
          for (const [i, what] of steps.entries()) await act(device, what, i)
          await settle(device)
          const { relay, store, made, outbox } = device
          const kept = made.filter((name) => store.everKept.has(toHex(patchOf(name))))
          const refused = outbox.get().refused.map(({ changes }) => String(changes[0]!.path[1]))
          expect(relay.taken).toEqual(inOrder(made, relay.taken))
          expect(new Set(relay.taken).size).toBe(relay.taken.length)
          expect(relay.taken).toEqual(expect.arrayContaining(kept.filter((name) => name.startsWith('good'))))
          expect(refused).toEqual(expect.arrayContaining(kept.filter((name) => name.startsWith('bad'))))
          expect([...relay.taken, ...refused]).toHaveLength(new Set([...relay.taken, ...refused]).size)
          expect(refused.filter((name) => !name.startsWith('bad'))).toEqual([])
          expect(outbox.get().pending).toEqual([])
        },
      ),
      { numRuns: 150 },
    )
  })

  it('waits for a relay that cannot take it as long as its caller does, who is told why', async () => {
    const device = new Device(new DumbRelay(), new SlowStore())
    device.relay.isUnavailable = true
    await device.hold()
    device.online()
    const [limit, late] = [new AbortController(), new Error('late')]
    const written = device.outbox.add([patchOf('good')], undefined, limit.signal).catch((error: unknown) => error)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(device.outbox.get().pending).toMatchObject([{ state: 'waiting' }])
    limit.abort(late)
    const message = 'the call was aborted; what the relay said last is UNAVAILABLE: not now'
    expect(await written).toMatchObject({ code: 'ABORTED', message, cause: late })
    expect(device.outbox.get().pending).toEqual([])
    await settle(device)
    expect(device.relay.taken).toEqual([])
  })

  it('shared by two tabs sends what each writes, once and in its order', async () => {
    const shared = fc.tuple(fc.integer({ min: 0, max: 1 }), fc.oneof(step, fc.constant('turn')))
    await fc.assert(
      fc.asyncProperty(fc.array(shared, { maxLength: 40, size: 'max' }), async (steps) => {
        const [relay, store] = [new DumbRelay(), new SlowStore()]
        const tabs = [new Device(relay, store), new Device(relay, store)] as const
        tabs[0].others = () => [tabs[1]]
        tabs[1].others = () => [tabs[0]]
        const give = async (to: Device, from: Device) => {
          await from.release()
          await to.hold()
        }
        await tabs[0].hold()
        for (const [i, [at, what]] of steps.entries()) {
          const tab = tabs[at]!
          if (what === 'turn' && !tab.isHolder) await give(tab, tabs[1 - at]!)
          else if (what !== 'reload' && what !== 'turn') await act(tab, what, i)
        }
        for (const tab of [...tabs, ...tabs]) {
          if (!tab.isHolder)
            await give(
              tab,
              tabs.find((other) => other !== tab)!,
            )
          await settle(tab)
        }
        const made = tabs.map((tab) => tab.made)
        for (const own of made)
          expect(inOrder(own, relay.taken)).toEqual(relay.taken.filter((name) => own.includes(name)))
        const good = made.flat().filter((name) => name.startsWith('good'))
        expect([...relay.taken].sort()).toEqual(good.sort())
        expect(tabs.map((tab) => tab.outbox.get().pending)).toEqual([[], []])
      }),
      { numRuns: 100 },
    )
  })
})

describe('what is kept', () => {
  it('comes back: cart, that the card was offered, what waits and what was refused', async () => {
    const store = new SlowStore()
    const outbox = new Outbox(store.of(0), 'mine', quietHost())
    await outbox.hold()
    outbox.keepCart('{"lines":[]}')
    outbox.keepCardKept()
    void outbox.add([patchOf('a')], 9n).catch(() => undefined)
    expect(outbox.get().isCartKept).toBe(false)
    await outbox.release()
    expect(outbox.get().isCartKept).toBe(true)
    const again = new Outbox(store.of(0), 'mine', quietHost())
    await again.hold()
    expect([again.cart, again.isCardKept]).toEqual(['{"lines":[]}', true])
    expect(again.get().pending).toMatchObject([{ at: 5n, state: 'waiting', changes: [{ path: ['Tags', 'a'] }] }])
    expect(readOutbox(store.bytes!).writes[0]!.ifSeq).toBe(9n)
  })

  it.each<[string, (bytes: Uint8Array) => Uint8Array, string]>([
    ['of another shop', (bytes) => bytes, 'are of another shop and not used'],
    ['cut short', (bytes) => bytes.subarray(0, -3), 'is not used'],
    ['of another version', (bytes) => bytes.with(1, 2), 'version 2'],
  ])('%s is not used, and says so', async (_what, change, said) => {
    const store = new SlowStore()
    const outbox = new Outbox(store.of(0), 'mine', quietHost())
    await outbox.hold()
    void outbox.add([patchOf('a')], undefined).catch(() => undefined)
    await outbox.release()
    store.bytes = change(store.bytes!)
    const notices: string[] = []
    const again = new Outbox(store.of(0), said.includes('another shop') ? 'yours' : 'mine', quietHost(notices))
    await again.hold()
    expect([again.get().pending, notices]).toEqual([[], [expect.stringContaining(said)]])
  })

  it('of another card of the shop, its writes are not used, and its cart goes on', async () => {
    const store = new SlowStore()
    const outbox = new Outbox(store.of(0), '1 aa 0b all', quietHost())
    await outbox.hold()
    outbox.keepCart('a cart with its checkout')
    void outbox.add([patchOf('a')], undefined).catch(() => undefined)
    await outbox.release()
    const notices: string[] = []
    const shown: string[] = []
    const other = { ...quietHost(notices), cartChanged: (text: string) => void shown.push(text) }
    const again = new Outbox(store.of(0), '1 aa 0c all', other)
    await again.hold()
    expect([again.get().pending, again.cart, shown]).toEqual([[], again.cart, ['a cart with its checkout']])
    expect(notices).toEqual([expect.stringContaining('another card')])
    again.keepCardKept()
    await again.release()
    expect(readOutbox(store.bytes!).cart).toBe('a cart with its checkout')
  })

  it('nowhere, it goes on in memory and says so once', async () => {
    const notices: string[] = []
    const broken = {
      load: () => Promise.reject(new Error('private')),
      save: () => Promise.reject(new Error('private')),
    }
    const outbox = new Outbox(broken, 'mine', quietHost(notices))
    await outbox.hold()
    outbox.keepCart('a')
    outbox.keepCart('b')
    await outbox.release()
    expect(outbox.cart).toBe('b')
    expect(notices).toEqual([
      'cart and writes are in memory alone, and not kept: what was kept cannot be read: private',
    ])
  })

  it('where it cannot be read for once, what was kept is not overwritten', async () => {
    const store = new SlowStore()
    const outbox = new Outbox(store.of(0), 'mine', quietHost())
    await outbox.hold()
    void outbox.add([patchOf('a')], undefined).catch(() => undefined)
    await outbox.release()
    const [kept, slow] = [store.bytes, store.of(0)]
    let isBroken = true
    const load = () => (isBroken ? Promise.reject(new Error('busy')) : slow.load())
    const again = new Outbox({ ...slow, load }, 'mine', quietHost())
    await again.hold()
    again.keepCart('b')
    await again.release()
    expect(store.bytes).toBe(kept)
    isBroken = false
    await again.hold()
    expect(again.get().pending).toMatchObject([{ changes: [{ path: ['Tags', 'a'] }] }])
    again.keepCart('c')
    await again.release()
    expect(readOutbox(store.bytes!)).toMatchObject({ cart: 'c', writes: [{}] })
  })

  it('a tab whose turn goes while it still reads holds nothing', async () => {
    const store = new SlowStore()
    const slow = store.of(0)
    let read = () => {}
    const load = () => new Promise<undefined>((resolve) => (read = () => resolve(undefined)))
    const outbox = new Outbox({ ...slow, load }, 'mine', quietHost())
    const holding = outbox.hold()
    await outbox.release()
    read()
    await holding
    outbox.keepCart('b')
    await outbox.release()
    expect([outbox.isHeld, store.bytes]).toEqual([false, undefined])
  })

  it('a cart that changes while nobody keeps, or while the next tab still reads, is the one that is kept', async () => {
    const store = new SlowStore()
    const first = new Outbox(store.of(0), 'mine', quietHost())
    first.keepCart('chosen before the first turn')
    await first.hold()
    await first.release()
    expect(readOutbox(store.bytes!).cart).toBe('chosen before the first turn')
    const next = new Outbox(store.of(0), 'mine', quietHost())
    const holding = next.hold()
    first.keepCart('emptied')
    next.takeCart('emptied')
    await holding
    await next.release()
    expect([next.cart, readOutbox(store.bytes!).cart]).toEqual(['emptied', 'emptied'])
    // Heard by nobody who keeps.
    first.keepCart('changed again')
    await first.hold()
    await first.release()
    expect(readOutbox(store.bytes!).cart).toBe('changed again')
  })

  it('a refusal that is dismissed where another tab keeps the list stays dismissed', async () => {
    const store = new SlowStore()
    const link: WriteLink = { version: 5, request: () => Promise.reject(new ClientError('CONFLICT', 'no')) }
    const holder = new Outbox(store.of(0), 'mine', { ...quietHost(), link: () => link })
    await holder.hold()
    await expect(holder.add([patchOf('bad')], undefined)).rejects.toMatchObject({ code: 'CONFLICT' })
    const { id } = holder.get().refused[0]!
    const other = new Outbox(store.of(0), 'mine', quietHost())
    await other.load()
    other.dismiss(id)
    await other.load()
    expect(other.get().refused).toEqual([])
    await holder.release()
    await other.hold()
    await other.release()
    expect(readOutbox(store.bytes!).refused).toEqual([])
  })

  it('of two cards at one place each finds what it did not send, and sends no other', async () => {
    const store = new SlowStore()
    const pendingOf = (outbox: Outbox) => outbox.get().pending.map(({ changes }) => changes[0]!.path[1])
    const opened = async (card: string) => {
      const outbox = new Outbox(store.of(0), `1 aa ${card} all`, quietHost())
      await outbox.hold()
      return outbox
    }
    for (const card of ['0b', '0c', '0d']) {
      const outbox = await opened(card)
      expect(pendingOf(outbox)).toEqual([])
      void outbox.add([patchOf(`of ${card}`)], undefined).catch(() => undefined)
      outbox.keepCart(`the cart of ${card}`)
      await outbox.release()
    }
    for (const card of ['0b', '0c', '0d', '0b']) {
      const outbox = await opened(card)
      expect([pendingOf(outbox), outbox.cart]).toEqual([[`of ${card}`], 'the cart of 0d'])
      outbox.keepCardKept()
      await outbox.release()
    }
    expect(readOutbox(store.bytes!).others).toHaveLength(2)
  })

  it('a write that cannot be kept as it was signed, and was never sent, is taken back', async () => {
    vi.useFakeTimers()
    const store = new SlowStore()
    const slow = store.of(0)
    let isFull = false
    const sent: unknown[] = []
    const link: WriteLink = { version: 5, request: (request) => (sent.push(request), new Promise(() => undefined)) }
    let isOnline = false
    const save = (bytes: Uint8Array) => (isFull ? Promise.reject(new Error('full')) : slow.save(bytes))
    const outbox = new Outbox({ ...slow, save }, 'mine', { ...quietHost(), link: () => (isOnline ? link : undefined) })
    await outbox.hold()
    const stop = new AbortController()
    const made = outbox.add([patchOf('a')], undefined, stop.signal).catch((error: ClientError) => error.code)
    await vi.advanceTimersByTimeAsync(1)
    ;[isFull, isOnline] = [true, true]
    outbox.run()
    await vi.advanceTimersByTimeAsync(1)
    stop.abort()
    expect([await made, outbox.get().pending]).toEqual(['ABORTED', []])
    isFull = false
    await vi.advanceTimersByTimeAsync(60_000)
    outbox.keepCart('b')
    await outbox.release()
    expect([sent, readOutbox(store.bytes!).writes]).toEqual([[], []])
    vi.useRealTimers()
  })

  it('unsigned, a write is not sent before it is kept as it was signed', async () => {
    vi.useFakeTimers()
    const store = new SlowStore()
    const slow = store.of(0)
    let isFull = false
    const full = () => Promise.reject(new Error('full'))
    const sent: string[] = []
    const link: WriteLink = {
      version: 5,
      request: ({ patchSet }) => {
        sent.push(toHex(patchSet))
        return Promise.reject(new ClientError('OUTCOME_UNKNOWN', 'lost'))
      },
    }
    let isOnline = false
    const notices: string[] = []
    const made = () => {
      const link_ = () => (isOnline ? link : undefined)
      const sign = (patches: readonly Uint8Array[], nonce: bigint) => {
        const { headerBytes: header, signature } = signPatches({ shopId: 1n, nonce, timestamp: 1n, patches }, KEY)
        return { header, signature }
      }
      const save = (bytes: Uint8Array) => (isFull ? full() : slow.save(bytes))
      return new Outbox({ ...slow, save }, 'mine', { ...quietHost(notices), link: link_, sign })
    }
    const outbox = made()
    await outbox.hold()
    void outbox.add([patchOf('a')], undefined).catch(() => undefined)
    await vi.advanceTimersByTimeAsync(10)
    ;[isFull, isOnline] = [true, true]
    outbox.run()
    await vi.advanceTimersByTimeAsync(100_000)
    expect([sent, notices.some((text) => text.includes('cannot be kept as it was signed'))]).toEqual([[], true])
    isFull = false
    await vi.advanceTimersByTimeAsync(100_000)
    outbox.close()
    await outbox.release()
    const again = made()
    await again.hold()
    again.run()
    await vi.advanceTimersByTimeAsync(10)
    expect([sent.length, new Set(sent).size]).toEqual([2, 1])
    again.close()
    vi.useRealTimers()
  })

  it('a write that may be there, refused by a relay that has not looked, is of unknown outcome', async () => {
    const answers: ClientErrorCode[] = ['OUTCOME_UNKNOWN', 'UNLINKED_KEYCARD']
    const link: WriteLink = {
      version: 5,
      request: () => Promise.reject(new ClientError(answers.shift()!, 'as it says')),
    }
    const outbox = new Outbox(new SlowStore().of(0), 'mine', { ...quietHost(), link: () => link })
    await outbox.hold()
    const written = outbox.add([patchOf('a')], undefined)
    await vi.waitFor(() => expect(answers).toHaveLength(1))
    outbox.run()
    await expect(written).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
    expect(outbox.get().refused).toMatchObject([{ code: 'OUTCOME_UNKNOWN' }])
  })

  it('a write that is aborted after its tab gave its turn away may be sent by the next one: it stays', async () => {
    const outbox = new Outbox(new SlowStore().of(0), 'mine', quietHost())
    await outbox.hold()
    const stop = new AbortController()
    const write = outbox.add([patchOf('a')], undefined, stop.signal)
    await outbox.release()
    stop.abort()
    await expect(write).rejects.toMatchObject({ code: 'ABORTED' })
    expect(outbox.get().pending).toHaveLength(1)
  })

  it('a write that is aborted before it is sent leaves', async () => {
    const outbox = new Outbox(new SlowStore().of(0), 'mine', quietHost())
    await outbox.hold()
    const stop = new AbortController()
    const write = outbox.add([patchOf('a')], undefined, stop.signal)
    stop.abort()
    await expect(write).rejects.toMatchObject({ code: 'ABORTED' })
    expect(outbox.get().pending).toEqual([])
  })
})
