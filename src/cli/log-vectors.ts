/**
 * The sections of a file like state-kat.json that are of the shop log and of checkpoints (PROOFS §2, §3): each as the
 * file's own `format` says. Sections that are not there are not asked for. Pure: values in, findings out.
 */

import { addressOf, publicKeyOf } from '#signature'
import { equalBytes } from '../bytes/bytes.js'
import { personalMessageDigest } from '../bytes/eip191.js'
import { fromHex, HexError, toHex } from '../bytes/hex.js'
import { parseRfc3339 } from '../codec/time.js'
import { appendLeaves, type AddedNode } from '../merkle/accumulator.js'
import type { LeafCount } from '../merkle/mmr-index.js'
import {
  CheckpointError,
  CheckpointTrust,
  compareCheckpoints,
  decodeLast,
  decodeLogConsistency,
  decodeLogInclusion,
  encodeCheckpoint,
  evidenceOfLastLeaf,
  evidenceOfLog,
  evidenceOfTwoLeaves,
  logConsistency,
  logInclusion,
  logLeafBytes,
  logLeafHash,
  ProofError,
  requireIdentity,
  setDigest,
  signCheckpoint,
  verifyCheckpoint,
  verifyLast,
  verifyLogConsistency,
  type EvidenceKind,
  type LoggedSet,
  type LogIdentity,
  type LogTrust,
  type ShownLeaf,
  type SignedCheckpoint,
  type StateRootAfter,
  type VerifiedCheckpoint,
} from '../proofs/checkpoint.js'
import { verifyHashWithoutItsLeaf } from '../proofs/log-proof.js'
import { expectEqual, expectSame, newFindings, VectorFileError, type Findings } from './vector-findings.js'

/** In the order in which they are checked. */
export const LOG_SECTIONS = [
  'log',
  'log_proofs',
  'log_refused',
  'pairs',
  'checkpoints',
  'checkpoints_refused',
  'acceptance',
  'compare',
  'evidence',
] as const

type Pair = number | readonly [bytes: string, signature: string]
type Row = { readonly name: string }
type LeafRow = readonly [set: string, stateRoot: string, path: readonly string[]]

/** What the sections hold, as far as it is read here. */
interface LogFile {
  readonly log: {
    readonly whose: Readonly<Record<keyof LogIdentity, string>>
    readonly relay_address: string
    readonly keys: Readonly<Record<string, string>>
    readonly sets: readonly {
      readonly seq: number
      readonly header: string
      readonly signature: string
      readonly patches: readonly string[]
      readonly state_root: string
      readonly leaf_preimage: string
      readonly leaf: string
      readonly nodes: readonly string[]
      readonly peaks: readonly string[]
    }[]
  }
  readonly log_proofs: {
    readonly inclusion: readonly (readonly [seq: number, head: number, index: number, path: readonly number[]])[]
    readonly consistency: readonly (readonly [
      seq1: number,
      seq2: number,
      paths: readonly (readonly number[])[],
      rightPeaks: readonly number[],
    ])[]
  }
  readonly log_refused: readonly (Row &
    (
      | { kind: 'inclusion'; seq: number; leaf: string; Seq: number; Peaks: readonly string[]; proof: string }
      | {
          kind: 'consistency'
          Seq1: number
          Peaks1: readonly string[]
          Seq2: number
          Peaks2: readonly string[]
          proof: string
        }
    ))[]
  readonly pairs: readonly Pair[]
  readonly checkpoints: readonly (Row & {
    readonly pair: Pair
    readonly seq: number
    readonly peaks: readonly string[]
    readonly state_root: string
    readonly state_hash: string
    readonly timestamp: string
    readonly digest: string
    readonly eip191_hash: string
    readonly last: string
  })[]
  readonly checkpoints_refused: readonly (Row & { readonly pair: Pair })[]
  readonly acceptance: readonly (Row & {
    readonly previous: Pair | null
    readonly next: Pair
    readonly last: string
    readonly consistency: string | null
    readonly now: string
    readonly result: string
    readonly stale?: boolean
  })[]
  readonly compare: readonly (Row & {
    readonly mine: Pair
    readonly other: Pair
    readonly consistency: string | null
    readonly result: string
  })[]
  readonly evidence: readonly (Row & {
    readonly class: number | null
    readonly a: Pair
    readonly b: Pair | null
    readonly consistency?: string | null
    readonly seq?: number
    readonly leaves?: readonly [LeafRow, LeafRow]
    readonly leaf?: LeafRow
    readonly log?: {
      readonly state_roots?: readonly (readonly [seq: number, stateRoot: string])[]
      readonly salts?: Salts
    }
  })[]
  readonly shops: { readonly market: { readonly salts: Salts } }
}

