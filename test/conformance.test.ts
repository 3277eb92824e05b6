/**
 * Where the protocol's list of deliberate differences (§14) and its limits (§15) are pinned: for each sentence the tests that
 * fail on the bug it describes, or that stand on both sides of the limit. A test that was renamed or removed is missed here.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

type Row = readonly [sentence: string, ...tests: readonly (readonly [file: string, title: string])[]]

const DIFFERENCES: readonly Row[] = [
  [
    'malformed patches',
    ['e2e/hostile.test.ts', 'do not disturb a good one'],
    ['state/patch-set.test.ts', 'its neighbours are'],
    ['codec/decode.test.ts', 'throws nothing but CborError on arbitrary bytes'],
  ],
  [
    'ping and sync sent by clients',
    ['e2e/sessions.test.ts', 'answers pings, refuses requests that clients do not make, and stays'],
  ],
  [
    'an error answered to a push',
    ['e2e/subscriptions.test.ts', 'end by an error answered to a push, and only they'],
    ['e2e/existing-clients.test.ts', 'ends a subscription by an error to its push, whatever the code'],
  ],
  [
    'an order filter with an id by a guest',
    ['e2e/subscriptions.test.ts', 'a foreign order by a guest'],
    ['e2e/subscriptions.test.ts', 'accept what stands beside that'],
  ],
  ['selling 24 pieces and more', ['e2e/payments.test.ts', '[24n, 255n, 256n, 65_536n]']],
  ['a missing price modifier', ['state/pricing.test.ts', 'agree, all 150']],
  ['a repeated registerUser', ['e2e/registry.test.ts', 'adds who was registered, once, and removes who was removed']],
  [
    'a region added after regions were null',
    ['state/operations.test.ts', 'a region is added after regions were null, a payee after payees were'],
  ],
  ['a restart with more than 255 shops', ['e2e/limits.test.ts', '300 shops survive a restart']],
  [
    'a state hash that goes stale on updates',
    ['merkle/hamt.test.ts', 'has the digest of a recomputation after every step'],
    ['state/random.test.ts', 'random patches leave the shop that is computed from nothing'],
  ],
  ['a listing under another id’s key', ['state/operations.test.ts', 'ID']],
  [
    'a guest who sets his order to Paid or deletes a committed one',
    ['state/rights.test.ts', 'a guest may not set Paid, nor remove what is committed'],
  ],
  [
    'a removed clerk keeps access',
    ['e2e/registry.test.ts', 'his session gets the last set, then 1008; his next write is refused'],
    ['e2e/subscriptions.test.ts', 'a removed card’s session gets its last set, then answers, then 1008'],
  ],
  [
    'a clerk of one shop reads another’s orders',
    ['e2e/limits.test.ts', 'the owner of one shop is a visitor of every other one'],
  ],
  [
    'a card locked by whoever knows its public key',
    ['e2e/sessions.test.ts', 'the first of two that hold challenges for one card wins'],
  ],
  [
    'header shop id and time unchecked',
    ['e2e/limits.test.ts', 'five minutes ahead, not a second more'],
    ['state/patch-set.test.ts', 'a time is from the future more than five minutes ahead'],
  ],
  [
    'totals that depend on map order',
    ['state/pricing.test.ts', 'equal a naive second implementation, in whatever order maps and variations come'],
  ],
  [
    'reservations never released',
    ['state/orders.test.ts', 'begin at commit and end with State 2, CanceledAt or Paid'],
    ['e2e/chain-faults.test.ts', 'an order whose payment was never made expires, and what comes then is late'],
  ],
  [
    'missed logs never replayed',
    ['e2e/chain-faults.test.ts', 'is caught up with, once'],
    ['e2e/kill.test.ts', 'a block has it'],
  ],
  [
    'two equal orders share a payment address',
    ['e2e/payments.test.ts', 'two equal orders at once have payments of their own'],
  ],
  ['a payment goes to the owner', ['e2e/payments.test.ts', 'As the contract computes it, from what a client knows.']],
  [
    'error objects leak between sessions',
    ['e2e/limits.test.ts', 'an error of one session does not reach another, nor its next request'],
  ],
  ['a subscription id is re-used after a cancel', ['e2e/subscriptions.test.ts', 'ids are never used again']],
  ['sets that a client cannot receive', ['e2e/limits.test.ts', 'one just below reaches a subscriber whole']],
  ['stricter: bytes after a set', ['codec/span.test.ts', 'and with a byte more']],
  [
    'stricter: untagged times, negative prices, id or name other than the key, quantity 0',
    ['state/canonical-form.test.ts', 'what the reference accepts and §14 refuses is marked'],
  ],
  ['stricter: key cards off the curve at enrolment', ['relay/siwe.test.ts', 'curve']],
  [
    'stricter: reopening a canceled order',
    ['e2e/limits.test.ts', 'a canceled order stays canceled: no reopening, no second cancel'],
  ],
  ['stricter: unknown fields', ['state/canonical-form.test.ts', 'a field that is not listed is refused by name']],
  ['stricter: `|` in variation names', ['objects/fields.test.ts', '|']],
  ['stricter: Accounts written by the relay only', ['state/rights.test.ts', 'adding an account']],
  [
    'stricter: acknowledged pushes',
    ['e2e/subscriptions.test.ts', 'wait after 8 unanswered pushes and go on when answered'],
  ],
  ['more lenient: v 0/1 on writes', ['state/patch-set.test.ts', 'has v 0, 1, 27 or 28']],
  ['more lenient: State→2 without CanceledAt', ['e2e/limits.test.ts', 'a canceled order stays canceled']],
  [
    'unlike it: a set is never cut, signatures are pushed as received',
    ['state/patch-set.test.ts', 'is kept as received: header, patches and signature are its own bytes'],
    ['e2e/subscriptions.test.ts', 'give 15 newcomers 250 listings each, written as one set and one by one'],
  ],
]

const LIMITS: readonly Row[] = [
  [
    'CBOR nesting 16, in files 256',
    ['codec/decode.test.ts', 'is limited to 16 unless told otherwise'],
    ['state/limits.test.ts', 'of one item: 16'],
  ],
  [
    'frame in 2 MiB',
    ['relay/transport.suite.ts', 'the largest frame is taken, one byte more closes at once'],
    ['e2e/sessions.test.ts', 'a frame above 2 MiB at once'],
  ],
  [
    'frame out 1 MiB',
    ['e2e/limits.test.ts', 'one just below reaches a subscriber whole'],
    ['e2e/subscriptions.test.ts', 'a push has at most 64 sets and 1 MiB'],
  ],
  ['object 1 MiB', ['state/limits.test.ts', 'an object has at most 1 MiB of canonical CBOR']],
  ['names 255 bytes', ['state/limits.test.ts', 'a name has at most 255 bytes of UTF-8']],
  [
    'requests in flight 1,024, re-used ids',
    ['e2e/sessions.test.ts', 'hold 1,024 requests in flight; what is beyond is refused and the session lives'],
    ['e2e/limits.test.ts', 'a request id that is still in flight closes the socket'],
  ],
  ['4 MiB unread', ['e2e/hostile.test.ts', 'costs bounded memory and delays nobody']],
  ['subscriptions 64', ['e2e/subscriptions.test.ts', 'the 65th']],
  ['filters 64', ['e2e/limits.test.ts', '64 filters are taken, 65 refused']],
  [
    '64 sets a push, 8 unanswered',
    ['e2e/subscriptions.test.ts', 'wait after 8 unanswered pushes and go on when answered; a push has at most 64 sets'],
  ],
  [
    'sessions in all and per address',
    ['e2e/sessions.test.ts', 'are limited per address (429), in all (503) and in rate (429)'],
  ],
  ['session without authentication and subscription 300 s', ['e2e/limits.test.ts', 'ends after 300 s']],
  ['challenge 60 s', ['e2e/limits.test.ts', 'a challenge solved after %s ms']],
  [
    'blob 32 MiB',
    ['e2e/blobs.test.ts', 'above 32 MiB, and leaves nothing'],
    ['relay/http.test.ts', 'the largest file, and one byte more'],
  ],
  ['blob tokens 16 a session, 10 minutes', ['e2e/blobs.test.ts', 'has 16 open tokens a session, ten minutes each']],
  ['enrolment body 16 KiB', ['relay/http.test.ts', 'a body at the limit and beyond it']],
  [
    'Open orders 1,000 a guest card',
    ['e2e/limits.test.ts', 'a guest card has 1,000 Open orders'],
    ['state/limits.test.ts', 'the thousandth is accepted, the next is not'],
  ],
  [
    'items 1,000 an order',
    ['e2e/limits.test.ts', 'an order has 1,000 items'],
    ['state/limits.test.ts', 'an order has at most 1,000 items'],
  ],
  ['Timestamp 5 minutes ahead', ['e2e/limits.test.ts', 'five minutes ahead, not a second more']],
  ['HAMT 42 levels', ['merkle/hamt.test.ts', 'stand in a list by key below level 42']],
  [
    'rates of enrolment and upgrades',
    ['relay/http.test.ts', 'too many of an address'],
    ['relay/rate-limit.test.ts', 'never more than burst + rate × time'],
  ],
]

describe.each([
  ['differences of §14', DIFFERENCES],
  ['limits of §15', LIMITS],
] as const)('the %s are pinned', (_name, rows) => {
  it.each(rows.map((row) => [row[0], row.slice(1) as unknown as readonly (readonly [string, string])[]] as const))(
    '%s',
    (_sentence, tests) => {
      expect(tests.length).toBeGreaterThan(0)
      for (const [file, title] of tests)
        expect(readFileSync(join(import.meta.dirname, file), 'utf8'), file).toContain(title)
    },
  )
})
