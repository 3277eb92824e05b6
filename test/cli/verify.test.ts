/** `cairn verify`: outcomes as lines, JSON and exit codes; checkpoints as evidence. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { equalBytes } from '../../src/bytes/bytes.js'
import { fromHex, prefixedHex } from '../../src/bytes/hex.js'
import { encode, CborTime, type Encodable } from '../../src/codec/encode.js'
import { receiptLines } from '../../src/cli/receipt-lines.js'
import { receiptCall } from '../../src/cli/receipt-vectors.js'
import { run } from '../../src/cli/verify.js'
import { decodeLast, signHandOver } from '../../src/proofs/checkpoint.js'
import { decodeReceipt } from '../../src/proofs/receipt-form.js'
import { logIndexOf } from '../../src/proofs/log-proof.js'
import { writeHandOvers } from '../../src/store/hand-overs.js'
import { encodeCheckpointAnswer, encodeLogProofAnswer } from '../../src/wire/proof-payloads.js'
import { readLevel } from '../../src/merkle/state-level.js'
import { receiptKat } from '../fixtures/kat-receipts.js'
import { readLogKat } from '../fixtures/log-kat.js'

const folder = mkdtempSync(join(tmpdir(), 'cairn-verify-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const RELAY = `0x${receiptKat.log.relay_address}`
const { ChainID, Registry } = receiptKat.log.whose
const kat = readLogKat()
const file = (name: string, bytes: Uint8Array) => {
  writeFileSync(join(folder, name), bytes)
  return join(folder, name)
}
const [paid, anchored] = [0, 1].map((i) => file(`${i}.cairn`, receiptCall(receiptKat, receiptKat.receipts[i]!)[0]))
const pair = (name: string, i: number) => file(name, encode(kat.pairs[i]!.map(fromHex)))

async function verify(...argv: string[]) {
  const [out, err]: [string[], string[]] = [[], []]
  const exitCode = await run(argv, {
    out: (line) => void out.push(line),
    err: (line) => void err.push(line),
    env: {},
    isTerminal: false,
    signal: new AbortController().signal,
  })
  return { exitCode, out, err }
}

describe('a receipt', () => {
  test('that matches: the outcome first, details, what was not checked', async () => {
    const { exitCode, out, err } = await verify(paid!, '--relay', RELAY)
    expect([exitCode, err]).toEqual([0, []])
    expect(out[0]).toMatch(/^Matches, not yet anchored: /u)
    expect(out).toContain(`Order:           ${receiptKat.receipts[0]!.order}`)
    expect(out).toContain('Item:            8 × Stuhl (listing 42274457022913)')
    expect(out).toContain('  set 20, 2026-01-17T10:16:58Z: payment seen, state Paid; signed by the relay')
    expect(out.slice(-3)).toEqual([
      'Not checked: whether anything was delivered; what changed after this time.',
      '',
      'Checked here, nothing was sent.',
    ])
  })

  test.each<[string, number, RegExp, string[]]>([
    [
      'with a registry that is known',
      0,
      /^Matches: /u,
      [anchored!, '--relay', RELAY, '--registry', `${ChainID}:0x${Registry}`],
    ],
    ['whose registry nobody named', 0, /^Matches, not yet anchored/u, [anchored!, `--relay=${RELAY}`]],
    ['with several addresses, before the file', 0, /^Matches/u, ['--relay', `0x${'1'.repeat(40)}`, RELAY, paid!]],
    ['with an address each time', 0, /^Matches/u, ['--relay', `0x${'1'.repeat(40)}`, '--relay', RELAY, paid!]],
    ['without an address', 3, /^Cannot say: unknown shop key\.$/u, [paid!]],
    ['of another relay', 1, /^Does not match\.$/u, [paid!, '--relay', `0x${'1'.repeat(40)}`]],
    ['of another order', 1, /^Does not match\.$/u, [paid!, '--relay', RELAY, '--order', '7']],
    ['of another shop', 1, /^Does not match\.$/u, [paid!, '--relay', RELAY, '--shop', '7']],
    ['in another registry', 1, /^Does not match\.$/u, [anchored!, '--relay', RELAY, '--registry', `2:0x${Registry}`]],
  ])('%s: exit code %i', async (_what, exitCode, first, argv) => {
    const result = await verify(...argv)
    expect([result.exitCode, result.err]).toEqual([exitCode, []])
    expect(result.out[0]).toMatch(first)
  })

  test('that was changed, is newer or none', async () => {
    const bytes = receiptCall(receiptKat, receiptKat.receipts[0]!)[0]
    const changed = bytes.slice()
    changed[4_000]! ^= 1
    expect((await verify(file('changed', changed), '--relay', RELAY)).exitCode).toBe(1)
    const newer = receiptKat.receipts_refused.find(({ name }) => name === 'version 2')!
    const told = await verify(file('newer', receiptCall(receiptKat, newer)[0]), '--relay', RELAY)
    expect([told.exitCode, told.out[0]]).toEqual([3, 'Cannot say: newer format.'])
    const none = await verify(file('none', new TextEncoder().encode('{"a": 1}')), '--relay', RELAY)
    expect([none.exitCode, none.out[0]]).toEqual([2, 'Not a receipt.'])
  })

  test('no file says to a terminal what it likes', async () => {
    const escape = '\u001b[2J\u001b[HMatches: all is well\n'
    const half = new Map<string, Encodable>([
      ['Checkpoint', [Uint8Array.of(1), new Uint8Array(65)]],
      ['Level', []],
    ])
    const files = [
      new Map<string, Encodable>([['Version', 1n]]).set(escape, 1n),
      new Map(half).set(escape, 1n),
      [encode(new Map([[escape, 1n]])), new Uint8Array(65)],
      half,
    ]
    for (const [i, value] of files.entries()) {
      const { exitCode, out, err } = await verify(file(`escape-${i}`, encode(value)), '--relay', RELAY)
      expect(exitCode).toBeGreaterThan(0)
      expect(err).toEqual([])
      for (const line of out) expect(line).not.toMatch(/\p{C}/u)
    }
  })

  test.each(['ab'.repeat(32), `0x${'ab'.repeat(32)}\n`, `CAIRN-CARD:${'ab'.repeat(40)}`])(
    'a key in the place of a receipt is told to be one, and not shown: %s',
    async (key) => {
      const { exitCode, out, err } = await verify(file('card.key', new TextEncoder().encode(key)), '--relay', RELAY)
      expect([exitCode, out]).toEqual([2, []])
      expect(err).toEqual([expect.stringMatching(/card\.key is a secret key, and no receipt: show it to nobody$/u)])
      expect(err[0]).not.toContain('abab')
    },
  )

  test('as JSON: one line, integers as texts', async () => {
    const { exitCode, out } = await verify(paid!, '--relay', RELAY, '--json')
    expect(out).toHaveLength(1)
    const told = JSON.parse(out[0]!) as {
      outcome: string
      receipt: { orderId: string; total: object; history: object[] }
    }
    expect([exitCode, told.outcome]).toEqual([0, 'matches-not-anchored'])
    expect(told.receipt.orderId).toBe(receiptKat.receipts[0]!.order)
    expect(told.receipt.total).toEqual({ kind: 'recomputed', asked: '7202933', computed: '7202933' })
    expect(told.receipt.history).toHaveLength(6)
    const none = JSON.parse((await verify(paid!, '--json')).out[0]!) as { outcome: string; exitCode: number }
    expect(none).toMatchObject({ outcome: 'unknown-key', exitCode: 3 })
  })
})

test('a reason with what a terminal obeys', () => {
  const reason = 'a path of \u001b[2J'
  const report = { outcome: 'does-not-match', exitCode: 1, sentence: 'Does not match.', notChecked: [] } as const
  expect(receiptLines({ ...report, reason, receipt: undefined })[1]).toBe('  a path of \u{fffd}[2J.')
  const meant = receiptLines({ ...report, meaning: 'It was changed.', reason, receipt: undefined })
  expect(meant.slice(1, 3)).toEqual(['  It was changed.', '  In detail: a path of \u{fffd}[2J.'])
})

describe('a checkpoint', () => {
  const { pair: newest, last } = kat.checkpoints[2]!
  const level = readLevel(fromHex((receiptKat.log.sets[19] as { level: string }).level))
  const [Checkpoint, Last] = [kat.pairs[newest]!.map(fromHex) as [Uint8Array, Uint8Array], decodeLast(fromHex(last))]

  test('alone, as a pair and as a relay answers', async () => {
    const answer = file('answer', encodeCheckpointAnswer({ Checkpoint, Last, Level: level }))
    for (const one of [pair('pair', newest), answer]) {
      const { exitCode, out } = await verify(one, '--relay', RELAY)
      expect([exitCode, out[0]]).toEqual([
        0,
        expect.stringMatching(/^Matches: the relay signed checkpoint 20 of shop /u),
      ])
    }
    expect((await verify(pair('pair', newest))).exitCode).toBe(3)
    expect((await verify(pair('pair', newest), '--relay', `0x${'1'.repeat(40)}`)).exitCode).toBe(1)
  })

  test('whose last leaf is another', async () => {
    const wrong: typeof Last = [new Uint8Array(32), Last[1]]
    const answer = file('wrong', encodeCheckpointAnswer({ Checkpoint, Last: wrong, Level: level }))
    expect((await verify(answer, '--relay', RELAY)).out[0]).toMatch(/^Does not match\. checkpoint 20: /u)
  })

  test('that only begins as an answer is unreadable', async () => {
    const begun = new Map<string, Encodable>([
      ['Checkpoint', 1n],
      ['Level', 2n],
    ])
    const { exitCode, out } = await verify(file('begun', encode(begun)), '--relay', RELAY)
    expect([exitCode, out[0]]).toEqual([2, 'Not a checkpoint. checkpoint answer: Last is missing.'])
  })

  test('with --chain, which is for receipts', async () => {
    const { exitCode, err } = await verify(pair('pair', newest), '--relay', RELAY, '--chain', 'dev')
    expect([exitCode, err]).toEqual([2, [expect.stringMatching(/^cairn verify: --chain is for receipts/u)]])
  })

  type Evidence = {
    readonly name: string
    readonly class: number | null
    readonly a: number
    readonly b: number | null
  }
  const rows = (kat.evidence as unknown as (Evidence & { leaves?: unknown; leaf?: unknown; log?: unknown })[]).filter(
    ({ b, leaves, leaf, log, a }) =>
      typeof b === 'number' && typeof a === 'number' && leaves === undefined && leaf === undefined && log === undefined,
  )
  const KINDS: Readonly<Record<number, string>> = { 1: 'two-contents', 4: 'time-falls' }
  test.each(rows)('with another, $name: the kind of evidence, if it is one', async ({ class: kind, a, b }) => {
    const { exitCode, out } = await verify(pair('a', a), pair('b', b!), '--relay', RELAY)
    if (kind === 1 || kind === 4) {
      expect(exitCode).toBe(1)
      expect(out[0]).toContain(`Evidence against the relay, ${KINDS[kind]!}: `)
    } else expect(out[0]).toMatch(/^(?:Cannot say|Matches|Does not match)/u)
  })

  const shown = kat.evidence as unknown as (Evidence & {
    readonly seq?: number
    readonly leaves?: readonly (readonly [string, string, readonly string[]])[]
    readonly leaf?: readonly [string, string, readonly string[]]
  })[]
  /** What a relay answers when it is asked for a set of its log. */
  const proof = (
    name: string,
    at: number,
    seq: number,
    [set, root, path]: readonly [string, string, readonly string[]],
  ) =>
    file(
      name,
      encodeLogProofAnswer({
        Checkpoint: kat.pairs[at]!.map(fromHex) as [Uint8Array, Uint8Array],
        Last,
        Inclusion: [logIndexOf(BigInt(seq)), path.map(fromHex)],
        Set: fromHex(set),
        StateRoot: fromHex(root),
      }),
    )
  test.each(shown.filter(({ leaves }) => leaves !== undefined))(
    'with a set of its log, $name: two leaves of one set are evidence',
    async ({ class: kind, a, b, leaves }) => {
      const [one, other] = [proof('a', a, 17, leaves![0]!), proof('b', b!, 17, leaves![1]!)]
      const { exitCode, out } = await verify(one, other, '--relay', RELAY)
      const evidence = 'Evidence against the relay, two-leaves: set 17 has '
      expect([out[0]!.includes(evidence), exitCode === 1]).toEqual([kind === 2, kind === 2 || exitCode === 1])
    },
  )
  test.each(shown.filter(({ leaf }) => leaf !== undefined))(
    'with its last set, $name',
    async ({ class: kind, a, leaf }) => {
      const { exitCode, out } = await verify(proof('a', a, 20, leaf!), '--relay', RELAY)
      if (kind === 3)
        expect([exitCode, out[0]]).toEqual([1, expect.stringContaining('relay, last-leaf: checkpoint 20')])
      else expect([exitCode, out[0]]).toEqual([0, expect.stringMatching(/^Matches: .* Set 20 is in its log\.$/u)])
    },
  )

  test('there are both kinds among them', () => {
    expect(rows.map((row) => row.class)).toEqual(expect.arrayContaining([1, 4]))
  })
})

