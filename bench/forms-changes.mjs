// What check:forms changes in a sample, one thing at a time. Each change names the verifiers that take it all the same,
// and why that is right; everybody else must refuse it.

import { ed25519Sign } from '../dist/bytes/ed25519.js'
import { encode } from '../dist/codec/encode.js'
import * as notes from '../dist/notes/forms.js'
import { signatureLine } from '../dist/notes/signed-note.js'
import { Log } from './forms-samples.mjs'

const flip = (value, at, mask = 1) => value.map((byte, i) => (i === at ? byte ^ mask : byte))
const utf8 = (text) => new TextEncoder().encode(text)

/** Changes of a tlog-proof: parts of a sample that stand in the place of its own. */
export function changesOfTlog(sample) {
  const { extra: _extra, ...parts } = notes.readTlogProof(sample.proof)
  const write = (changed) => ({ proof: notes.writeTlogProof({ ...parts, ...changed }) })
  const of = { sample, ...parts, write, stranger: Log.fresh() }
  return [...changesOfText(of), ...changesOfStatement(of), ...changesOfNote(of), ...changesOfPath(of)].map(
    ([name, changed, taken = {}]) => ({ name, changed, taken }),
  )
}

function changesOfText({ sample: { proof, size }, index, path, write }) {
  return [
    ['another version', { proof: proof.replace('@v1', '@v2') }],
    ['no first line', { proof: proof.slice(proof.indexOf('\n') + 1) }],
    ['no index', { proof: proof.replace(/\nindex \d+\n/u, '\n') }],
    ['the next index', write({ index: index + 1n })],
    ['an index beyond the log', write({ index: BigInt(size) })],
    ['index with a leading zero', { proof: proof.replace('\nindex ', '\nindex 0') }, both('a leading zero')],
    ['an element more', write({ path: [...path, new Uint8Array(32)] })],
    ['an element more at the front', write({ path: [new Uint8Array(32), ...path] })],
  ]
}

function changesOfStatement({ sample: { statement }, stranger }) {
  const leaf = notes.readStatement(statement)
  const stated = (changed) => ({ statement: notes.logLeafBytes({ ...leaf, ...changed }) })
  return [
    ['another Seq in the statement', stated({ Seq: leaf.Seq + 1n })],
    ['another Set', stated({ Set: flip(leaf.Set, 0) })],
    ['another StateRoot', stated({ StateRoot: flip(leaf.StateRoot, 31) })],
    ['a statement that is longer', { statement: Uint8Array.of(...statement, 0) }],
    ['another shop’s key', { log: stranger }],
  ]
}

function changesOfNote({ sample: { log, size }, note, write, stranger }) {
  const head = log.head(size)
  const [origin, , root] = note.split('\n')
  const signaturesAt = note.indexOf('\n\n') + 2
  const mine = note.slice(signaturesAt).split('\n')[0]
  const signed = (text) => {
    const signature = signatureLine(log.origin, log.keyId, ed25519Sign(utf8(text), log.secret))
    return write({ note: `${text}\n${signature}\n` })
  }
  return [
    ['another shop’s note', write({ note: stranger.noteOf(head) })],
    ['a note of another root', signed(`${origin}\n${size}\n${root64(flip(head.root, 5))}\n`)],
    ['a note of another size, unsigned', write({ note: note.replace(`\n${size}\n`, `\n${size + 1}\n`) })],
    ['no signature', write({ note: note.slice(0, signaturesAt) })],
    ['no note', write({ note: '' })],
    ['an extension line', signed(`${origin}\n${size}\n${root}\nmore\n`), both('an extension line')],
    ['signed twice by the log', write({ note: `${note}${mine}\n` }), both('two signatures of the log')],
    ['size with a leading zero', signed(`${origin}\n0${size}\n${root}\n`), { formats: 'a leading zero' }],
  ]
}

function changesOfPath({ sample: { statement }, index, path, write }) {
  const changes = path.flatMap((element, place) => [
    ['a sibling changed', write({ path: path.with(place, flip(element, place)) })],
    ['a sibling left out', write({ path: path.toSpliced(place, 1) })],
    ...(place === 0 ? [] : [['siblings swapped', write({ path: swapped(path, place) })]]),
  ])
  if (path.length === 0) return changes
  const leaf = notes.treeLeafHash(statement)
  const inner = { ...write({ path: path.slice(1), index: index >> 1n }), statement: Uint8Array.of(...leaf, ...path[0]) }
  const hash = { statement: notes.treeNodeHash(leaf, path[0]) }
  return [...changes, ['interior node as leaf', inner], ['an inner hash as statement', hash]]
}

