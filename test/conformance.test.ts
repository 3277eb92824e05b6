/**
 * Where the protocol's list of deliberate differences (§14) and its limits (§15) are pinned: for each sentence the
 * tests that fail on the bug it describes, for each limit those that stand on its two sides. A test that was renamed or
 * removed is missed here.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import * as limits from '../src/limits.js'

/** `title` as it stands in the file, placeholders included; `row`: a text of the table that the test runs over. */
type Pin = readonly [file: string, title: string, row?: string]

type Difference = readonly [sentence: string, ...pins: readonly Pin[]]

interface Limit {
  readonly constants: Partial<Record<keyof typeof limits, number | bigint>>
  /** At the limit: accepted. */
  readonly at: readonly Pin[]
  /** One above it, and what the answer is. */
  readonly beyond: readonly Pin[]
}

const SESSIONS = 'e2e/sessions.test.ts'
const SUBSCRIPTIONS = 'e2e/subscriptions.test.ts'
const E2E_LIMITS = 'e2e/limits.test.ts'
const E2E = 'e2e/differences.test.ts'
const STATE_LIMITS = 'state/limits.test.ts'
const STATE = 'state/differences.test.ts'
const PAYMENTS = 'e2e/payments.test.ts'
const CHAIN_FAULTS = 'e2e/chain-faults.test.ts'

const refusedHere = (row: string): Pin => [STATE, '%s', row]

