/** `cairn verify` of tlog-proofs and COSE receipts, with an order receipt of the known answers in or beside them. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { utf8 } from '../../src/bytes/bytes.js'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { receiptCall } from '../../src/cli/receipt-vectors.js'
import { run } from '../../src/cli/verify.js'
import * as forms from '../../src/notes/forms.js'
import { receiptVerifier } from '../../src/notes/receipt-facts.js'
import { CborTime } from '../../src/codec/encode.js'
import { addressOf, publicKeyOf } from '../../src/bytes/signature.node.js'
import { encodeSignedHandOver, signHandOver, type HandOver } from '../../src/proofs/checkpoint.js'
import { readLogKat } from '../fixtures/log-kat.js'
import { CosigningKey } from '../fixtures/witness.js'
import { receiptKat } from '../fixtures/kat-receipts.js'
import { notes } from '../fixtures/note-kat.js'

const folder = mkdtempSync(join(tmpdir(), 'cairn-verify-forms-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const RELAY = `0x${notes.relay_address}`
const nodes = new Map<string, Uint8Array>()
const tree = new forms.TreeAppender()
for (const statement of notes.statements)
  for (const { level, index, value } of tree.append(forms.treeLeafHash(fromHex(statement))))
    nodes.set(`${level} ${index}`, value)
const read = (level: number, index: number) => nodes.get(`${level} ${index}`)!

const [receipt] = receiptCall(receiptKat, receiptKat.receipts[0]!)
const { last, checkpointSeq } = receiptVerifier({ relays: [fromHex(notes.relay_address)] })(receipt)
const [seq, size] = [Number(last.Seq), Number(checkpointSeq)]
const secret = fromHex(notes.note_secret)
const binding = notes.binding.map(fromHex) as [Uint8Array, Uint8Array]
const note = forms.signNote(notes.origin, { size: checkpointSeq, root: forms.treeRoot(size, read) }, secret)
const { proof } = forms.tlogProofOf({ seq, size, note, receipt, binding, read })
const cose = forms.coseReceiptOf({ leaf: last, size, binding, read, secret })

let files = 0
/** A file of its own, with what stands beside it. */
function file(bytes: Uint8Array, beside: Readonly<Record<string, Uint8Array>> = {}): string {
  const path = join(folder, `${files++}`)
  writeFileSync(path, bytes)
  for (const [kind, content] of Object.entries(beside)) writeFileSync(`${path}.${kind}`, content)
  return path
}

async function verify(...argv: string[]) {
  const [out, err]: [string[], string[]] = [[], []]
  const io = { env: {}, isTerminal: false, signal: new AbortController().signal }
  const put = { out: (line: string) => void out.push(line), err: (line: string) => void err.push(line) }
  return { exitCode: await run(argv, { ...put, ...io }), out, err }
}

