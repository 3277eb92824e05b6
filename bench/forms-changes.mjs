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
  const { log, proof, statement, size } = sample
  const read = notes.readTlogProof(proof)
  const { extra, ...bare } = read
  const write = (changed) => ({ proof: notes.writeTlogProof({ ...bare, ...changed }) })
  const { path, index, note } = read
  const [origin, , root] = note.split('\n')
  const signed = (text) => {
    const signature = signatureLine(log.origin, log.keyId, ed25519Sign(utf8(text), log.secret))
    return `${text}\n${signature}\n`
  }
  const line = note.slice(note.indexOf('\n\n') + 2)
  const stranger = Log.fresh()
  const leaf = notes.readStatement(statement)
  const stated = (changed) => ({ statement: notes.logLeafBytes({ ...leaf, ...changed }) })
  const head = log.head(size)

  const changes = [
    ['another version', { proof: proof.replace('@v1', '@v2') }],
    ['no first line', { proof: proof.slice(proof.indexOf('\n') + 1) }],
    ['no index', { proof: proof.replace(/\nindex \d+\n/u, '\n') }],
    ['the next index', write({ index: index + 1n })],
    ['an index beyond the log', write({ index: BigInt(size) })],
    ['an element more', write({ path: [...path, new Uint8Array(32)] })],
    ['an element more at the front', write({ path: [new Uint8Array(32), ...path] })],
    ['another Seq in the statement', stated({ Seq: leaf.Seq + 1n }), ['index is Seq - 1']],
    ['another Set', stated({ Set: flip(leaf.Set, 0) })],
    ['another StateRoot', stated({ StateRoot: flip(leaf.StateRoot, 31) })],
    ['a statement that is longer', { statement: Uint8Array.of(...statement, 0) }],
    ['another shop’s key', { log: stranger }],
    ['another shop’s note', write({ note: stranger.sampleNote(head) })],
    ['a note of another root', write({ note: signed(`${origin}\n${size}\n${root64(flip(head.root, 5))}\n`) })],
    ['a note of another size, unsigned', write({ note: note.replace(`\n${size}\n`, `\n${size + 1}\n`) })],
    ['no signature', write({ note: note.slice(0, note.indexOf('\n\n') + 2) })],
    ['no note', write({ note: '' })],
    ['index with a leading zero', { proof: proof.replace('\nindex ', '\nindex 0') }, both('a leading zero')],
    ['an extension line', write({ note: signed(`${origin}\n${size}\n${root}\nmore\n`) }), both('an extension line')],
    ['signed twice by the log', write({ note: note + line }), both('two signatures of the log')],
    [
      'size with a leading zero',
      write({ note: signed(`${origin}\n0${size}\n${root}\n`) }),
      { formats: 'a leading zero' },
    ],
  ].map(([name, changed, taken]) => ({ name, changed, taken: Array.isArray(taken) ? {} : (taken ?? {}) }))
  for (const [place, element] of path.entries()) {
    const other = path.map((sibling, i) => (i === place ? flip(element, place) : sibling))
    changes.push({ name: 'a sibling changed', changed: write({ path: other }), taken: {} })
    changes.push({ name: 'a sibling left out', changed: write({ path: path.toSpliced(place, 1) }), taken: {} })
    if (place > 0) changes.push({ name: 'siblings swapped', changed: write({ path: swapped(path, place) }), taken: {} })
  }
  if (path.length > 0) {
    const inner = notes.treeNodeHash(notes.treeLeafHash(statement), path[0])
    const preimage = Uint8Array.of(...notes.treeLeafHash(statement), ...path[0])
    const changed = { ...write({ path: path.slice(1), index: index >> 1n }), statement: preimage }
    changes.push({ name: 'interior node as leaf', changed, taken: {} })
    changes.push({ name: 'an inner hash as statement', changed: { statement: inner }, taken: {} })
  }
  return changes
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