const DIFFERENCES: readonly Difference[] = [
  // It panics on …
  [
    'panics: malformed patches',
    [E2E, 'a malformed patch is refused, the session lives, and the next one is applied'],
    [STATE, 'of malformed patches is refused by a named error, whatever is malformed'],
    ['e2e/hostile.test.ts', 'do not disturb a good one'],
    ['codec/decode.test.ts', 'throws nothing but CborError on damaged items'],
  ],
  [
    'panics: ping and sync sent by clients',
    [SESSIONS, 'answers pings, refuses requests that clients do not make, and stays'],
  ],
  [
    'panics: an error answered to a push',
    [SUBSCRIPTIONS, 'end by an error answered to a push, and only they'],
    ['e2e/existing-clients.test.ts', 'ends a subscription by an error to its push, whatever the code'],
  ],
  [
    'panics: an order filter with an id by a guest',
    [SUBSCRIPTIONS, 'refuse %s', 'a foreign order by a guest'],
    [SUBSCRIPTIONS, 'accept what stands beside that'],
  ],
  [
    'panics: a missing price modifier',
    ['state/pricing.test.ts', 'agree, all 150'],
    ['state/pricing.test.ts', 'would show a wrong total'],
  ],
  [
    'panics: a region added after regions were null',
    [STATE, 'a region after regions were null, by its name'],
    ['state/operations.test.ts', 'a region is added after regions were null, a payee after payees were'],
  ],
  ['panics: a restart with more than 255 shops', [E2E_LIMITS, '300 shops survive a restart']],
  // Its …
  [
    'a state hash that goes stale on updates',
    [STATE, 'is another after an update of %s, that of a shop computed from nothing'],
    ['merkle/hamt.test.ts', 'has the digest of a recomputation after every step, also when it was asked before'],
    [
      'state/random.test.ts',
      '${PATCHES} random patches leave the shop that is computed from nothing; the refused ones leave none',
    ],
  ],
  [
    'a listing stored under another id’s key',
    refusedHere('a listing under the key of another id'),
    refusedHere('a listing that is replaced by one of another id'),
  ],
  [
    'a guest sets his order to Paid',
    refusedHere('Paid by a guest'),
    ['state/rights.test.ts', 'a guest may not set Paid, nor remove what is committed'],
    ['e2e/hostile.test.ts', 'two guests at once cannot sell the same piece, and what a guest may not touch stays'],
  ],
  ['a guest deletes a committed order', [STATE, 'a committed order that a guest deletes; an Open one he may']],
  [
    'a removed clerk keeps access',
    [SUBSCRIPTIONS, 'a removed card’s session gets its last set, then answers, then 1008'],
  ],
  ['a clerk of one shop reads another’s orders', [E2E_LIMITS, 'the owner of one shop is a visitor of every other one']],
  [
    'a card is locked by whoever knows its public key',
    [E2E, 'who knows the public key of a card does not lock its owner out'],
    [SESSIONS, 'the first of two that hold challenges for one card wins'],
  ],
  [
    'header shop id and time go unchecked',
    [E2E, 'a header of another shop or from the future is INVALID, its nonce is not used'],
    [E2E_LIMITS, 'a header’s Timestamp: five minutes ahead, not a second more; as old as it may be'],
    ['state/patch-set.test.ts', 'a time is from the future more than five minutes ahead'],
  ],
  [
    'totals depend on map order',
    ['state/pricing.test.ts', 'equal a naive second implementation, in whatever order maps and variations come'],
  ],
  [
    'reservations are never released',
    [E2E_LIMITS, 'CanceledAt frees the pieces at once; then nothing but State 2 is accepted, in one set or two'],
    [SUBSCRIPTIONS, 'enrol, cancel what a removed listing leaves behind, and end reservations by the clock'],
    ['state/orders.test.ts', 'begin at commit and end with State 2, CanceledAt or Paid'],
  ],
  [
    'error objects leak between sessions',
    [E2E_LIMITS, 'an error of one session does not reach another, nor its next request'],
  ],
  [
    'a subscription id is re-used after a cancel',
    [SUBSCRIPTIONS, 'refuse an unknown shop, a start beyond the head, the 65th; ids are never used again'],
  ],
  [
    'sets above 1 MiB are accepted that a client cannot receive',
    [
      E2E_LIMITS,
      'a set of %i patches too large for a frame to a client is INVALID; one just below reaches a subscriber whole',
    ],
    ['relay/write/ingest.test.ts', 'the largest set of %i patches that fits is taken, one byte more is INVALID'],
  ],
  // Stricter than it
  [
    'stricter: bytes after a set',
    [STATE, 'with a byte behind it is none'],
    [E2E, 'what is behind a set, and a time without a tag, are INVALID'],
    ['patches/patch-set-spans.test.ts', 'refuses it cut off at every byte, and with a byte more'],
  ],
  [
    'stricter: untagged times',
    [STATE, 'with a Timestamp without a tag is none'],
    refusedHere('a time without a tag'),
    [E2E, 'what is behind a set, and a time without a tag, are INVALID'],
  ],
  [
    'stricter: key cards off the curve at enrolment',
    ['relay/accounts/enrolment-message.test.ts', '%s', 'a card off the curve'],
    ['relay/accounts/enrolment-message.test.ts', '%s', 'an uncompressed head'],
  ],
  ['stricter: negative prices', refusedHere('a negative price')],
  [
    'stricter: id or name other than the key',
    refusedHere('a listing under the key of another id'),
    refusedHere('an order under the key of another id'),
    refusedHere('a tag under another name'),
  ],
  ['stricter: items of quantity 0', refusedHere('an item of quantity 0')],
  [
    'stricter: reopening a canceled order',
    [STATE, 'a canceled order that would be opened, committed or paid again, whoever asks'],
    [E2E_LIMITS, 'a canceled order stays canceled: no reopening, no second cancel'],
    ['state/orders.test.ts', '%s → %s once CanceledAt is set'],
  ],
  [
    'stricter: fields that PatchSet, Header and Patch do not have',
    ['state/patch-set.test.ts', '%s', 'a field more'],
    ['state/patch-set.test.ts', 'a header with %s', 'a field more'],
    ['state/patch-set.test.ts', 'a patch with %s, named by its index', 'a field more'],
  ],
  ['stricter: `|` in variation names', refusedHere('a `|` in the name of a variation')],
  [
    'stricter: object and frame sizes',
    [E2E_LIMITS, 'an object of 1 MiB comes in two sets, and takes no byte more'],
    ['relay/transport/transport.suite.ts', 'the largest frame is taken, one byte more closes at once'],
  ],
  [
    'stricter: Accounts written by the relay only',
    refusedHere('an account written by a clerk'),
    [E2E_LIMITS, 'what a guest may not write is NOT_FOUND as a whole, however malformed it is'],
  ],
  [
    'stricter: acknowledged pushes',
    [SUBSCRIPTIONS, 'wait after 8 unanswered pushes and go on when answered; a push has at most 64 sets and 1 MiB'],
  ],
  // More lenient
  [
    'more lenient: v 0/1 on writes',
    [E2E, 'signatures with v 0/1 are taken as those with 27/28, and each is pushed as received'],
    [E2E_LIMITS, 'a signature whose v leads to another key is INVALID'],
  ],
  [
    'more lenient: a remove without a Value',
    [STATE, 'a remove without a Value, or with null; one with a Value is refused'],
  ],
  ['more lenient: State→2 without CanceledAt', [STATE, 'State 2 without CanceledAt']],
  // Unlike it
  ['unlike it: a set is never cut into pieces', [E2E, 'a set of 250 patches is pushed as one, with a proof for each']],
  [
    'unlike it: a relay-made set carries the shop’s id',
    [E2E, 'every set that the relay makes carries the id of the shop, and nonces of its own from 1'],
  ],
  [
    'unlike it: signatures are pushed as received',
    [E2E, 'signatures with v 0/1 are taken as those with 27/28, and each is pushed as received'],
  ],
  [
    'unlike it: no status before every push',
    [E2E, 'a status comes after the subscription’s answer and after its backlog, and before no push'],
  ],
]

