/** Numbers that must not mix do not: what is said here is checked by the compiler (`npm run check`). */

import { expectTypeOf, test } from 'vitest'
import type { Amount, ChainId, ListingId, OrderId, Seconds, Seq, ShopId } from '../src/brands.js'
import type { ChainAddress } from '../src/objects/scalars.js'
import type { Order, PaymentDetails } from '../src/objects/order.js'
import type { orderIn } from '../src/state/held-object.js'
import type { Writer } from '../src/relay/write/writer.js'
import type { LogRecord } from '../src/store/store.js'

test('one name is refused where another is wanted', () => {
  expectTypeOf<ShopId>().not.toExtend<OrderId>()
  expectTypeOf<OrderId>().not.toExtend<ListingId>()
  expectTypeOf<ListingId>().not.toExtend<ChainId>()
  expectTypeOf<ChainId>().not.toExtend<Seconds>()
  expectTypeOf<Seconds>().not.toExtend<Amount>()
  expectTypeOf<Amount>().not.toExtend<ShopId>()
  expectTypeOf<Seq>().not.toExtend<bigint>()
})

test('a plain number fits each of them, and each of them is a number', () => {
  expectTypeOf<bigint>().toExtend<ShopId>()
  expectTypeOf<Amount>().toExtend<bigint>()
  expectTypeOf<number>().toExtend<Seq>()
})

test('they have their names from where they come in', () => {
  expectTypeOf<Order['ID']>().toEqualTypeOf<OrderId>()
  expectTypeOf<ChainAddress['ChainID']>().toEqualTypeOf<ChainId>()
  expectTypeOf<PaymentDetails['Total']>().toEqualTypeOf<Amount>()
  expectTypeOf<PaymentDetails['TTL']>().toEqualTypeOf<Seconds>()
  expectTypeOf<LogRecord['seq']>().toEqualTypeOf<Seq>()
})

test('and keep them where they are used', () => {
  expectTypeOf<Parameters<typeof orderIn>[1]>().toEqualTypeOf<OrderId>()
  expectTypeOf<Parameters<Writer['shop']>[0]>().toEqualTypeOf<ShopId>()
})
