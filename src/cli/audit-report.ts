/**
 * What `cairn audit` found of each shop, as text or JSON, and the exit code that it makes.
 *
 * Tests: test/cli/audit.test.ts
 */

import type { ShopId } from '../brands.js'
import { prefixedHex } from '../bytes/hex.js'
import { describeDifference, type Difference } from '../relay/audit/difference.js'
import type { AuditedLog } from '../relay/audit/log-audit.js'
import type { Io } from './io.js'

interface ReportOptions {
  readonly json: boolean
  /** Addresses of the relay's keys that were named; undefined: none was. */
  readonly relays: readonly Uint8Array[] | undefined
  /** Undefined: no chain was looked at. */
  readonly chain?: unknown
}

interface Found {
  readonly audited: AuditedLog | undefined
  readonly difference: Difference | undefined
  readonly anchors: number
}

export class AuditReport {
  private readonly options: ReportOptions
  private readonly io: Io
  private readonly begunMs = performance.now()
  private readonly found = new Map<ShopId, Found>()

  constructor(options: ReportOptions, io: Io) {
    this.options = options
    this.io = io
  }

  /** `anchors`: how many there are of its checkpoints. */
  follows(shopId: ShopId, audited: AuditedLog, anchors: number): void {
    this.found.set(shopId, { audited, difference: undefined, anchors })
  }

  /** Told at once. */
  differs(shopId: ShopId, difference: Difference, audited = this.found.get(shopId)?.audited): void {
    const found = { audited, difference, anchors: 0 }
    this.found.set(shopId, found)
    if (this.options.json) this.io.out(jsonOf(shopId, found, this.options))
    else this.io.out(`shop ${shopId}, ${describeDifference(difference)}`)
  }

  get differences(): number {
    return [...this.found.values()].filter(({ difference }) => difference !== undefined).length
  }

  get exitCode(): 0 | 1 | 3 {
    if (this.differences > 0) return 1
    return this.doubts().length > 0 ? 3 : 0
  }

  /** The shops of which all follows. */
  tellShops(): void {
    for (const [shopId, found] of this.found) {
      const { audited, difference } = found
      if (difference !== undefined || audited === undefined) continue
      if (this.options.json) this.io.out(jsonOf(shopId, found, this.options))
      else this.io.out(`shop ${shopId}: ${describeAudited(audited, found.anchors)}`)
    }
  }

  /** One line of figures, and what nobody can say; of JSON the shops' lines are all. */
  tellSum(): void {
    if (this.options.json) return
    const sum = (value: (audited: AuditedLog) => number) =>
      [...this.found.values()].reduce((all, { audited }) => all + (audited === undefined ? 0 : value(audited)), 0)
    const sets = sum(({ seq }) => seq)
    const seconds = (performance.now() - this.begunMs) / 1_000
    const counts = [
      `shops ${this.found.size}`,
      `sets ${sets}`,
      `patches ${sum(({ patches }) => patches)}`,
      `checkpoints ${sum(({ checkpoints }) => checkpoints.count)}`,
      `differences ${this.differences}`,
    ]
    for (const doubt of this.doubts()) this.io.out(`cannot say: ${doubt}`)
    this.io.out(counts.join(', '))
    const chain = this.options.chain === undefined ? ', and what a chain holds' : ''
    this.io.err(`in ${seconds.toFixed(1)} s; not checked: who is owner and who clerk${chain}`)
  }

  /** Why that all is right cannot be said although nothing differs. */
  private doubts(): string[] {
    const signers = this.signers()
    const unkept = [...this.found].filter(([, { audited }]) => (audited?.unkept ?? 0) > 0)
    return [
      ...(this.options.relays === undefined && signers.length > 0
        ? [`whose it is: nobody named the relay's key, and what it signed is signed by ${signers.join(', ')}`]
        : []),
      ...unkept.map(([shopId]) => `shop ${shopId} was not upgraded yet, and no state roots are kept: start the relay`),
    ]
  }

  /** Addresses that signed for the relay, as text. */
  private signers(): string[] {
    const all = [...this.found.values()].flatMap(({ audited }) => audited?.relays ?? [])
    return [...new Set(all.map(prefixedHex))]
  }
}

function describeAudited({ seq, stateRoot, checkpoints: { count, lastSeq } }: AuditedLog, anchors: number): string {
  const signed = count === 0 ? 'no checkpoint' : `${count} checkpoints, the last of set ${lastSeq}`
  return `all of sets 1 to ${seq} follows; state root ${prefixedHex(stateRoot)}; ${signed}; ${anchors} anchors`
}

function jsonOf(shopId: ShopId, { audited, difference, anchors }: Found, { relays }: ReportOptions): string {
  const isKnown = relays !== undefined && audited?.unkept === 0
  const outcome = difference !== undefined ? 'differs' : isKnown ? 'matches' : 'cannot say'
  return JSON.stringify({
    shop: `${shopId}`,
    outcome,
    ...(audited && {
      sets: audited.seq,
      patches: audited.patches,
      state_root: prefixedHex(audited.stateRoot),
      checkpoints: audited.checkpoints.count,
      checkpoint_seq: audited.checkpoints.lastSeq,
      anchors,
      signed_by: (audited.relays ?? []).map(prefixedHex),
    }),
    ...(difference && { difference }),
  })
}
