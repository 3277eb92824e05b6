// Logs, notes, tlog-proofs and COSE receipts for check:forms: of the known answers, and of fresh logs with fresh keys.

import { randomBytes, randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { ed25519PublicKey } from '../dist/bytes/ed25519.js'
import { publicKeyOf, addressOf } from '../dist/bytes/signature.js'
import * as notes from '../dist/notes/forms.js'

const KAT = new URL('../vectors/spec/note-kat.json', import.meta.url)
/** Sizes of fresh logs: around powers of two, where paths change their form. */
const SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100, 257, 1_000]
const SETS_PER_SIZE = 6

const bytes = (length) => new Uint8Array(randomBytes(length))

/** A log with all that it takes to make forms of it. */
export class Log {
  #nodes = new Map()
  #tree = new notes.TreeAppender()
  statements = []

  constructor({ origin, secret, binding, relay }) {
    Object.assign(this, { origin, secret, relay })
    this.noteKey = ed25519PublicKey(secret)
    this.keyId = notes.noteKeyId(origin, 1, this.noteKey)
    this.verifierKey = notes.verifierKey(origin, this.noteKey)
    this.binding = notes.verifyBinding(binding, [relay])
  }

  /** Of a shop, a relay and a note key that nobody had before. */
  static fresh(host = 'relay.example') {
    const [relaySecret, secret] = [bytes(32), bytes(32)]
    const shop = {
      ChainID: BigInt(randomInt(1, 100_000)),
      Registry: bytes(20),
      ShopID: BigInt(`0x${randomBytes(32).toString('hex')}`),
    }
    const origin = notes.originOf({ host, ...shop, generation: 1 })
    const NoteKey = ed25519PublicKey(secret)
    const encoded = notes.encodeBinding({ Version: 1n, ...shop, Relay: 12n, Origin: origin, NoteKey })
    const relay = addressOf(publicKeyOf(relaySecret))
    return new Log({ origin, secret, binding: notes.signBinding(encoded, relaySecret), relay })
  }

  append(statement) {
    this.statements.push(statement)
    for (const { level, index, value } of this.#tree.append(notes.treeLeafHash(statement)))
      this.#nodes.set(`${level} ${index}`, value)
  }

  read = (level, index) => this.#nodes.get(`${level} ${index}`)

  head(size) {
    return { size: BigInt(size), root: notes.treeRoot(size, this.read) }
  }

  note(size) {
    return notes.signNote(this.origin, this.head(size), this.secret)
  }

  /** This log's note of another's tree. */
  noteOf(head) {
    return notes.signNote(this.origin, head, this.secret)
  }

  /** A tlog-proof, and a COSE receipt where the log has two sets. */
  sample(seq, size, note = this.note(size)) {
    const statement = this.statements[seq - 1]
    const of = { seq, size, note, receipt: bytes(randomInt(1, 200)), binding: this.binding.signed, read: this.read }
    const leaf = notes.readStatement(statement)
    return {
      log: this,
      seq,
      size,
      statement,
      proof: notes.tlogProofOf(of).proof,
      receipt: size < 2 ? undefined : notes.coseReceiptOf({ ...of, leaf, secret: this.secret }).receipt,
    }
  }
}

/** The log of the specification's known answers. */
function katLog() {
  const kat = JSON.parse(readFileSync(KAT, 'utf8'))
  const log = new Log({
    origin: kat.origin,
    secret: unhex(kat.note_secret),
    binding: kat.binding.map(unhex),
    relay: unhex(kat.relay_address),
  })
  for (const statement of kat.statements) log.append(unhex(statement))
  return log
}

/** Samples of the known answers' log and of fresh ones. */
export function samplesOfMakers() {
  const kat = katLog()
  const samples = [1, 9, 17].map((seq) => kat.sample(seq, 17)).concat([11, 20].map((seq) => kat.sample(seq, 20)))
  for (const size of SIZES) {
    const log = Log.fresh()
    for (let Seq = 1n; Seq <= size; Seq++) log.append(notes.logLeafBytes({ Seq, Set: bytes(32), StateRoot: bytes(32) }))
    const seqs = new Set([1, size, ...Array.from({ length: SETS_PER_SIZE }, () => randomInt(1, size + 1))])
    for (const seq of seqs) samples.push(log.sample(seq, size))
  }
  return samples
}

function unhex(text) {
  return new Uint8Array(Buffer.from(text, 'hex'))
}
