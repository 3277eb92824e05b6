/** What is shown of an object that was proven by itself while a snapshot streams. */

import { expect, test } from 'vitest'
import { be64 } from '../../src/bytes/bytes.js'
import { ProvenShop } from '../../src/client/proven-shop.js'
import { Replica } from '../../src/client/replica.js'
import { encode } from '../../src/codec/encode.js'
import type { StateQuestion } from '../../src/merkle/state-proof.js'
import { Listing } from '../../src/objects/listing.js'
import type { VerifiedCheckpoint } from '../../src/proofs/checkpoint.js'
import { HeldObjects } from '../../src/proofs/held-objects.js'

const question: StateQuestion = ['Listings', be64(1n)]
const fields = { Seq: 9n, StateRoot: new Uint8Array(32), Timestamp: { seconds: 5n } }
const checkpoint = { fields, digest: new Uint8Array(32) } as unknown as VerifiedCheckpoint

function priced(Price: bigint) {
  const listing: Listing = { ID: 1n, Price, Metadata: { Title: 'Axe', Description: 'x' }, ViewState: 1n }
  return { value: encode(Listing.write(listing)) }
}

test.each([
  ['another value', priced(7n), 7n],
  ['absence', undefined, undefined],
])('%s that is proven is shown in the place of what is held and is not', (_what, proven, price) => {
  const replica = new Replica(1n, [new Uint8Array(20)])
  const held = new HeldObjects()
  held.put({ question, object: priced(1n) }, 3n)
  replica.begin(held, true)
  const shop = new ProvenShop(replica, { shopId: 1n, relay: { keys: [], identity: undefined }, card: undefined }, [])
  expect(shop.value('Listings/1')).toMatchObject({ Price: 1n })
  Object.assign(shop, { begun: { checkpoint } })
  expect(shop.takeEarly(checkpoint, new Map([[question, proven]]))).toEqual(['Listings/1'])
  expect(shop.standing('Listings/1')).toMatchObject({ complete: true, verified: { seq: 9n } })
  expect((shop.value('Listings/1') as Listing | undefined)?.Price).toBe(price)
})