/** Sentences whose bug shows where there is a chain. */
const WITH_THE_CHAIN: readonly Difference[] = [
  ['panics: selling 24 pieces and more', [PAYMENTS, 'sells %s pieces']],
  [
    'panics: a repeated registerUser',
    ['e2e/registry.test.ts', 'adds who was registered, once, and removes who was removed'],
  ],
  [
    'a clerk removed on the chain keeps access',
    ['e2e/registry.test.ts', 'a removed clerk: his session gets the last set, then 1008; his next write is refused'],
  ],
  [
    'reservations are never released: nobody pays',
    [CHAIN_FAULTS, 'an order whose payment was never made expires, and what comes then is late'],
  ],
  [
    'missed logs are never replayed',
    [CHAIN_FAULTS, 'by %s is caught up with, once'],
    [CHAIN_FAULTS, 'over more blocks than one range holds'],
    ['e2e/registry.test.ts', 'what happened while the relay was down is caught up with'],
  ],
  [
    'two equal orders in one block share a payment address',
    [PAYMENTS, 'two equal orders at once have payments of their own'],
    [PAYMENTS, 'two orders whose payment one set chooses have payments of their own'],
  ],
  [
    'a payment goes to the owner instead of the chosen payee',
    [PAYMENTS, '%s', 'in ether by call'],
    [PAYMENTS, '%s', 'in tokens by address'],
    ['contracts/contracts.test.ts', 'by call reaches the payee once'],
    ['contracts/contracts.test.ts', 'by address is deployed where CREATE2 says, pays the payee and refunds the rest'],
  ],
]

const both = (...pins: readonly Pin[]) => ({ at: pins, beyond: pins })

