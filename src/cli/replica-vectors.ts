/**
 * The sections of a file like state-kat.json that are of what a client holds (PROOFS §1.3, §4): all orders of a card,
 * snapshots and what follows them: each as the file's own `format` says. Pure: values in, findings out.
 *
 * Tests: test/cli/replica-vectors.test.ts
 */

import { sha256 } from '#hash'
import { addressOf } from '#signature'
import { be64, concatBytes, equalBytes } from '../bytes/bytes.js'
import { fromHex, HexError, toHex } from '../bytes/hex.js'
import { encode } from '../codec/encode.js'
import {
  readLevel,
  STATE_COLLECTIONS,
  StateProofError,
  StateLeafOrderError,
  type Level,
  type StateCollection,
  type StateObject,
} from '../merkle/state-proof.js'
import { GUESTS_ACCOUNT } from '../objects/account.js'
import { encodeChange, readPatch } from '../patches/patch.js'
import { signerOf } from '../patches/patch-set.js'
import { decodeLast, verifyCheckpoint, verifyLast, type Checkpoint } from '../proofs/checkpoint.js'
import { HeldShop } from '../proofs/held-shop.js'
import { MyOrdersError } from '../proofs/my-orders-error.js'
import { MyOrders, type ListedOrder } from '../proofs/my-orders.js'
import {
  requireLevel,
  requireRoot,
  SnapshotError,
  SnapshotVerifier,
  type Salts,
  type SnapshotClaim,
  type SnapshotCollection,
  type SnapshotObject,
} from '../proofs/snapshot.js'
import {
  encodeSalts,
  encodeSnapshotObject,
  ProofPayloadError,
  readSalts,
  readSnapshotObject,
} from '../wire/snapshot-payloads.js'
import { answerRow, type AnswerRow, type EntryRow } from './state-vectors.js'
import { expectEqual, expectSame, newFindings, VectorFileError, type Findings } from './vector-findings.js'

/** In the order in which they are checked. */
export const REPLICA_SECTIONS = [
  'my_orders',
  'my_orders_refused',
  'snapshot',
  'snapshot_unfiltered',
  'snapshot_followed',
  'snapshot_refused',
  'guests_account',
  'guests_account_refused',
] as const

interface MyOrdersRow {
  readonly name: string
  readonly card: string
  readonly pair: number
  readonly list: readonly (readonly [id: string, seq: number])[]
  readonly proofs?: string
  readonly base?: readonly ['my_orders', number]
  readonly splices?: readonly (readonly [from: number, to: number, hex: string])[]
  readonly rest?: readonly string[]
  readonly answers: readonly (readonly [id: string, answer: AnswerRow])[]
}

/** A number is an index into snapshot.objects. */
type ObjectRow = number | string

interface SnapshotRow {
  readonly pair: number
  readonly last: string
  readonly level: string
  readonly salts: string
  readonly objects: readonly ObjectRow[]
}

interface RefusedSnapshotRow extends Partial<Omit<SnapshotRow, 'objects'>> {
  readonly name: string
  readonly objects: readonly ObjectRow[]
  readonly unfiltered?: boolean
}

interface ReplicaFile {
  readonly pairs: readonly (readonly [bytes: string, signature: string])[]
  readonly log: {
    readonly whose: { readonly ShopID: string }
    readonly relay_address: string
    readonly sets: readonly {
      readonly seq: number
      readonly header: string
      readonly signature: string
      readonly patches: readonly string[]
      readonly level: string
    }[]
  }
  readonly shops: {
    readonly market: {
      readonly manifest: string
      readonly collections: Readonly<Record<StateCollection, readonly EntryRow[]>>
    }
  }
  readonly my_orders: readonly MyOrdersRow[]
  readonly my_orders_refused: readonly MyOrdersRow[]
  readonly snapshot: SnapshotRow & { readonly objects: readonly string[] }
  readonly snapshot_unfiltered: Pick<SnapshotRow, 'objects'>
  readonly snapshot_followed: SnapshotRow & { readonly seq: number }
  readonly snapshot_refused: readonly RefusedSnapshotRow[]
  readonly guests_account: {
    readonly cards: number
    readonly length: number
    readonly v: string
    readonly level: string
    readonly state_root: string
    readonly next_level: string
    readonly next_state_root: string
    readonly pieces: readonly (readonly number[])[]
  }
  readonly guests_account_refused: readonly {
    readonly name: string
    readonly lengths: readonly number[]
    readonly more?: readonly boolean[]
  }[]
}

