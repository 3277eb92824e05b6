/**
 * What proves something of a shop under one of its last checkpoints (PROOFS §4): consistency, places in the log, what
 * pushes carry beside objects. What many clients ask for is made once.
 *
 * Tests: test/e2e/checkpoint-pushes.test.ts, test/e2e/state-proofs.test.ts
 */

import type { Seq, ShopId } from '../../brands.js'
import { encode } from '../../codec/encode.js'
import { FIRST_CHECKPOINT_WAIT_MS } from '../../limits.js'
import { collectionSalt, encodeLevel } from '../../merkle/state-level.js'
import type { StateSource } from '../../merkle/state-proof-maker.js'
import { Last, type SignedCheckpoint } from '../../proofs/checkpoint-form.js'
import { encodeLogConsistency, logConsistency, type LogConsistency } from '../../proofs/log-consistency.js'
import { logInclusion } from '../../proofs/log-proof.js'
import { stateSource } from '../../state/state-root.js'
import type { Store } from '../../store/store.js'
import { encodeCheckpointAnswer, encodeLogProofAnswer } from '../../wire/proof-payloads.js'
import { encodeSalts } from '../../wire/snapshot-payloads.js'
import type { Checkpoints } from '../checkpoints/checkpoints.js'
import type { KeptCheckpoint } from '../checkpoints/signed-shop.js'
import type { Clock } from '../instruments/clock.js'
import type { Metrics } from '../instruments/metrics.js'
import { ShopLog } from '../shops/log-trees.js'
import { readsEverything, type Reader } from '../shops/reader.js'
import type { Shop } from '../shops/shop.js'

interface ShopProofsOptions {
  readonly checkpoints: Pick<
    Checkpoints,
    'follows' | 'newest' | 'at' | 'upTo' | 'fresh' | 'firstSigned' | 'watch' | 'watchers'
  >
  readonly store: Store
  readonly clock: Clock
  readonly metrics: Metrics
  shop(shopId: ShopId): Shop | undefined
  /** The last set of a shop that the store's object index knows. */
  indexedUpTo(shopId: ShopId): Seq
}

/** A checkpoint as pushes carry it, encoded. */
interface PushedParts {
  readonly checkpoint: Uint8Array
  readonly signature: Uint8Array
  readonly level: Uint8Array
  readonly last: Uint8Array
}

/** Consistencies of one shop that are kept: most subscribers come from the checkpoint before. */
const CONSISTENCIES_KEPT = 32

export class ShopProofs {
  readonly checkpoints: ShopProofsOptions['checkpoints']
  readonly store: Store
  readonly clock: Clock
  private readonly total: { add(n?: number): void }
  private readonly options: ShopProofsOptions
  private readonly logs = new Map<ShopId, ShopLog>()
  private readonly parts = new WeakMap<KeptCheckpoint, PushedParts>()
  private readonly consistencies = new Map<ShopId, Map<string, LogConsistency>>()

  constructor(options: ShopProofsOptions) {
    this.options = options
    this.checkpoints = options.checkpoints
    this.store = options.store
    this.clock = options.clock
    this.total = options.metrics.counter('cairn_proofs_total', 'Proofs that were asked for and given')
  }

  /** One that was asked for was given. */
  given(): void {
    this.total.add()
  }

  /** One that has sets on disk: its first one may still be on its way. */
  shop(shopId: ShopId): Shop | undefined {
    return this.checkpoints.follows(shopId) ? this.options.shop(shopId) : undefined
  }

  indexedUpTo(shopId: ShopId): Seq {
    return this.options.indexedUpTo(shopId)
  }

  /**
   * The newest checkpoint, not older than ten seconds where one can be signed; of a shop that has none yet its first
   * one is waited for. Undefined where there is none then.
   */
  async newest(shopId: ShopId): Promise<KeptCheckpoint | undefined> {
    const { checkpoints } = this
    if (checkpoints.newest(shopId) === undefined && this.shop(shopId) !== undefined) await this.first(shopId)
    return checkpoints.fresh(shopId)
  }