const LIMITS: Readonly<Record<string, Limit>> = {
  'CBOR nesting 16, in files 256': {
    constants: { CBOR_NESTING_MAX: 16, CBOR_NESTING_MAX_IN_FILES: 256 },
    ...both(
      ['codec/decode.test.ts', 'of %i is accepted where that is the limit, one more refused'],
      ['codec/decode.test.ts', 'is limited to 16 unless told otherwise'],
      [STATE_LIMITS, 'of a set, in which a value lies below three levels'],
    ),
  },
  'frame in 2 MiB': {
    constants: { FRAME_IN_BYTES_MAX: 2_097_152 },
    at: [['relay/transport/transport.suite.ts', 'the largest frame is taken, one byte more closes at once']],
    beyond: [[SESSIONS, 'closes a text frame with 1003 and a frame above 2 MiB at once']],
  },
  'frame out 1,048,576 bytes': {
    constants: { FRAME_OUT_BYTES_MAX: 1_048_576 },
    ...both(
      ['relay/write/ingest.test.ts', 'the largest set of %i patches that fits is taken, one byte more is INVALID'],
      [
        E2E_LIMITS,
        'a set of %i patches too large for a frame to a client is INVALID; one just below reaches a subscriber whole',
      ],
    ),
  },
  'object 1 MiB': {
    constants: { OBJECT_BYTES_MAX: 1_048_576 },
    at: [[STATE_LIMITS, '%s', 'a listing']],
    beyond: [[E2E_LIMITS, 'an object of 1 MiB comes in two sets, and takes no byte more']],
  },
  'text as a map key or tag name 255 bytes': {
    constants: { NAME_BYTES_MAX: 255 },
    ...both(
      [STATE_LIMITS, '%s of %s', 'a region by its path'],
      [E2E_LIMITS, 'a tag has a name of 255 bytes, and no longer one'],
    ),
  },
  'requests in flight 1,024 a session': {
    constants: { REQUESTS_IN_FLIGHT_MAX: 1_024 },
    ...both([
      E2E_LIMITS,
      '1,024 requests are in flight; what is beyond is refused, not processed, and answered in its turn',
    ]),
  },
  'an id that is still in flight': {
    constants: {},
    ...both([
      E2E_LIMITS,
      'a request id that is still in flight closes the socket; one that was answered may come again',
    ]),
  },
  'a client that leaves 4 MiB unread': {
    constants: { UNREAD_ANSWER_BYTES_MAX: 4_194_304 },
    at: [[E2E_LIMITS, 'answers that wait are never dropped']],
    beyond: [[E2E_LIMITS, 'a client that leaves 4 MiB of answers unread is closed with 1008, and delays nobody']],
  },
  'subscriptions 64': {
    constants: { SUBSCRIPTIONS_PER_SESSION_MAX: 64 },
    ...both([SUBSCRIPTIONS, 'refuse an unknown shop, a start beyond the head, the 65th; ids are never used again']),
  },
  'filters 64 each': {
    constants: { FILTERS_PER_SUBSCRIPTION_MAX: 64 },
    ...both([E2E_LIMITS, '64 filters are taken, 65 refused']),
  },
  'push 64 sets, 8 unanswered': {
    constants: { SETS_PER_PUSH_MAX: 64, PUSHES_UNANSWERED_MAX: 8 },
    ...both([
      SUBSCRIPTIONS,
      'wait after 8 unanswered pushes and go on when answered; a push has at most 64 sets and 1 MiB',
    ]),
  },
  'sessions 10,000 in all (503), 512 per address (429)': {
    constants: { SESSIONS_MAX_DEFAULT: 10_000, SESSIONS_PER_ADDRESS_MAX_DEFAULT: 512 },
    ...both(
      [SESSIONS, 'are limited per address (429), in all (503) and in rate (429)'],
      [E2E_LIMITS, 'sessions of one address (429) and in all (503) are counted while they live'],
    ),
  },
  'session without authentication and subscription 300 s': {
    constants: { IDLE_SESSION_SECONDS_MAX: 300 },
    ...both(
      [E2E_LIMITS, 'a session that neither authenticates nor subscribes ends after 300 s'],
      [E2E_LIMITS, 'a session is idle from when its last subscription ended, not from when it began'],
    ),
  },
  'challenge 60 s': {
    constants: { CHALLENGE_SECONDS_MAX: 60 },
    ...both([E2E_LIMITS, 'a challenge solved after %s ms']),
  },
  'blob 32 MiB': {
    constants: { BLOB_BYTES_MAX: 33_554_432 },
    ...both(
      ['e2e/blobs.test.ts', 'is refused without a form, without `file`, and above 32 MiB, and leaves nothing'],
      ['relay/http.test.ts', 'the largest file, and one byte more'],
    ),
  },
  'blob tokens 16 open a session, 10 minutes': {
    constants: { BLOB_TOKENS_PER_SESSION_MAX: 16, BLOB_TOKEN_SECONDS_MAX: 600 },
    ...both(['e2e/blobs.test.ts', 'has 16 open tokens a session, ten minutes each']),
  },
  'enrolment body 16 KiB (413)': {
    constants: { ENROLMENT_BODY_BYTES_MAX: 16_384 },
    ...both([E2E_LIMITS, 'an enrolment has 16 KiB, and one byte more is 413']),
  },
  'Open orders per guest card 1,000': {
    constants: { OPEN_ORDERS_PER_GUEST_CARD_MAX: 1_000 },
    ...both(
      [E2E_LIMITS, 'a guest card has 1,000 Open orders, and one more once one of them is no longer Open'],
      [STATE_LIMITS, 'the thousandth is accepted, the next is not'],
    ),
  },
  'items per order 1,000': {
    constants: { ITEMS_PER_ORDER_MAX: 1_000 },
    ...both([E2E_LIMITS, 'an order has 1,000 items'], [STATE_LIMITS, 'as a whole']),
  },
  'header Timestamp 5 minutes ahead': {
    constants: { HEADER_TIMESTAMP_AHEAD_SECONDS_MAX: 300n },
    ...both([E2E_LIMITS, 'a header’s Timestamp: five minutes ahead, not a second more; as old as it may be']),
  },
  'HAMT 42 levels': {
    constants: { HAMT_LEVELS_MAX: 42, HAMT_BITS_PER_LEVEL: 6 },
    at: [['merkle/hamt.test.ts', 'in %i bits']],
    beyond: [['merkle/hamt.test.ts', 'stand in a list by key below level 42']],
  },
  // §8, §9 and §13, with numbers of their own
  'the challenge is void after another one': {
    constants: { CHALLENGE_BYTES: 32 },
    ...both([E2E_LIMITS, 'a challenge is void when another auth_request is answered, also by a refusal']),
  },
  'enrolment 20/s burst 200, upgrades 50/s burst 300': {
    constants: {
      ENROLMENTS_PER_SECOND_DEFAULT: 20,
      ENROLMENTS_BURST_DEFAULT: 200,
      UPGRADES_PER_SECOND_DEFAULT: 50,
      UPGRADES_BURST_DEFAULT: 300,
    },
    ...both(
      [E2E_LIMITS, 'enrolments of one address have a rate and a burst; another address is not held up'],
      [E2E_LIMITS, 'upgrades of one address have a rate and a burst; another address is not held up'],
    ),
  },
  'a card is free when its session ends, 100 times': {
    constants: {},
    ...both(
      [SESSIONS, 'a client closes, reconnects and authenticates the same card, 100 times without pause'],
      [E2E_LIMITS, 'a card is free as soon as its session ends by %s(): 100 times without waiting'],
    ),
  },
}

