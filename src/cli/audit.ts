/**
 * `cairn audit`: whether everything that a relay stored and signed of its shops follows from their logs (PROOFS §7).
 *
 * Tests: test/cli/audit.test.ts
 */

import { statSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { ShopId } from '../brands.js'
import { fromHex } from '../bytes/hex.js'
import { ChainUnreachable } from '../chain/chain.js'
import { openChain } from '../chain/rpc-chain.js'
import { ClientError } from '../client/client-error.js'
import { AuditFileError } from '../relay/audit/audit-file.js'
import { ShopAudit } from '../relay/audit/shop-audit.js'
import { stateRootOf } from '../relay/shops/log-trees.js'
import { Verifier } from '../relay/write/verifier.js'
import type { ChainSettings } from '../settings/chain-settings.js'
import { KeyFileError } from '../settings/relay-key.js'
import { SettingsError } from '../settings/settings.js'
import { DATA_DEFAULT } from '../settings/settings-table.js'
import type { ShopState } from '../state/shop-state.js'
import { HandOversError } from '../store/hand-overs.js'
import { openStoreForReading } from '../store/open.js'
import { GuardError, type SignedGuard } from '../store/signed-guard.js'
import { isNewer, StoreError } from '../store/store-error.js'
import type { ShopRow, Store } from '../store/store.js'
import { auditAnchors, type AnchorPlace } from './audit-anchors.js'
import { guardDifference, guardIn } from './audit-guard.js'
import { auditRelay, CannotSayError } from './audit-relay.js'
import { AuditReport } from './audit-report.js'
import { chainSettingsOf } from './chains.js'
import { integerFlag, parseFlags, relayFlag, UsageError } from './flags.js'
import type { Io } from './io.js'
import { reporter } from './progress.js'
import { relaysIn } from './relay-address.js'

const AUDIT_HELP = `cairn audit [DATA] [--shop ID,…] [--relay ADDRESS,…] [--chain FILE] [--resume DIR]
            [--follow] [--json] [--threads N]
cairn audit URL --shop ID --card FILE [--relay ADDRESS,…] [--follow] [--json]

Replays the log of every shop from its first set on and computes anew what follows from it: signers and their rights,
nonces, roots of the patches, every state hash and state root, both trees over the log, every checkpoint. Compares that
with what is stored, signed and anchored, and prints the first difference of each shop: what, where, and both values.
Nothing that is stored is believed, and nothing is changed. The relay may run meanwhile: then it is audited up to where
it was.
(cairn check tells instead whether the data are whole, derived ones too.)

  DATA             the relay's data directory, a backup of it, or a database file; default that of cairn serve
  URL              of a relay: reads the whole log as a member of the shop does, and computes what the checkpoints sign
  --shop ID        only this shop, or these
  --card FILE      with a URL: the key card of an owner or a clerk; nobody else is shown what state roots follow from
  --relay ADDRESS  of the relay's key; several after a rotation. By default that of relay.key in the directory
  --chain FILE     looks for what was anchored in the registry too; FILE as for cairn serve, or dev
  --resume DIR     keeps in DIR (0700; it holds what the logs hold) what was computed, and goes on from there: what was
                   audited before is hashed again, and has to be what it was
  --follow         goes on with what is written, and looks again at what was audited, until something differs
  --json           a line of JSON for each shop in place of text
  --threads N      that recover signers beside the one that replays; default one less than there are processors

Results go to stdout, progress and talk to stderr.
Exit code: 0 all of it follows, 1 something differs, 2 unreadable, stopped, or wrong usage, 3 cannot say: nobody named
the relay's key, the card is of no member, or the data are of a newer version.`

const ALIVE_MS = 60_000
/** How often it is looked for what was written. */
const FOLLOW_MS = 5_000
/** What was audited is looked at again so long after the last time, or after so many times what that took. */
const RECHECK = { ms: 20_000, times: 4 } as const

interface Plan {
  readonly place: string
  /** Where the relay's key may be, and what is noted beside it. */
  readonly home: string
  /** Undefined: all. */
  readonly shops: readonly ShopId[] | undefined
  readonly relays: readonly Uint8Array[] | undefined
  readonly chain: ChainSettings | undefined
  /** Undefined where data are at hand. */
  readonly card: string | undefined
  readonly resume: string | undefined
  readonly follow: boolean
  readonly json: boolean
  readonly threads: number
}

export async function run(argv: readonly string[], io: Io): Promise<number> {
  if (argv.includes('--help')) return (io.out(AUDIT_HELP), 0)
  try {
    const plan = await planOf(argv)
    return await (/^https?:\/\//u.test(plan.place) ? auditRelay(plan, io) : auditPlace(plan, io))
  } catch (error) {
    const isAborted = error === io.signal.reason || (error instanceof ClientError && error.code === 'ABORTED')
    const isStopped = io.signal.aborted && isAborted
    if (!(isStopped || EXPECTED.some((kind) => error instanceof kind))) throw error
    io.err(`cairn audit: ${isStopped ? 'stopped before it was done' : (error as Error).message}`)
    return error instanceof CannotSayError || isNewer(error) ? 3 : 2
  }
}

const EXPECTED = [
  CannotSayError,
  UsageError,
  StoreError,
  AuditFileError,
  SettingsError,
  ChainUnreachable,
  GuardError,
  KeyFileError,
  HandOversError,
  ClientError,
] as const

async function planOf(argv: readonly string[]): Promise<Plan> {
  const isPlace = argv[0] !== undefined && !argv[0].startsWith('--')
  const flags = parseFlags(isPlace ? argv.slice(1) : argv, {
    shop: { kind: 'text' },
    card: { kind: 'text' },
    relay: { kind: 'text' },
    chain: { kind: 'text', value: 'none' },
    resume: { kind: 'text' },
    follow: { kind: 'switch' },
    json: { kind: 'switch' },
    threads: { kind: 'number', value: Math.max(1, availableParallelism() - 1) },
  })
  const place = isPlace ? argv[0]! : DATA_DEFAULT
  const home = homeOf(place)
  const relays = flags.relay?.split(',').map((text) => fromHex(relayFlag(text)))
  const shops = flags.shop?.split(',').map((text) => integerFlag('shop', text))
  return { ...flags, place, home, shops, relays: relays ?? (await relaysIn(home)), chain: chainSettingsOf(flags) }
}

/** The directory of a database that is named by its own file. */
function homeOf(place: string): string {
  return statSync(place, { throwIfNoEntry: false })?.isFile() === true ? dirname(place) : place
}

async function auditPlace(plan: Plan, io: Io): Promise<number> {
  const verifier = new Verifier(plan.threads, (error) => io.err(`cairn audit: ${(error as Error).message}`))
  // Waiting for the threads alone would let the process end.
  const alive = setInterval(() => undefined, ALIVE_MS)
  const report = new AuditReport(plan, io)
  const anchored = plan.chain && openRegistry(plan.chain)
  const audits = new Audits(plan, { verifier, anchored }, io)
  try {
    await withStore(plan, (store, guard) => audits.advance(store, guard, report), true)
    report.tellShops()
    report.tellSum()
    if (plan.follow && report.differences === 0) await follow(plan, audits, report, io)
    return report.exitCode
  } finally {
    clearInterval(alive)
    anchored?.chain.close()
    await verifier.close()
  }
}

/** Until something differs, or it is stopped. */
async function follow(plan: Plan, audits: Audits, report: AuditReport, io: Io): Promise<void> {
  let recheckMs = performance.now() + RECHECK.ms
  while (report.differences === 0) {
    try {
      await wait(FOLLOW_MS, undefined, { signal: io.signal })
      await withStore(plan, (store, guard) => audits.advance(store, guard, report))
      if (performance.now() < recheckMs || report.differences > 0) continue
      const begunMs = performance.now()
      await withStore(plan, (store) => audits.recheck(store, report))
      recheckMs = performance.now() + Math.max(RECHECK.ms, RECHECK.times * (performance.now() - begunMs))
    } catch (error) {
      if (!io.signal.aborted) throw error
      break
    }
  }
  report.tellSum()
}

/** `isTried`: another process opens the database first. */
async function withStore<T>(
  { place, home }: Plan,
  act: (store: Store, guard: SignedGuard) => Promise<T>,
  isTried = false,
): Promise<T> {
  const guard = await guardIn(home)
  const store = await openStoreForReading(place, isTried)
  try {
    return await act(store, guard)
  } finally {
    await store.close()
    await guard.close()
  }
}

function openRegistry({ registry: { chainId, shops: contract }, chains }: ChainSettings): AnchorPlace {
  return { chain: openChain(chains.find((row) => row.chainId === chainId)!), contract }
}

interface AuditTools {
  readonly verifier: Verifier
  /** Where it is looked for what was anchored. */
  readonly anchored: AnchorPlace | undefined
}

/** One of each shop, from the first time that it was seen. */
class Audits {
  private readonly plan: Plan
  private readonly tools: AuditTools
  private readonly io: Io
  private readonly progress: (text: string) => void
  private readonly audits = new Map<ShopId, ShopAudit>()

  constructor(plan: Plan, tools: AuditTools, io: Io) {
    this.plan = plan
    this.tools = tools
    this.io = io
    this.progress = reporter(io)
  }

  /** Every shop up to its head, or its first difference. */
  async advance(store: Store, guard: SignedGuard, report: AuditReport): Promise<void> {
    for (const row of this.wanted(store)) {
      const audit = await this.auditOf(row, store)
      if ('kind' in audit) {
        report.differs(row.shopId, audit)
        continue
      }
      this.audits.set(row.shopId, audit)
      try {
        await this.advanceOne(store, audit, guard, report)
      } finally {
        await audit.save()
      }
    }
  }

  private async advanceOne(store: Store, audit: ShopAudit, guard: SignedGuard, report: AuditReport): Promise<void> {
    const { shopId } = audit
    const ofLog = (await audit.advance(store)) ?? guardDifference(guard, store, audit.audited)
    if (ofLog !== undefined) return report.differs(shopId, ofLog, audit.audited)
    const { count, difference } = await auditAnchors(store, shopId, this.tools.anchored)
    if (difference !== undefined) report.differs(shopId, difference, audit.audited)
    else report.follows(shopId, audit.audited, count)
  }

  async recheck(store: Store, report: AuditReport): Promise<void> {
    for (const row of this.wanted(store)) {
      const difference = await this.audits.get(row.shopId)?.recheck(store)
      if (difference !== undefined) report.differs(row.shopId, difference)
    }
  }

  private wanted(store: Store): ShopRow[] {
    const rows = store.shops()
    const missing = this.plan.shops?.find((wanted) => !rows.some(({ shopId }) => shopId === wanted))
    if (missing !== undefined) throw new UsageError(`there is no shop ${missing}`)
    return rows.filter(({ shopId }) => this.plan.shops?.includes(shopId) ?? true)
  }

  private async auditOf({ shopId, secret }: ShopRow, store: Store) {
    const known = this.audits.get(shopId)
    if (known !== undefined) return known
    const { resume, relays, follow } = this.plan
    if (resume !== undefined) await mkdir(resume, { recursive: true, mode: 0o700 })
    const options = {
      shopId,
      stateRootOf: (state: ShopState) => stateRootOf(state, secret),
      relays,
      verifier: this.tools.verifier,
      file: resume && join(resume, `${shopId}.audit`),
      isLast: resume === undefined && !follow,
      progress: (what: string, seq: number, head: number) =>
        this.progress(`shop ${shopId}: set ${seq} of ${head} ${what}`),
      signal: this.io.signal,
    }
    return ShopAudit.open(options, store)
  }
}