/** In hexadecimal, 32 bytes each. */
type Salts = Readonly<Record<'Inventory' | 'Orders', string>>

/** Begins anew with the shop's first set. */
export type FollowerOf = (salts: Salts) => StateRootAfter

/**
 * Checks all sections of LOG_SECTIONS that `file` has; without `followerOf` a note stands for each row whose StateRoots
 * would have to be computed. Throws VectorFileError where the sections have another shape.
 */
export function checkLogSections(file: object, followerOf?: FollowerOf): Findings {
  const findings = newFindings()
  try {
    const check = new LogCheck(file as LogFile, findings, followerOf)
    for (const section of LOG_SECTIONS) if (Object.hasOwn(file, section)) check[section]()
  } catch (error) {
    const isForm = [TypeError, RangeError, SyntaxError, HexError].some((type) => error instanceof type)
    if (!isForm) throw error
    throw new VectorFileError(`a section is not as its format says: ${(error as Error).message}`, { cause: error })
  }
  return findings
}

/** The file's numbers for kinds of evidence. */
const CLASSES: Readonly<Record<EvidenceKind, number>> = {
  'two-contents': 1,
  'two-leaves': 2,
  'last-leaf': 3,
  'time-falls': 4,
  state: 5,
}

/** One method a section. */
class LogCheck implements Record<(typeof LOG_SECTIONS)[number], () => void> {
  private readonly file: LogFile
  private readonly findings: Findings
  private readonly followerOf: FollowerOf | undefined

  constructor(file: LogFile, findings: Findings, followerOf: FollowerOf | undefined) {
    this.file = file
    this.findings = findings
    this.followerOf = followerOf
  }

  log(): void {
    const address = addressOf(publicKeyOf(this.relayKey))
    expectSame(this.findings, 'log: relay_address', fromHex(this.file.log.relay_address), address)
    let leafCount = 0n as LeafCount
    let peaks: readonly Uint8Array[] = []
    for (const set of this.file.log.sets) {
      const at = (what: string) => `log, set ${set.seq}: ${what}`
      const Set = setDigest(fromHex(set.header), fromHex(set.signature))
      const leaf = { Seq: BigInt(set.seq), Set, StateRoot: fromHex(set.state_root) }
      const appended = appendLeaves(leafCount, peaks, [logLeafHash(leaf)])
      ;({ leafCount, peaks } = appended)
      expectSame(this.findings, at('leaf_preimage'), fromHex(set.leaf_preimage), logLeafBytes(leaf))
      expectSame(this.findings, at('leaf'), fromHex(set.leaf), logLeafHash(leaf))
      this.expectJson(at('nodes'), set.nodes, appended.nodes.map(shownNode))
      this.expectJson(at('peaks'), set.peaks, peaks.map(toHex))
    }
  }

  log_proofs(): void {
    const nodes = this.file.log.sets.flatMap((set) => set.nodes.map(fromHex))
    const read = (index: bigint) => nodes[Number(index)]!
    const named = (value: Uint8Array) => nodes.findIndex((node) => equalBytes(node, value))
    for (const [seq, head, index, path] of this.file.log_proofs.inclusion) {
      const [ourIndex, ourPath] = logInclusion(BigInt(seq), BigInt(head), read)
      const theirs = [seq, head, index, path]
      this.expectJson(`log_proofs: set ${seq} of ${head}`, theirs, [seq, head, Number(ourIndex), ourPath.map(named)])
      this.expectResult(`log_proofs: set ${seq} of ${head} holds`, 'accepted', () =>
        verifyHashWithoutItsLeaf([ourIndex, ourPath], BigInt(seq), read(ourIndex), this.head(head)),
      )
    }
    for (const [seq1, seq2, paths, rightPeaks] of this.file.log_proofs.consistency) {
      const made = logConsistency(BigInt(seq1), BigInt(seq2), read)
      const ours = [seq1, seq2, made[2].map((path) => path.map(named)), made[3].map(named)]
      this.expectJson(`log_proofs: ${seq1} to ${seq2}`, [seq1, seq2, paths, rightPeaks], ours)
      this.expectResult(`log_proofs: ${seq1} to ${seq2} holds`, 'accepted', () =>
        verifyLogConsistency(made, this.head(seq1), this.head(seq2)),
      )
    }
  }