describe('wrong usage is exit code 2, and says what', () => {
  test.each<[string[], RegExp]>([
    [[], /0 files: give a receipt/u],
    [['/nowhere/x', '--relay', RELAY], /\/nowhere\/x cannot be read/u],
    [['--relay'], /--relay needs a value/u],
    [[paid!, '--relay', 'somewhere'], /--relay must be the relay's address/u],
    [[paid!, '--registry', 'x'], /--registry is CHAIN:0x…/u],
    [[paid!, '--what'], /there is no --what/u],
    [[paid!, anchored!, '--relay', RELAY], /one receipt at a time/u],
    [[paid!, '--chain', 'none'], /--chain none has no relay tokens/u],
    [[paid!, '--chain', 'dev'], /the receipt is of registry 0x/u],
  ])('%j', async (argv, problem) => {
    const { exitCode, err } = await verify(...argv)
    expect(exitCode).toBe(2)
    expect(err.join('\n')).toMatch(problem)
  })

  test('its help needs no file', async () => {
    const { exitCode, out } = await verify('--help')
    expect(exitCode).toBe(0)
    expect(out[0]).toContain('Exit code: 0 matches, 1 does not match, 2 unreadable')
  })
})

describe('hand-overs', () => {
  const { ShopID: _shop, ...identity } = kat.log.whose
  const wallets = kat.log.keys
  const From = fromHex(receiptKat.log.relay_address)
  // The receipt of a relay that changed its key: sets by the old one, checkpoint by the new one.
  const [bytes, { relays }] = receiptCall(receiptKat, receiptKat.receipts[3]!)
  const To = relays.find((address) => !equalBytes(address, From))!
  const relay = {
    ChainID: BigInt(identity.ChainID),
    Registry: fromHex(identity.Registry),
    Relay: BigInt(identity.Relay),
  }

  async function handOvers(name: string, fields: Partial<typeof relay>): Promise<string> {
    const key = join(folder, name)
    const signed = { Version: 1n, ...relay, ...fields, From, To, Timestamp: new CborTime(0n) } as const
    await writeHandOvers(key, [signHandOver(signed, fromHex(wallets.relay))])
    return `${key}.handovers`
  }

  test('lead from the old key to the new one', async () => {
    const rotated = file('rotated.cairn', bytes)
    const old = prefixedHex(From)
    expect((await verify(rotated, '--relay', old)).exitCode).toBe(1)
    const followed = await verify(rotated, '--relay', old, '--hand-overs', await handOvers('good', {}))
    expect([followed.exitCode, followed.err]).toEqual([0, []])
  })

  test('lead to the key that signed a checkpoint, and from no other one', async () => {
    const checkpoint = file('rotated.checkpoint', encode([...decodeReceipt(bytes).Checkpoint]))
    const list = await handOvers('good', {})
    expect((await verify(checkpoint, '--relay', prefixedHex(From))).exitCode).toBe(1)
    const followed = await verify(checkpoint, '--relay', prefixedHex(From), '--hand-overs', list)
    expect([followed.exitCode, followed.out[0]]).toEqual([0, expect.stringMatching(/^Matches: the relay signed /u)])
    const stranger = prefixedHex(new Uint8Array(20).fill(3))
    expect((await verify(checkpoint, '--relay', stranger, '--hand-overs', list)).exitCode).toBe(1)
  })

  test('of another relay, or none, are wrong usage', async () => {
    const rotated = file('rotated.cairn', bytes)
    const others = await handOvers('others', { Relay: 13n })
    for (const list of [others, join(folder, 'nowhere.handovers')]) {
      const { exitCode, err } = await verify(rotated, '--relay', prefixedHex(From), '--hand-overs', list)
      expect(exitCode).toBe(2)
      expect(err[0]).toContain(list)
    }
  })
})
