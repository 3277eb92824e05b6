/** Hostile sessions of version 5 while a good one works: whatever is asked, it is answered, and nobody is harmed. */

import * as fc from 'fast-check'
import { privateKeyToAccount } from 'viem/accounts'
import { describe, expect, it } from 'vitest'
import { be64, toBigEndian } from '../../src/bytes/bytes.js'
import { fromHex } from '../../src/bytes/hex.js'
import { REQUESTS_IN_FLIGHT_MAX, STATE_PROOF_OBJECTS_MAX } from '../../src/limits.js'
import { ErrorCode } from '../../src/wire/error-code.js'
import type { Message } from '../../src/wire/messages.js'
import { encodeStateQuestion } from '../../src/wire/snapshot-payloads.js'
import { message4, message5 } from '../fixtures/messages.arbitrary.js'
import { ProvenShop, shopId } from '../fixtures/proven-shop.js'
import { listing, SHOP, type Refused } from '../fixtures/relay-harness.js'

const asked = (count: number): Message => ({
  kind: 'stateProof',
  shopId,
  objects: Array.from({ length: count }, (_, i) => encodeStateQuestion(['Listings', be64(BigInt(i))])),
  myOrders: false,
})

describe.each([
  ['uWebSockets.js', false],
  ['ws', true],
])('on %s', (_transport, ws) => {
  it('any messages with any fields are answered, with a payload or a reason', async () => {
    const shop = await ProvenShop.make({ ws })
    const owner = await shop.open(shop.owner)
    await owner.write(shop.owner, [listing(1n)])
    await shop.covered(owner)
    const requests = fc.oneof(message4, message5).filter(({ kind }) => kind !== 'response')
    const named = requests.map((message): Message => ('shopId' in message ? { ...message, shopId } : message))
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(requests, named), { maxLength: 12 }), async (messages) => {
        const wire = await shop.open(shop.clerk)
        for (const answer of await Promise.all(messages.map((message) => wire.ask(message))))
          if (!(answer instanceof Uint8Array)) {
            expect(answer.code).toBeGreaterThan(0)
            expect(answer.message).not.toBe('')
          }
        expect(wire.closed).toBeUndefined()
        await wire.close()
      }),
      { numRuns: 60 },
    )
    expect(shop.running.bugs).toEqual([])
    await shop.dispose()
  })

  it('who asks for all that he may at once keeps nobody waiting', async () => {
    const shop = await ProvenShop.make({ ws })
    const owner = await shop.open(shop.owner)
    for (let id = 1n; id < 300n; id += 50n)
      await owner.write(
        shop.owner,
        Array.from({ length: 50 }, (_, i) => listing(id + BigInt(i))),
      )
    await shop.covered(owner)
    const greedy = await Promise.all(Array.from({ length: 4 }, () => shop.open()))
    const pending = greedy.flatMap((wire) =>
      Array.from({ length: REQUESTS_IN_FLIGHT_MAX + 50 }, () => wire.ask(asked(STATE_PROOF_OBJECTS_MAX))),
    )
    const settled = Promise.allSettled(pending)
    const latencies: number[] = []
    for (let i = 0n; i < 20n; i++) {
      const started = performance.now()
      expect(await owner.write(shop.owner, [listing(1_000n + i)])).toBeInstanceOf(Uint8Array)
      latencies.push(performance.now() - started)
    }
    expect(Math.max(...latencies)).toBeLessThan(20_000)
    for (const wire of greedy) wire.socket.terminate()
    const outcomes = await settled
    // Those that were one too many wait behind the others for their answers.
    const answers = outcomes.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    expect(answers.filter((answer) => !(answer instanceof Uint8Array))).toEqual([])
    expect(answers.length).toBeGreaterThan(0)
    expect(shop.running.bugs).toEqual([])
    await shop.dispose()
  })

  it('a card that is removed while it is proven something gets nothing more', async () => {
    const shop = await ProvenShop.make({ ws })
    const owner = await shop.open(shop.owner)
    await owner.write(shop.owner, [listing(1n)])
    await shop.covered(owner)
    const clerk = await shop.open(shop.clerk)
    const pending = Array.from({ length: 50 }, () => clerk.ask(asked(20)).catch((error: unknown) => error))
    await owner.write(shop.owner, [
      {
        op: 'remove',
        path: [
          'Accounts',
          fromHex(
            privateKeyToAccount(`0x${'77'.repeat(32)}`)
              .address.slice(2)
              .toLowerCase(),
          ),
          'KeyCards',
          0n,
        ],
      },
    ])
    await clerk.until(() => clerk.closed !== undefined)
    expect(clerk.closed!.code).toBe(1008)
    const answers = (await Promise.all(pending)) as (Uint8Array | Refused | Error)[]
    for (const answer of answers) if ('code' in answer) expect(answer.code).toBe(ErrorCode.UNLINKED_KEYCARD)
    expect(shop.running.bugs).toEqual([])
    await shop.dispose()
  })

  it('a shop that is not there, and one that is made now', async () => {
    const shop = await ProvenShop.make({ ws })
    const wire = await shop.open()
    const other = toBigEndian(SHOP + 1n, 32)
    expect(await wire.ask({ kind: 'checkpoint', shopId: other })).toMatchObject({ code: ErrorCode.NOT_FOUND })
    expect(shop.running.bugs).toEqual([])
    await shop.dispose()
  })
})