  log_refused(): void {
    for (const row of this.file.log_refused) {
      const proof = fromHex(row.proof)
      this.expectResult(`log_refused: ${row.name}`, 'refused', () => {
        if (row.kind === 'inclusion')
          verifyHashWithoutItsLeaf(
            decodeLogInclusion(proof),
            BigInt(row.seq),
            fromHex(row.leaf),
            head(row.Seq, row.Peaks),
          )
        else verifyLogConsistency(decodeLogConsistency(proof), head(row.Seq1, row.Peaks1), head(row.Seq2, row.Peaks2))
      })
    }
  }

  /** Signing again gives the same signature: whose key it was is not said. */
  pairs(): void {
    const keys = Object.values(this.file.log.keys).map(fromHex)
    for (const i of this.file.pairs.keys()) {
      const [bytes, signature] = this.pair(i)
      const isSigned = keys.some((key) => equalBytes(signCheckpoint(bytes, key)[1], signature))
      if (isSigned) this.findings.agree++
      else this.findings.notes.push(`pairs: ${i}: none of the keys makes this signature`)
    }
  }

  checkpoints(): void {
    for (const row of this.file.checkpoints) {
      const at = (what: string) => `checkpoints, ${row.name}: ${what}`
      const signed = this.pair(row.pair)
      expectSame(this.findings, at('signature'), signed[1], signCheckpoint(signed[0], this.relayKey)[1])
      this.expectResult(at('whole'), 'accepted', () => {
        const { fields, digest } = verifyCheckpoint(signed, this.trust.relays)
        requireIdentity(fields, this.trust)
        verifyLast(decodeLast(fromHex(row.last)), fields)
        const { Seq, Peaks, StateRoot, StateHash, Timestamp } = fields
        this.expectJson(
          at('fields'),
          [row.seq, row.peaks, row.state_root, row.state_hash, secondsOf(row.timestamp)],
          [Number(Seq), Peaks.map(toHex), toHex(StateRoot), toHex(StateHash), Number(Timestamp.seconds)],
        )
        expectSame(this.findings, at('bytes'), signed[0], encodeCheckpoint(fields))
        expectSame(this.findings, at('digest'), fromHex(row.digest), digest)
      })
      expectSame(this.findings, at('eip191_hash'), fromHex(row.eip191_hash), personalMessageDigest(signed[0]))
    }
  }

  checkpoints_refused(): void {
    for (const row of this.file.checkpoints_refused)
      this.expectResult(`checkpoints_refused: ${row.name}`, 'refused', () =>
        requireIdentity(verifyCheckpoint(this.pair(row.pair), this.trust.relays).fields, this.trust),
      )
  }

  acceptance(): void {
    for (const row of this.file.acceptance) {
      const now = BigInt(secondsOf(row.now))
      let trust = new CheckpointTrust(this.trust)
      this.expectResult(`acceptance: ${row.name}`, row.result, () => {
        if (row.previous !== null) trust = new CheckpointTrust(this.trust, this.verified(row.previous))
        const consistency = consistencyOf(row.consistency)
        return trust.accept({ signed: this.pair(row.next), last: decodeLast(fromHex(row.last)), consistency }, now)
      })
      if (row.stale !== undefined) this.expectJson(`acceptance: ${row.name}: stale`, row.stale, trust.isStale(now))
    }
  }

  compare(): void {
    for (const row of this.file.compare)
      this.expectResult(`compare: ${row.name}`, row.result, () => {
        const compared = this.compared(row.mine, row.other, row.consistency)
        if (compared.outcome === 'evidence') return `evidence ${CLASSES[compared.kind]}`
        return compared.outcome === 'same' ? 'consistent' : compared.outcome
      })
  }

  evidence(): void {
    for (const row of this.file.evidence) {
      if (row.log !== undefined && this.followerOf === undefined)
        this.findings.notes.push(`evidence: ${row.name}: not checked, StateRoots are not computed yet`)
      else this.expectResult(`evidence: ${row.name}`, String(row.class ?? 'refused'), () => this.classOf(row))
    }
  }