  private first(shopId: ShopId): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        callOff()
        unwatch()
        resolve()
      }
      const callOff = this.clock.after(FIRST_CHECKPOINT_WAIT_MS, done)
      const unwatch = this.checkpoints.watch(shopId, done)
    })
  }

  /** What state proofs under the checkpoint are made from. */
  source({ state }: KeptCheckpoint): StateSource {
    return stateSource(state, this.shop(state.shopId)!.secret)!
  }

  pushed(kept: KeptCheckpoint): PushedParts {
    let parts = this.parts.get(kept)
    if (parts === undefined) {
      const [checkpoint, signature] = kept.signed
      parts = { checkpoint, signature, level: encodeLevel(kept.level), last: encode(Last.write(kept.last)) }
      this.parts.set(kept, parts)
    }
    return parts
  }

  /** CBOR of the salts of the collections that the reader may read. */
  salts(shopId: ShopId, reader: Reader): Uint8Array {
    const { secret } = this.shop(shopId)!
    const Orders = reader.role === 'visitor' ? undefined : collectionSalt(secret, 'Orders')
    const Inventory = readsEverything(reader) ? collectionSalt(secret, 'Inventory') : undefined
    return encodeSalts({ ...(Inventory && { Inventory }), ...(Orders && { Orders }) })
  }

  /** From set `from`; undefined where it is 0, or `to` itself. Neither is above the head. */
  consistency(shopId: ShopId, from: Seq, to: Seq): LogConsistency | undefined {
    if (from === 0 || from === to) return undefined
    const name = `${from}-${to}`
    const kept = this.consistencies.get(shopId) ?? new Map<string, LogConsistency>()
    let consistency = kept.get(name)
    if (consistency === undefined) {
      const log = this.log(shopId)
      consistency = logConsistency(BigInt(from), BigInt(to), (index) => log.node(index))
      const [oldest] = kept.keys()
      if (kept.size >= CONSISTENCIES_KEPT) kept.delete(oldest!)
      this.consistencies.set(shopId, kept.set(name, consistency))
    }
    return consistency
  }

  /** Encoded; empty where there is none. */
  pushedConsistency(shopId: ShopId, from: Seq, to: Seq): Uint8Array {
    const consistency = this.consistency(shopId, from, to)
    return consistency === undefined ? NOTHING : encodeLogConsistency(consistency)
  }

  /** `from`: 0 to the checkpoint's seq. */
  checkpointAnswer({ signed, last, level, state, seq }: KeptCheckpoint, from: Seq): Uint8Array {
    const Consistency = this.consistency(state.shopId, from, seq)
    return encodeCheckpointAnswer({ Checkpoint: signed, Last: last, Level: level, Consistency })
  }

  /** Of set `seq` under a checkpoint of set `head`, which is not below it; `from` as above. */
  logProofAnswer(shopId: ShopId, signed: SignedCheckpoint, head: Seq, seq: Seq, from: Seq): Uint8Array {
    const log = this.log(shopId)
    const inclusionOf = (one: Seq) => logInclusion(BigInt(one), BigInt(head), (index) => log.node(index))
    return encodeLogProofAnswer({
      Checkpoint: signed,
      Last: [log.setDigest(head), inclusionOf(head)[1]],
      Inclusion: inclusionOf(seq),
      Set: log.setDigest(seq),
      StateRoot: log.stateRoot(seq),
      Consistency: this.consistency(shopId, from, head),
    })
  }

  private log(shopId: ShopId): ShopLog {
    let log = this.logs.get(shopId)
    if (log === undefined) {
      log = new ShopLog(this.store, shopId)
      this.logs.set(shopId, log)
    }
    return log
  }
}

const NOTHING = new Uint8Array(0)