/** Every bit of a tlog-proof's bytes, one at a time; of extra nothing, which no signature covers. */
export function flipsOfTlog(sample) {
  const proof = utf8(sample.proof.replace(/\nextra .*\n/u, '\n'))
  return [...proof.keys()].flatMap((at) =>
    Array.from({ length: 8 }, (_, bit) => ({
      name: `bit ${bit} of byte ${at}`,
      changed: { proof: flip(proof, at, 1 << bit) },
      taken: isUnusedBit(proof, at, bit) ? both('bits of base64 that stand for nothing') : {},
    })),
  )
}

/** Changes of a COSE receipt. */
export function changesOfCose(sample) {
  const { log, receipt, statement } = sample
  const leaf = notes.readStatement(statement)
  const stranger = Log.fresh()
  const index = leaf.Seq - 1n
  const made = notes.readTlogProof(sample.proof)
  const head = log.head(sample.size)
  const again = (changed, { of = head, origin = log.origin, secret = log.secret } = {}) => ({
    receipt: notes.signCoseReceipt(
      { index, path: made.path, ...changed },
      of,
      { Origin: origin, NoteKey: log.noteKey },
      secret,
    ),
  })
  return [
    ['another Set', { statement: notes.logLeafBytes({ ...leaf, Set: flip(leaf.Set, 0) }) }],
    ['another StateRoot', { statement: notes.logLeafBytes({ ...leaf, StateRoot: flip(leaf.StateRoot, 0) }) }],
    ['another shop’s key', { log: stranger }],
    ['signed by another key', again({}, { secret: stranger.secret })],
    ['another index', again({ index: index ^ 1n })],
    ['a sibling changed', again({ path: made.path.with(0, flip(made.path[0], 0)) })],
    ['an element more', again({ path: [...made.path, new Uint8Array(32)] })],
    ['over another root', again({}, { of: { ...head, root: flip(head.root, 0) } })],
    [
      'of another shop under the same key',
      again({}, { origin: stranger.origin }),
      { scitt: 'it asks for no key id, and leaves the issuer to its caller' },
    ],
    ['no tag', { receipt: receipt.slice(1) }],
  ].map(([name, changed, taken = {}]) => ({ name, changed, taken }))
}

/**
 * Every bit of a COSE receipt, one at a time. What it says of the log's size is not proven (PROOFS §8): whether another
 * size leads to the same root is the same question for all.
 */
export function flipsOfCose({ receipt, size }) {
  const proof = encode([BigInt(size)]).subarray(1)
  const start = Buffer.from(receipt).indexOf(Buffer.from([0x83, ...proof])) + 1
  const isOfSize = (at) => at >= start && at < start + proof.length
  return [...receipt.keys()].flatMap((at) =>
    Array.from({ length: 8 }, (_, bit) => ({
      name: `bit ${bit} of byte ${at}`,
      changed: { receipt: flip(receipt, at, 1 << bit) },
      taken: {},
      asOne: isOfSize(at),
    })),
  )
}

function both(why) {
  return { formats: why, torchwood: why }
}

function swapped(path, place) {
  return path.with(place, path[place - 1]).with(place - 1, path[place])
}

function root64(root) {
  return Buffer.from(root).toString('base64')
}

/**
 * The last letter before the padding of a base64 line carries bits that nobody reads; not so in the note's root, whose
 * text is signed as it stands.
 */
function isUnusedBit(proof, at, bit) {
  const text = Buffer.from(proof).toString('latin1')
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  const isSigned = at > text.indexOf('\n\n') && at < text.lastIndexOf('\n\n')
  if (isSigned || text[at + 1] !== '=') return false
  const [was, is] = [alphabet.indexOf(text[at]), alphabet.indexOf(String.fromCharCode(proof[at] ^ (1 << bit)))]
  return is >= 0 && was >> 2 === is >> 2
}