  /** 1 to 4, 0 for consistent; throws or says refused where nothing is shown. */
  private classOf({ a, b, consistency, seq, leaves, leaf, log }: LogFile['evidence'][number]): string {
    const first = this.verified(a)
    if (log !== undefined) {
      const follower = this.followerOf!(log.salts ?? this.file.shops.market.salts)
      return classOfJudgement(evidenceOfLog(first, this.loggedSets(first.fields.Seq, log.state_roots ?? []), follower))
    }
    if (leaf !== undefined) return classOfJudgement(evidenceOfLastLeaf(first, shownLeaf(leaf)))
    if (leaves !== undefined) {
      const second = [this.verified(b!), shownLeaf(leaves[1])] as const
      return classOfJudgement(evidenceOfTwoLeaves(BigInt(seq!), [first, shownLeaf(leaves[0])], second))
    }
    const compared = this.compared(a, b!, consistency ?? null)
    if (compared.outcome === 'evidence') return classOfJudgement(compared)
    return compared.outcome === 'not shown' ? 'refused' : '0'
  }

  /** The first sets of the log, with other StateRoots in some leaves. */
  private loggedSets(count: bigint, changed: readonly (readonly [seq: number, stateRoot: string])[]): LoggedSet[] {
    const stateRoots = new Map(changed)
    return this.file.log.sets.slice(0, Number(count)).map(({ seq, header, signature, patches, state_root }) => {
      const stateRoot = fromHex(stateRoots.get(seq) ?? state_root)
      return [fromHex(header), fromHex(signature), patches.map(fromHex), stateRoot]
    })
  }

  private compared(mine: Pair, other: Pair, consistency: string | null) {
    return compareCheckpoints(this.verified(mine), this.verified(other), consistencyOf(consistency))
  }

  private verified(pair: Pair): VerifiedCheckpoint {
    return verifyCheckpoint(this.pair(pair), this.trust.relays)
  }

  private pair(pair: Pair): SignedCheckpoint {
    const [bytes, signature] = typeof pair === 'number' ? (this.file.pairs[pair] as [string, string]) : pair
    return [fromHex(bytes), fromHex(signature)]
  }

  private get relayKey(): Uint8Array {
    return fromHex(this.file.log.keys['relay']!)
  }

  private get trust(): LogTrust {
    const { whose, relay_address } = this.file.log
    const [ChainID, Relay, ShopID] = [BigInt(whose.ChainID), BigInt(whose.Relay), BigInt(whose.ShopID)]
    return { ChainID, Registry: fromHex(whose.Registry), Relay, ShopID, relays: [fromHex(relay_address)] }
  }

  private head(seq: number) {
    return head(seq, this.file.log.sets[seq - 1]!.peaks)
  }

  private expectJson(at: string, theirs: unknown, ours: unknown): void {
    expectEqual(this.findings, at, JSON.stringify(theirs), JSON.stringify(ours))
  }

  /** Errors of proofs and checkpoints are `refused`. */
  private expectResult(at: string, theirs: string, act: () => string | void): void {
    let ours: string
    try {
      ours = act() ?? 'accepted'
    } catch (error) {
      if (!(error instanceof CheckpointError || error instanceof ProofError)) throw error
      ours = theirs === 'refused' ? 'refused' : `refused: ${error.message}`
    }
    expectEqual(this.findings, at, theirs, ours)
  }
}

function classOfJudgement(judgement: { outcome: 'nothing' } | { outcome: 'evidence'; kind: EvidenceKind }): string {
  return judgement.outcome === 'nothing' ? 'refused' : String(CLASSES[judgement.kind])
}

function consistencyOf(hex: string | null) {
  return hex === null ? undefined : decodeLogConsistency(fromHex(hex))
}

function head(seq: number, peaks: readonly string[]) {
  return { Seq: BigInt(seq), Peaks: peaks.map(fromHex) }
}

function shownLeaf([set, stateRoot, path]: LeafRow): ShownLeaf {
  return { Set: fromHex(set), StateRoot: fromHex(stateRoot), path: path.map(fromHex) }
}

function shownNode({ value }: AddedNode): string {
  return toHex(value)
}

function secondsOf(time: string): number {
  return Number(parseRfc3339(time) ?? NaN)
}
