import { expect, test } from 'vitest'
import { standingOf, type Seen } from '../../web/storefront/order-state.js'

const NOW = 1_000n
const order = (State: bigint, more: object = {}) => ({ ID: 1n, State, Items: [], ...more }) as never
const due = (TTL: bigint) => ({ PaymentDetails: { TTL } })
const paid = { TxDetails: { BlockHash: new Uint8Array(32) } }

test.each<[what: string, order: never, seen: Partial<Seen>, name: string, isPayable: boolean, text: RegExp]>([
  ['waits to be sent', order(3n), { isPending: true }, 'Pending', false, /sent once/u],
  ['is committed', order(3n), {}, 'Placed', true, /choose how to pay/u],
  ['is being priced', order(4n), {}, 'Being priced', false, /works out/u],
  ['is unpaid', order(5n, due(NOW + 9n)), {}, 'To be paid', true, /whole amount in time/u],
  ['is unpaid, and paid from here', order(5n, due(NOW + 9n)), { isSent: true }, 'Sent', false, /on its way/u],
  ['can no longer be paid', order(5n, due(NOW)), {}, 'Too late', false, /pay nothing/u],
  ['was paid in part', order(5n, due(NOW + 9n)), { odd: 'partial' }, 'Paid in part', false, /send the rest/u],
  ['was paid in part, too late', order(5n, due(NOW)), { odd: 'partial' }, 'Paid in part', false, /send nothing more/u],
  ['is paid', order(6n, paid), {}, 'Paid', false, /Keep the receipt/u],
  ['is paid twice', order(6n, paid), { odd: 'extra' }, 'Paid twice', false, /second one back/u],
  ['is paid too much', order(6n, paid), { odd: 'over' }, 'Paid too much', false, /the difference/u],
  ['has expired', order(2n, { CanceledAt: {} }), {}, 'Canceled', false, /canceled or has expired/u],
  ['was paid when it had ended', order(2n, { CanceledAt: {}, ...paid }), {}, 'Paid too late', false, /money back/u],
  ['is being canceled', order(5n, { CanceledAt: {}, ...due(NOW + 9n) }), {}, 'Canceled', false, /do not pay/u],
])('an order that %s', (_what, given, seen, name, isPayable, text) => {
  const standing = standingOf(given, { now: NOW, isPending: false, ...seen })
  expect(standing).toMatchObject({ name, isPayable })
  expect(standing.text).toMatch(text)
})

test.each<[what: string, ttl: bigint, isRestDue: boolean]>([
  ['in time', NOW + 1n, true],
  ['too late', NOW, false],
])('the rest of a payment is asked for %s', (_what, ttl, isRestDue) => {
  const standing = standingOf(order(5n, due(ttl)), { now: NOW, isPending: false, odd: 'partial' })
  expect(standing.isRestDue).toBe(isRestDue)
})