describe.each([
  ['differences of §14', DIFFERENCES],
  ['differences of §14 that need a chain', WITH_THE_CHAIN],
] as const)('the %s are pinned', (_name, rows) => {
  it.each(rows.map(([sentence, ...pins]) => [sentence, pins] as const))('%s', (_sentence, pins) => {
    expect(pins.length).toBeGreaterThan(0)
    expect(missing(pins)).toEqual([])
  })
})

describe('the limits of §15 are pinned on both sides', () => {
  it.each(Object.entries(LIMITS))('%s', (_sentence, { constants, at, beyond }) => {
    expect(limits).toMatchObject(constants)
    expect(at.length * beyond.length).toBeGreaterThan(0)
    expect(missing([...at, ...beyond])).toEqual([])
  })
})

describe('a test', () => {
  const source = [
    "it('one', () => {})",
    "it.each(rows)(\n  '%s of %i', (_name, count) => {})",
    'test(`many ${THINGS}`, { timeout: 5 }, async () => {})',
    "it('it\\'s escaped', run)",
    "// it(\"commented out\")\nexpect('not a title').toBe(call('nor this', 1))",
    "it.skip('left out', () => {})",
  ].join('\n')

  it('is found by its whole title', () => {
    expect([...titlesIn(source)]).toEqual(['one', '%s of %i', 'many ${THINGS}', "it's escaped"])
  })

  it('that is not there is missed, and a row that no table has', () => {
    expect(missing([[E2E, 'a set of 250 patches']])).toEqual([`${E2E}: a set of 250 patches`])
    expect(missing([refusedHere('a negative price')])).toEqual([])
    expect(missing([refusedHere('a positive price')])).toEqual([`${STATE}: %s: a positive price`])
  })
})

/** The pins whose test is not there, or may not run. */
function missing(pins: readonly Pin[]): string[] {
  const lost = pins.filter(([file, title, row]) => {
    const source = readFileSync(join(import.meta.dirname, file), 'utf8')
    const inTable = row === undefined || [`'${row}'`, `"${row}"`].some((text) => source.includes(text))
    return !inTable || !titlesIn(source).has(title) || /\b(?:it|test|describe)\.(?:skip|only|todo)/u.test(source)
  })
  return lost.map(([file, ...title]) => [file, ...title].join(': '))
}

/** Titles of `it` and `test` as they are written, those of tables too, which stand behind a second parenthesis. */
function titlesIn(source: string): Set<string> {
  const title = /(?:^\s*(?:it|test)|\))\(\s*(?<quote>['"`])(?<text>(?:\\.|(?!\k<quote>).)*)\k<quote>,/gmu
  return new Set([...source.matchAll(title)].map(({ groups }) => groups!['text']!.replaceAll(/\\(['"`])/gu, '$1')))
}