const FILTERED: SnapshotClaim['selected'] = {
  Manifest: 'whole',
  Accounts: 'whole',
  Inventory: 'whole',
  Listings: 'whole',
  Orders: 'whole',
  Tags: 'whole',
}
const UNFILTERED: SnapshotClaim['selected'] = { ...FILTERED, Cards: 'whole' }

/** Checks all sections of REPLICA_SECTIONS that `file` has. Throws VectorFileError where they have another shape. */
export function checkReplicaSections(file: object): Findings {
  const findings = newFindings()
  try {
    const check = new ReplicaCheck(file as ReplicaFile, findings)
    for (const section of REPLICA_SECTIONS) if (Object.hasOwn(file, section)) check[section]()
  } catch (error) {
    const isForm = [TypeError, RangeError, SyntaxError, HexError].some((type) => error instanceof type)
    if (!isForm) throw error
    throw new VectorFileError(`a section is not as its format says: ${(error as Error).message}`, { cause: error })
  }
  return findings
}

/** One method a section. */
class ReplicaCheck implements Record<(typeof REPLICA_SECTIONS)[number], () => void> {
  private readonly file: ReplicaFile
  private readonly findings: Findings

  constructor(file: ReplicaFile, findings: Findings) {
    this.file = file
    this.findings = findings
  }

  my_orders(): void {
    for (const row of this.file.my_orders) {
      const ours = outcome(() => JSON.stringify(this.ordersOf(row)))
      expectEqual(this.findings, `my_orders: ${row.name}`, JSON.stringify(row.answers.map(answerTexts)), ours)
    }
  }

  my_orders_refused(): void {
    for (const row of this.file.my_orders_refused)
      this.refused(`my_orders_refused: ${row.name}`, () => void this.ordersOf(row))
  }

  /** What is then held is the shop `market`, byte for byte. */
  snapshot(): void {
    const { snapshot } = this.file
    this.held('snapshot', snapshot, FILTERED)
    const sent = this.bytesOf(snapshot.objects)
    const written = sent.map((bytes) => encodeSnapshotObject(readSnapshotObject(bytes)))
    expectSame(this.findings, 'snapshot: written', concatBytes(...sent), concatBytes(...written))
    expectSame(
      this.findings,
      'snapshot: salts',
      fromHex(snapshot.salts),
      encodeSalts(readSalts(fromHex(snapshot.salts))),
    )
  }

  snapshot_unfiltered(): void {
    this.held(
      'snapshot_unfiltered',
      { ...this.file.snapshot, objects: this.file.snapshot_unfiltered.objects },
      UNFILTERED,
    )
  }

  /** After each set what is held gives that set's level. */
  snapshot_followed(): void {
    const row = this.file.snapshot_followed
    const at = (seq: number) => `snapshot_followed: set ${seq}`
    const shop = new HeldShop({ hasTree: true })
    const taken = outcome(() => this.taken(row, UNFILTERED).forEach((object) => shop.put(object, BigInt(row.seq))))
    expectEqual(this.findings, 'snapshot_followed', 'accepted', taken)
    if (taken !== 'accepted') return
    const salts = readSalts(fromHex(row.salts))
    for (const set of this.file.log.sets.slice(row.seq)) {
      const [header, signature] = [fromHex(set.header), fromHex(set.signature)]
      const key = signerOf(header, signature)!
      const signer = equalBytes(addressOf(key), fromHex(this.file.log.relay_address)) ? 'relay' : key
      shop.apply({ seq: BigInt(set.seq), signer, patches: set.patches.map((patch) => readPatch(fromHex(patch))) })
      shop.advance(BigInt(set.seq))
      this.compared(at(set.seq), shop, readLevel(fromHex(set.level)), salts)
    }
  }