describe('a form', () => {
  test('that matches says of what, and what was not checked', async () => {
    const { exitCode, out, err } = await verify(file(utf8(proof)), '--relay', RELAY)
    expect([exitCode, err]).toEqual([0, []])
    expect(out[0]).toBe("Matches: the order is as the shop's relay signed it, and its last set is in the log.")
    expect(out).toContain(`  origin: ${notes.origin}`)
    expect(out).toContain(`  log: ${size} sets`)
    expect(out).toContain('Not checked: whether anything was delivered.')
  })

  const bare = utf8(forms.writeTlogProof({ ...forms.readTlogProof(proof), extra: undefined }))
  const signed = forms.encodeSignedBinding(binding)
  const statement = forms.logLeafBytes(last)
  const other = fromHex(notes.statements[0]!)
  const changed = utf8(proof.replace(/\nindex \d+\n/u, '\nindex 0\n'))
  const wrong = receipt.map((byte, i) => (i === receipt.length - 1 ? byte ^ 1 : byte))
  test.each<[string, number, RegExp, Uint8Array, Record<string, Uint8Array>]>([
    ['receipt and binding beside it', 0, /^Matches: the order/u, bare, { binding: signed, receipt }],
    ['a statement beside it', 0, /^Matches: this set/u, bare, { binding: signed, statement }],
    ['a COSE receipt', 0, /^Matches: this set/u, cose.receipt, { binding: cose.binding, statement: cose.statement }],
    ['a COSE receipt with its order', 0, /^Matches: the order/u, cose.receipt, { binding: signed, receipt }],
    ['another statement', 1, /^Does not match/u, bare, { binding: signed, statement: other }],
    ['another index', 1, /^Does not match/u, changed, {}],
    ['a receipt that is changed', 1, /^Does not match/u, bare, { binding: signed, receipt: wrong }],
    ['no binding', 3, /^Cannot say: unknown shop key/u, bare, { receipt }],
    ['neither receipt nor statement', 3, /^Cannot say: what/u, bare, { binding: signed }],
    ['a newer format', 3, /^Cannot say: newer format/u, utf8(proof.replace('@v1', '@v2')), {}],
    ['nothing that can be read', 2, /^Not a receipt/u, utf8(proof.slice(0, 40)), {}],
  ])('with %s: exit code %i', async (_name, exitCode, sentence, bytes, beside) => {
    const found = await verify(file(bytes, beside), '--relay', RELAY)
    expect([found.exitCode, found.err]).toEqual([exitCode, []])
    expect(found.out[0]).toMatch(sentence)
  })

  test('without the relay’s address nothing can be said; of another relay it is not', async () => {
    const [paid, beside] = [file(receipt), { binding: signed, statement }]
    for (const one of [file(utf8(proof)), file(bare, beside), file(cose.receipt, beside), paid]) {
      expect((await verify(one)).exitCode).toBe(3)
      const { exitCode, out } = await verify(one, '--relay', `0x${'11'.repeat(20)}`)
      expect([exitCode, out[0]]).toEqual([1, 'Does not match.'])
      expect(out.slice(1).join('\n')).toMatch(/Either another key signed it, or it was changed\./u)
      expect(out.slice(1).join('\n')).toMatch(/is signed by 0x[0-9a-f]{40}, not by the relay 0x1{40}/u)
    }
  })

  test('of an order that is not the one', async () => {
    const { exitCode, out } = await verify(file(utf8(proof)), '--relay', RELAY, '--order', '1')
    expect([exitCode, out[0]]).toEqual([1, 'Does not match.'])
  })

  test('as JSON', async () => {
    const { out } = await verify(file(utf8(proof)), '--relay', RELAY, '--json')
    expect(JSON.parse(out[0]!)).toMatchObject({ kind: 'form', outcome: 'matches', exitCode: 0 })
  })
})

describe('cosignatures', () => {
  const text = note.slice(0, note.indexOf('\n\n') + 1)
  const [one, other, third] = [
    new CosigningKey('one.example', 1),
    new CosigningKey('other.example', 2),
    new CosigningKey('third.example', 3),
  ]
  const cosigned = (...lines: string[]) =>
    file(utf8(forms.tlogProofOf({ seq, size, note: `${note}${lines.join('\n')}\n`, receipt, binding, read }).proof))
  const both = () => cosigned(one.line(text), other.line(text, 1_800_000_060n))
  const as = (...keys: CosigningKey[]) => keys.flatMap(({ vkey }) => ['--witness', vkey])

  test('of the witnesses that are named: how many, and when; of others that they were not looked at', async () => {
    const { exitCode, out, err } = await verify(both(), '--relay', RELAY, ...as(one))
    expect([exitCode, err]).toEqual([0, []])
    expect(out).toContain('  witnesses: 1 of the 1 named cosigned')
    expect(out).toContain('    one.example, 2027-01-15T08:00:00Z')
    expect(out.join()).toContain('Not checked: cosignatures of 1 witnesses that were not named (--witness);')
    const told = await verify(both(), '--relay', RELAY, '--json', '--witness', one.vkey, other.vkey, one.vkey)
    expect(JSON.parse(told.out[0]!)).toMatchObject({
      details: { witnesses: '2 of the 2 named cosigned' },
      cosignatures: [
        { witness: 'one.example', time: '2027-01-15T08:00:00Z' },
        { witness: 'other.example', time: '2027-01-15T08:01:00Z' },
      ],
    })
  })

  test('that are missing: all of the named have to be there, or as many as are asked', async () => {
    const all = await verify(both(), '--relay', RELAY, ...as(one, other, third))
    expect([all.exitCode, all.out[0]]).toEqual([1, 'Does not match.'])
    expect(all.out[1]).toBe(
      `  the note of ${size} has cosignatures of 2 known witnesses, at least 3 are wanted; missing: third.example.`,
    )
    for (const [atLeast, exitCode] of [
      ['2', 0],
      ['3', 1],
      ['0', 0],
    ] as const)
      expect((await verify(both(), '--relay', RELAY, ...as(one, other, third), '--witnesses', atLeast)).exitCode).toBe(
        exitCode,
      )
    const none = await verify(file(utf8(proof)), '--relay', RELAY, ...as(one), '--witnesses', '0')
    expect(none.out).toContain('  witnesses: 0 of the 1 named cosigned')
  })

  test('that do not verify, although others are enough', async () => {
    const bad = cosigned(one.line(text), other.line(`${text}x`))
    const { exitCode, out } = await verify(bad, '--relay', RELAY, ...as(one, other), '--witnesses', '1')
    expect([exitCode, out[1]]).toEqual([1, '  the cosignature of other.example does not verify.'])
  })

  test('of one witness twice are one, and its newest counts', async () => {
    const twice = cosigned(one.line(text), one.line(text, 1_800_000_060n))
    expect((await verify(twice, '--relay', RELAY, ...as(one, other), '--witnesses', '2')).exitCode).toBe(1)
    const { out } = await verify(twice, '--relay', RELAY, ...as(one))
    expect(out).toContain('    one.example, 2027-01-15T08:01:00Z')
    const late = await verify(cosigned(one.line(text, 2n ** 64n - 1n)), '--relay', RELAY, ...as(one))
    expect(late.out).toContain(`    one.example, second ${2n ** 64n - 1n}`)
  })

  test('are for tlog-proofs alone, and a key has to be one', async () => {
    const beside = { binding: forms.encodeSignedBinding(binding), statement: forms.logLeafBytes(last) }
    for (const path of [file(receipt), file(cose.receipt, beside), file(binding[0])]) {
      const { exitCode, out, err } = await verify(path, '--relay', RELAY, ...as(one))
      expect([exitCode, out, err]).toEqual([2, [], [expect.stringContaining('are for tlog-proofs')]])
    }
    const unread = await verify(both(), '--relay', RELAY, '--witness', 'one.example')
    expect([unread.exitCode, unread.err[0]]).toEqual([2, expect.stringContaining('--witness: no key of a witness')])
    const many = await verify(both(), '--relay', RELAY, ...as(one, one), '--witnesses', '2')
    expect([many.exitCode, many.err[0]]).toEqual([2, 'cairn verify: --witnesses 2: there are 1 keys with --witness'])
  })
})

