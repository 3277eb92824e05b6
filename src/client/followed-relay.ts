/**
 * A relay as its client knows it: by a key of it, and by the keys that its hand-overs lead to from there
 * (docs/protocol/README.md, "Hand-over of a relay's key"). The relay serves them; whoever forges one is found out.
 *
 * Tests: test/client/followed-relay.test.ts
 */

import { equalBytes } from '../bytes/bytes.js'
import type * as HandOvers from '../proofs/hand-over.js'
import type { RelayIdentity, SignedHandOver } from '../proofs/hand-over.js'
import { CheckpointError } from '../proofs/checkpoint-error.js'
import { ClientError } from './client-error.js'
import { loaded } from './later.js'
import { bytesFromRelay, type RelayPlace } from './relay-http.js'
import type { KnownRelay } from './shop-checkpoints.js'

export class FollowedRelay implements KnownRelay {
  /** 20 bytes each. It grows in place: whoever was given it knows the keys that come. */
  readonly keys: Uint8Array[]
  /** Undefined until a chain or a hand-over tells it. */
  identity: RelayIdentity | undefined
  /** Those that were taken last. */
  handOvers: readonly SignedHandOver[] = []

  /** `keys`: at least one. */
  constructor(keys: readonly Uint8Array[], identity?: RelayIdentity) {
    this.keys = [...keys]
    this.identity = identity
  }

  /**
   * Each CBOR [hand-over, signature]. Rejects with ClientError VERIFICATION_FAILED for one that is not well signed, is
   * of another relay than that which is known, or leads back in a circle; with UNREACHABLE where what reads them does
   * not load. One that leads from no known key is not followed.
   */
  async take(given: readonly Uint8Array[]): Promise<void> {
    if (given.length > 0) await this.read(({ decodeSignedHandOver }) => given.map(decodeSignedHandOver))
  }

  private async read(decoded: (part: typeof HandOvers) => readonly SignedHandOver[]): Promise<void> {
    const part = await loaded(import('../proofs/hand-over.js'))
    try {
      const handOvers = decoded(part)
      const read = handOvers.map(part.readHandOver)
      const own = read.find(({ From }) => this.keys.some((key) => equalBytes(key, From)))
      this.handOvers = handOvers
      this.identity ??= own && { ChainID: own.ChainID, Registry: own.Registry, Relay: own.Relay }
      if (this.identity === undefined) return
      this.keys.push(...part.relaysAfter(handOvers, this.keys, this.identity).slice(this.keys.length))
    } catch (cause) {
      if (!(cause instanceof CheckpointError)) throw cause
      throw new ClientError('VERIFICATION_FAILED', cause.message, { cause })
    }
  }

  /**
   * Takes those that the relay serves; one that serves none, or cannot be asked now, is known by the same keys as
   * before. Rejects as `take` does, and with ABORTED.
   */
  async follow(place: RelayPlace): Promise<void> {
    let body: Uint8Array
    try {
      body = await bytesFromRelay(place, HAND_OVERS_PATH)
    } catch (error) {
      if (error instanceof ClientError && UNSERVED.includes(error.code)) return
      throw error
    }
    // Few relays have ever changed their key: nothing more is loaded then.
    if (body.length === 1 && body[0] === EMPTY_LIST) this.handOvers = []
    else await this.read(({ decodeHandOvers }) => decodedList(body, decodeHandOvers))
  }
}

/** The byte that is CBOR of a list without anything. */
const EMPTY_LIST = 0x80

function decodedList(body: Uint8Array, decode: (typeof HandOvers)['decodeHandOvers']): readonly SignedHandOver[] {
  try {
    return decode(body)
  } catch (cause) {
    const problem = `${HAND_OVERS_PATH}: ${(cause as Error).message}`
    throw new ClientError('VERIFICATION_FAILED', problem, { cause })
  }
}

/** Where a relay serves them. */
export const HAND_OVERS_PATH = '/v5/hand-overs'
const UNSERVED: readonly string[] = ['NOT_FOUND', 'REFUSED', 'UNAVAILABLE', 'RATE_LIMITED', 'UNREACHABLE', 'TIMEOUT']