  snapshot_refused(): void {
    for (const row of this.file.snapshot_refused) {
      const whole = { ...this.file.snapshot, ...row, objects: row.objects }
      this.refused(`snapshot_refused: ${row.name}`, () => {
        this.taken(whole, row.unfiltered === true ? UNFILTERED : FILTERED)
      })
    }
  }

  guests_account(): void {
    const { guests_account: row } = this.file
    const value = guestsAccount(row.cards)
    this.expect('guests_account: length', row.length, value.length)
    expectSame(this.findings, 'guests_account: v', fromHex(row.v), sha256(value))
    for (const lengths of row.pieces) {
      const at = `guests_account: ${lengths.join(', ')}`
      const shop = new HeldShop({ hasTree: true })
      const taken = outcome(() => this.guests(piecesOf(value, lengths)).forEach((object) => shop.put(object, 1n)))
      expectEqual(this.findings, at, 'accepted', taken)
      if (taken !== 'accepted') continue
      const change = {
        op: 'append',
        path: ['Accounts', GUESTS_ACCOUNT, 'KeyCards'],
        value: cardNumber(row.cards),
      } as const
      shop.apply({ seq: 2n, signer: 'relay', patches: [readPatch(encodeChange(change))] })
      shop.advance(2n)
      const next = outcome(() => {
        requireRoot('Accounts', shop.root('Accounts'), readLevel(fromHex(row.next_level)), {})
        requireLevel(readLevel(fromHex(row.next_level)), fromHex(row.next_state_root))
      })
      expectEqual(this.findings, `${at}: next`, 'accepted', next)
    }
  }

  guests_account_refused(): void {
    const value = guestsAccount(this.file.guests_account.cards)
    for (const { name, lengths, more } of this.file.guests_account_refused)
      this.refused(`guests_account_refused: ${name}`, () => void this.guests(piecesOf(value, lengths, more)))
  }

  private ordersOf(row: MyOrdersRow): unknown[] {
    const claim = { ...this.claimOf(row.pair), card: fromHex(row.card) }
    const list = row.list.map(([id, seq]): ListedOrder => [BigInt(id), BigInt(seq)])
    const orders = new MyOrders(claim, list, this.proofsOf(row))
    for (const proofs of row.rest ?? []) orders.add(fromHex(proofs))
    return orders.all().map(([id, object]) => [String(id), answerRow(object)])
  }

  private proofsOf({ proofs, base, splices = [] }: MyOrdersRow): Uint8Array {
    let hex = proofs ?? this.file.my_orders[base![1]]!.proofs!
    for (const [from, to, part] of splices.toReversed()) hex = hex.slice(0, 2 * from) + part + hex.slice(2 * to)
    return fromHex(hex)
  }

  private checkpoint(pair: number): Checkpoint {
    const [bytes, signature] = this.file.pairs[pair]!
    return verifyCheckpoint([fromHex(bytes), fromHex(signature)], [fromHex(this.file.log.relay_address)]).fields
  }

  private claimOf(pair: number): Pick<SnapshotClaim, 'shopId' | 'stateRoot'> {
    return { shopId: BigInt(this.file.log.whose.ShopID), stateRoot: this.checkpoint(pair).StateRoot }
  }

  private bytesOf(objects: readonly ObjectRow[]): Uint8Array[] {
    return objects.map((row) => fromHex(typeof row === 'number' ? this.file.snapshot.objects[row]! : row))
  }

  /** Throws SnapshotError, StateProofError. */
  private taken(row: SnapshotRow, selected: SnapshotClaim['selected']): SnapshotObject[] {
    const verifier = new SnapshotVerifier(
      { ...this.claimOf(row.pair), selected },
      readLevel(fromHex(row.level)),
      readSalts(fromHex(row.salts)),
    )
    const objects = this.bytesOf(row.objects).flatMap((bytes) => verifier.take(readSnapshotObject(bytes)) ?? [])
    verifier.end()
    return objects
  }