describe('the keys of the relay', () => {
  const newer = new Uint8Array(32).fill(42)
  const [From, To] = [fromHex(notes.relay_address), addressOf(publicKeyOf(newer))]
  const resigned = forms.signBinding(binding[0], newer)
  const path = () => file(utf8(forms.tlogProofOf({ seq, size, note, receipt, binding: resigned, read }).proof))
  const { ChainID, Registry, Relay } = forms.decodeBinding(binding[0])
  const handOver = (changes: Partial<HandOver> = {}) => {
    const fields = { Version: 1n, ChainID, Registry, Relay, From, To, Timestamp: new CborTime(0n), ...changes } as const
    const signed = signHandOver(fields, fromHex(readLogKat().log.keys.relay))
    const path = join(folder, `${files++}.handovers`)
    writeFileSync(path, `${toHex(encodeSignedHandOver(signed))}\n`)
    return path
  }

  test('after a rotation, by hand-overs: the new key bound the note key, the old one signed the receipt', async () => {
    const handOvers = handOver()
    expect((await verify(path(), '--relay', RELAY)).exitCode).toBe(1)
    const { exitCode, out, err } = await verify(path(), '--relay', RELAY, '--hand-overs', handOvers)
    expect([exitCode, err]).toEqual([0, []])
    expect(out[0]).toMatch(/^Matches: the order/u)
    const bareProof = forms.writeTlogProof({ ...forms.readTlogProof(proof), extra: undefined })
    const beside = { binding: forms.encodeSignedBinding(resigned), statement: forms.logLeafBytes(last) }
    for (const one of [file(utf8(bareProof), beside), file(cose.receipt, beside)])
      expect((await verify(one, '--relay', RELAY, '--hand-overs', handOvers)).exitCode).toBe(0)
  })

  test('hand-overs of another relay are wrong usage', async () => {
    const { exitCode, err } = await verify(path(), '--relay', RELAY, '--hand-overs', handOver({ Relay: 99n }))
    expect([exitCode, err]).toEqual([2, [expect.stringMatching(/the hand-over's Relay is 99, not /u)]])
  })

  test('a chain of another registry is wrong usage', async () => {
    const { exitCode, err } = await verify(path(), '--relay', RELAY, '--chain', 'dev')
    expect([exitCode, err]).toEqual([2, [expect.stringMatching(/^cairn verify: the receipt is of registry 0x/u)]])
  })
})
