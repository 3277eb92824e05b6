/** `cairn verify` of tlog-proofs and COSE receipts, with an order receipt of the known answers in or beside them. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { utf8 } from '../../src/bytes/bytes.js'
import { fromHex } from '../../src/bytes/hex.js'
import { receiptCall } from '../../src/cli/receipt-vectors.js'
import { run } from '../../src/cli/verify.js'
import * as forms from '../../src/notes/forms.js'
import { receiptVerifier } from '../../src/notes/receipt-facts.js'
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
    expect(out).toContain('Not checked: cosignatures of witnesses; whether anything was delivered.')
  })

  test.each([
    ['--hand-overs', 'relay.key.handovers'],
    ['--chain', 'dev'],
  ])('is not checked as if %s had been looked at', async (...given) => {
    const { exitCode, out, err } = await verify(file(utf8(proof)), '--relay', RELAY, ...given)
    expect([exitCode, out]).toEqual([2, []])
    expect(err[0]).toMatch(/do not lead to the keys of a tlog-proof: name them all with --relay/u)
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

  test('without the relay’s address, or with another', async () => {
    expect((await verify(file(utf8(proof)))).exitCode).toBe(3)
    expect((await verify(file(utf8(proof)), '--relay', `0x${'11'.repeat(20)}`)).exitCode).toBe(3)
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