  private guests(objects: readonly Uint8Array[]): SnapshotObject[] {
    const { state_root: root, level } = this.file.guests_account
    const claim: SnapshotClaim = { shopId: 1n, stateRoot: fromHex(root), selected: { Accounts: 'whole' } }
    const verifier = new SnapshotVerifier(claim, readLevel(fromHex(level)), {})
    const taken = objects.flatMap((bytes) => verifier.take(readSnapshotObject(bytes)) ?? [])
    verifier.end()
    return taken
  }

  private held(at: string, row: SnapshotRow, selected: SnapshotClaim['selected']): void {
    verifyLast(decodeLast(fromHex(row.last)), this.checkpoint(row.pair))
    const shop = new HeldShop({ hasTree: true })
    const taken = outcome(() => this.taken(row, selected).forEach((object) => shop.put(object, 20n)))
    expectEqual(this.findings, at, 'accepted', taken)
    const { market } = this.file.shops
    for (const name of Object.keys(selected) as SnapshotCollection[]) {
      const theirs = name === 'Manifest' ? [['', market.manifest]] : market.collections[name]
      this.expect(`${at}: ${name}`, theirs.map(String).toSorted(), entriesOf(shop, name))
    }
  }

  private compared(at: string, shop: HeldShop, level: Level, salts: Salts): void {
    for (const name of STATE_COLLECTIONS)
      expectEqual(
        this.findings,
        `${at}: ${name}`,
        'accepted',
        outcome(() => requireRoot(name, shop.root(name), level, salts)),
      )
    const manifest = shop.treeObject(['Manifest', new Uint8Array(0)])!.value
    expectSame(this.findings, `${at}: Manifest`, level.manifestHash, sha256(manifest))
  }

  private refused(at: string, act: () => void): void {
    const ours = outcome(act)
    expectEqual(this.findings, at, 'refused', ours, ours.startsWith('refused'))
  }

  private expect(at: string, theirs: unknown, ours: unknown): void {
    expectEqual(this.findings, at, JSON.stringify(theirs), JSON.stringify(ours))
  }
}

/** What `act` says, or why it is refused. */
function outcome(act: () => string | void): string {
  try {
    return act() ?? 'accepted'
  } catch (error) {
    const isRefusal = [StateProofError, SnapshotError, MyOrdersError, StateLeafOrderError, ProofPayloadError].some(
      (type) => error instanceof type,
    )
    if (!isRefusal) throw error
    return `refused: ${(error as Error).message}`
  }
}

function answerTexts([id, answer]: readonly [string, AnswerRow]): unknown {
  return [id, Array.isArray(answer) ? [answer[0], String(answer[1]), answer[2]] : answer]
}

/** Key, value and what else the entries of a collection have, as texts, sorted. */
function entriesOf(shop: HeldShop, collection: SnapshotCollection): string[] {
  const entry = ([, key]: readonly [string, Uint8Array], { value, history }: StateObject) =>
    String([toHex(key), toHex(value), ...(history ? [history.lastSeq, toHex(history.trail)] : [])])
  return [...shop.treeObjects()]
    .filter(({ question }) => question[0] === collection)
    .map(({ question, object }) => entry(question, object))
    .toSorted()
}

/** CBOR {Guest true, KeyCards [cardNumber(0) …]}. */
function guestsAccount(cards: number): Uint8Array {
  const keyCards = Array.from({ length: cards }, (_, i) => cardNumber(i))
  return encode(
    new Map<string, boolean | Uint8Array[]>([
      ['Guest', true],
      ['KeyCards', keyCards],
    ]),
  )
}

/** No point of the curve. */
function cardNumber(i: number): Uint8Array {
  return concatBytes(Uint8Array.of(2), sha256(be64(BigInt(i))))
}

function piecesOf(value: Uint8Array, lengths: readonly number[], more: readonly boolean[] = []): Uint8Array[] {
  let at = 0
  return lengths.map((length, i) => {
    const piece = value.subarray(at, (at += length))
    return encode(['Accounts', GUESTS_ACCOUNT, piece, more[i] ?? i < lengths.length - 1])
  })
}
