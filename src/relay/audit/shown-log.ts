/**
 * A log as a relay shows it to a member of its shop: sets with all their patches, and signed checkpoints. What a stored
 * record has beside is computed: whose a card is by the sets before, state hashes and roots where a checkpoint holds
 * them.
 *
 * Tests: test/e2e/audit-relay.test.ts
 */

import { addressOf } from '#signature'
import type { Seq, ShopId } from '../../brands.js'
import { equalBytes } from '../../bytes/bytes.js'
import { RESERVATION_SECONDS_DEFAULT } from '../../limits.js'
import { readCardPeriods } from '../../merkle/card-periods.js'
import { stateRoot, type SaltedCollection } from '../../merkle/state-level.js'
import { GUESTS_ACCOUNT } from '../../objects/account.js'
import { readHeader, signerOf } from '../../patches/patch-set.js'
import type { SignedCheckpoint } from '../../proofs/checkpoint-form.js'
import { stateHash } from '../../state/shop-state.js'
import { stateLevelBySalts } from '../../state/state-root.js'
import { NO_STATE_ROOT } from '../shops/log-trees.js'
import type { Following } from './checkpoint-audit.js'
import type { Difference } from './difference.js'
import { LogAudit, type AuditedLog } from './log-audit.js'
import type { AuditRecord } from './trace.js'

/** A set with all its patches, as it is pushed. */
interface ShownSet {
  readonly seq: Seq
  readonly header: Uint8Array
  readonly signature: Uint8Array
  readonly patches: readonly Uint8Array[]
}

interface ShownLogOptions {
  readonly shopId: ShopId
  /** Addresses of the relay's keys, 20 bytes each; undefined: that of its first set, and no other. */
  readonly relays: readonly Uint8Array[] | undefined
  readonly salts: Readonly<Record<SaltedCollection, Uint8Array>>
}

/** Of a card in an account: who is owner and who clerk is not in the log, so all is granted that either may do. */
const STAFF = 'owner'
/** A checkpoint comes at most so many sets behind. */
const FOLLOWINGS_MAX = 8_192

export class ShownLog {
  private readonly log: LogAudit
  private readonly relays: readonly Uint8Array[] | undefined
  private readonly followings = new Map<Seq, Following>()

  constructor({ shopId, relays, salts }: ShownLogOptions) {
    this.relays = relays
    this.log = new LogAudit({
      shopId,
      relays,
      stateRootOf: (state) => {
        const level = stateLevelBySalts(state, (name) => salts[name])
        return level === undefined ? NO_STATE_ROOT : stateRoot(level)
      },
    })
  }

  get audited(): AuditedLog {
    return { ...this.log.audited, unkept: 0 }
  }

  /** The next set; the first difference, and then there is nothing to go on from. */
  take(set: ShownSet): Difference | undefined {
    const signer = signerOf(set.header, set.signature)
    const difference = this.log.take(this.recordOf(set, signer), signer, undefined)
    if (difference !== undefined) return difference
    const { seq, peaks, stateRoot: root, state } = this.log.audited
    this.followings.set(seq, { seq, peaks: peaks.mmr, stateRoot: root, stateHash: stateHash(state) })
    this.followings.delete(seq - FOLLOWINGS_MAX)
    return undefined
  }

  /** A checkpoint of a set that was taken, later than the last one or signed again. As `take`. */
  takeCheckpoint(seq: Seq, [bytes, signature]: SignedCheckpoint): Difference | undefined {
    const following = this.followings.get(seq)
    if (following === undefined)
      return { kind: 'checkpoint', seq, text: 'its checkpoint came, and not the sets up to it' }
    return this.log.takeCheckpoint({ first: bytes, signature, newest: bytes }, following)
  }

  private recordOf({ seq, header, signature, patches }: ShownSet, signer: Uint8Array | undefined): AuditRecord {
    const reservationSeconds = Number(RESERVATION_SECONDS_DEFAULT)
    const shared = { seq, header, signature, patches, committedAtMs: timeOf(header), reservationSeconds }
    const account = signer && this.accountOf(signer)
    const nobody = new Uint8Array(0)
    const isRelay = signer === undefined || this.isRelay(signer, account)
    if (isRelay) return { ...shared, role: 'relay', signer: nobody, account: nobody }
    const role = account === undefined || !equalBytes(account, GUESTS_ACCOUNT) ? STAFF : 'guest'
    return { ...shared, role, signer, account: account ?? nobody }
  }

  /** Where nobody named the relay: whoever signs first, and then any who signs as it. */
  private isRelay(signer: Uint8Array, account: Uint8Array | undefined): boolean {
    const known = this.relays ?? this.log.audited.relays
    if (known === undefined) return account === undefined
    return known.some((relay) => equalBytes(relay, addressOf(signer)))
  }

  private accountOf(card: Uint8Array): Uint8Array | undefined {
    const value = this.log.audited.state.indexes.cards.get(card)
    return value && readCardPeriods(value).find(({ until }) => until === undefined)?.account
  }
}

/** Deadlines follow from it, and no hash. */
function timeOf(header: Uint8Array): number {
  try {
    return Number(readHeader(header).Timestamp.seconds) * 1_000
  } catch {
    return 0
  }
}
