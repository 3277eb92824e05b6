/**
 * A relay as its client knows it: by a key of it, and by the keys that its hand-overs lead to from there
 * (docs/protocol/README.md, "Hand-over of a relay's key"). The relay serves them; whoever forges one is found out.
 *
 * Tests: test/client/followed-relay.test.ts
 */

import { equalBytes } from '../bytes/bytes.js'
import {
  decodeHandOvers,
  readHandOver,
  relaysAfter,
  type RelayIdentity,
  type SignedHandOver,
} from '../proofs/hand-over.js'
import { CheckpointError } from '../proofs/checkpoint-error.js'
import { ClientError } from './client-error.js'
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
   * Throws ClientError VERIFICATION_FAILED for one that is not well signed, is of another relay than that which is
   * known, or leads back in a circle. One that leads from no known key is not followed.
   */
  take(handOvers: readonly SignedHandOver[]): void {
    try {
      const read = handOvers.map(readHandOver)
      const own = read.find(({ From }) => this.keys.some((key) => equalBytes(key, From)))
      this.handOvers = handOvers
      this.identity ??= own && { ChainID: own.ChainID, Registry: own.Registry, Relay: own.Relay }
      if (this.identity === undefined) return
      this.keys.push(...relaysAfter(handOvers, this.keys, this.identity).slice(this.keys.length))
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
    this.take(this.read(body))
  }

  private read(body: Uint8Array): readonly SignedHandOver[] {
    try {
      return decodeHandOvers(body)
    } catch (cause) {
      const problem = `${HAND_OVERS_PATH}: ${(cause as Error).message}`
      throw new ClientError('VERIFICATION_FAILED', problem, { cause })
    }
  }
}

/** Where a relay serves them. */
export const HAND_OVERS_PATH = '/v5/hand-overs'
const UNSERVED: readonly string[] = ['NOT_FOUND', 'REFUSED', 'UNAVAILABLE', 'RATE_LIMITED', 'UNREACHABLE', 'TIMEOUT']
