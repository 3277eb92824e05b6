/**
 * A client's own writes: changes signed as one set, sent now, or by the outbox where there is one.
 *
 * Tests: test/client/shop-client.test.ts, test/client/offline.test.ts
 */

import type { ShopId } from '../brands.js'
import type { Change } from '../patches/patch.js'
import { encodePatchSet, signPatches } from '../patches/patch-set.js'
import { readWriteAnswer } from '../wire/proof-payloads.js'
import { mixedAudiences } from './audiences.js'
import { encodedChanges } from './change-arguments.js'
import { ClientError, needsVersion5 } from './client-error.js'
import type { RelayConnection } from './connection.js'
import type { Verified } from './live.js'
import type { SentWrite } from './outbox.js'
import { Nonces } from './nonces.js'
import { ofChanges, OwnWrites } from './own-writes.js'
import type { OwnSet } from './proof-requests.js'
import type { ShopDevice } from './shop-device.js'

/** What `write` resolves with. */
export interface Written {
  /** 32 bytes. */
  readonly stateHash: Uint8Array
  /** The number of the set in the shop's log; version 5 only. */
  readonly seq?: bigint
  /** After the set, 32 bytes; version 5 only. */
  readonly stateRoot?: Uint8Array
  /**
   * Resolves once a checkpoint shows the set in the log as it was signed, at `seq`, with `stateRoot`. Rejects with
   * VERIFICATION_FAILED if the log has another one there, with NEEDS_VERSION_5 in version 4, which proves no such
   * thing.
   */
  proven(): Promise<Verified>
}

export interface WriteOptions {
  /** The shop's last set must be this one, or the write is refused with CONFLICT; version 5 only. */
  readonly ifSeq?: bigint
  readonly signal?: AbortSignal
}

interface WriteHost {
  /** Throws ClientError where there is none. */
  connection(): RelayConnection
  /** Whether it is known that the card is a guest's. */
  isGuest(): boolean
  prove(set: OwnSet): Promise<Verified>
  notice(text: string): void
}

export class ShopWrites {
  private readonly whose: { readonly shop: ShopId; readonly key?: Uint8Array | undefined }
  private readonly host: WriteHost
  private readonly own = new OwnWrites()
  private readonly nonces = new Nonces()
  /** Undefined without an outbox. */
  device: ShopDevice | undefined

  constructor(whose: { readonly shop: ShopId; readonly key?: Uint8Array | undefined }, host: WriteHost) {
    this.whose = whose
    this.host = host
  }

  /** See `write` of ShopClient. */
  async write(changes: readonly Change[], { ifSeq, signal }: WriteOptions): Promise<Written> {
    const patches = encodedChanges(changes)
    if (this.whose.key === undefined) throw new ClientError('NEEDS_KEY', 'a visitor cannot write: connect with a key')
    const mixed = mixedAudiences(changes.map(({ path }) => path[0]))
    const send = this.device === undefined ? this.sender(patches, ifSeq, signal) : this.queued(patches, ifSeq, signal)
    if (mixed !== undefined) this.host.notice(mixed)
    const { header, signature, payload, version } = await send.catch((error: unknown) => {
      throw this.explained(error, changes)
    })
    if (version === 4) return { stateHash: payload, proven: provesNothing }
    const set: OwnSet = { header, signature, answer: readWriteAnswer(payload) }
    const { Seq: seq, StateRoot: stateRoot, StateHash: stateHash } = set.answer
    return { stateHash, seq, stateRoot, proven: () => this.host.prove(set) }
  }

  /** What a guest may not write is not there for him, says the relay. */
  private explained(error: unknown, changes: readonly Change[]): unknown {
    if (!(error instanceof ClientError)) return error
    const told = ofChanges(error)
    if (told.code !== 'NOT_FOUND' || !this.host.isGuest()) return told
    if (changes.every(({ path }) => path[0] === 'Orders')) return told
    const { message, objectId } = told
    return new ClientError('NOT_FOUND', message, { cause: error, objectId, remedy: STAFF_REMEDY })
  }

  /** Header and signature of a set with that nonce, made now. */
  sign(patches: readonly Uint8Array[], nonce: bigint): Pick<SentWrite, 'header' | 'signature'> {
    const timestamp = BigInt(Math.floor(Date.now() / 1_000))
    const { headerBytes, signature } = signPatches(
      { shopId: this.whose.shop, nonce, timestamp, patches },
      this.whose.key!,
    )
    return { header: headerBytes, signature }
  }

  /** All that is open, over a connection that was authenticated anew. */
  resend(connection: RelayConnection): void {
    this.own.resend(connection)
  }

  /** Nothing is sent any more; what an outbox holds stays kept. */
  end(): void {
    this.own.end()
    this.device?.outbox.abandon()
  }

  private queued(patches: readonly Uint8Array[], ifSeq?: bigint, signal?: AbortSignal): Promise<SentWrite> {
    const sent = this.device!.outbox.add(patches, ifSeq, signal)
    this.device!.send()
    return sent
  }

  private async sender(
    patches: readonly Uint8Array[],
    ifSeq?: bigint,
    signal?: AbortSignal,
    isAgain?: true,
  ): Promise<SentWrite> {
    const connection = this.host.connection()
    const { version } = connection
    if (ifSeq !== undefined && version === 4)
      throw needsVersion5('ifSeq needs version 5, and the relay speaks version 4')
    const { header, signature } = this.sign(patches, this.nonces.next(Date.now()))
    const patchSet = encodePatchSet(header, signature, patches)
    const request = { kind: 'write', patchSet, ...(ifSeq !== undefined && { expectedSeq: ifSeq }) } as const
    try {
      return { header, signature, version, payload: await this.own.send(connection, request, signal) }
    } catch (error) {
      // What was sent over another connection before may have been taken.
      if (isAgain || !connection.isOpen || !this.nonces.follow(error as Error)) throw error
      return this.sender(patches, ifSeq, signal, true)
    }
  }
}

const STAFF_REMEDY =
  "Connect with a card of the owner or of a clerk: a guest's card writes its own orders, and nothing else."

function provesNothing(): Promise<never> {
  return Promise.reject(needsVersion5('the relay speaks version 4, which proves no writes'))
}
