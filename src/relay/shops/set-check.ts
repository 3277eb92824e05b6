/**
 * Whether a set of the log is what its bytes say, without applying it: header, root, nonce, signature. Who recovers the
 * signer, here or in a thread, is the caller's to choose.
 *
 * Tests: test/relay/shops/set-check.test.ts, test/cli/check.test.ts, test/cli/audit.test.ts
 */

import { addressOf } from '#signature'
import type { ShopId } from '../../brands.js'
import { equalBytes } from '../../bytes/bytes.js'
import { prefixedHex, toHex, type Hex } from '../../bytes/hex.js'
import { patchLeafHash, PatchTree } from '../../merkle/patch-proof.js'
import { readHeader, type Header } from '../../patches/patch-set.js'
import type { LogRecord } from '../../store/store.js'

interface SetProblem {
  readonly kind: 'header' | 'root' | 'nonce' | 'signature'
  /** What is wrong of the set, without both values. */
  readonly text: string
  readonly found?: string
  readonly wanted?: string
}

type CheckedRecord = Pick<LogRecord, 'role' | 'signer' | 'header' | 'patches'>

export class SetCheck {
  /** The last nonce of each signer, by its hexadecimal digits; those of the relay have none. */
  readonly nonces: Map<string, bigint>
  private readonly shopId: ShopId
  private relays: readonly Uint8Array[] | undefined
  private named: { readonly signer: Uint8Array; readonly name: Hex } | undefined

  /**
   * `relays`: addresses of the keys that the relay's own sets may be signed with, 20 bytes each; undefined: that of the
   * first of them. Goes on from `nonces`, which is kept.
   */
  constructor(shopId: ShopId, relays: readonly Uint8Array[] | undefined, nonces = new Map<string, bigint>()) {
    this.shopId = shopId
    this.relays = relays
    this.nonces = nonces
  }

  /** The addresses that signed for the relay, or may: undefined as long as nobody named one and none did. */
  get relayAddresses(): readonly Uint8Array[] | undefined {
    return this.relays
  }

  /** `signer`: the key that the signature leads to, 33 bytes; undefined if it leads to none. */
  *problemsOf(record: CheckedRecord, signer: Uint8Array | undefined): Generator<SetProblem> {
    let header: Header
    try {
      header = readHeader(record.header)
    } catch (error) {
      return yield { kind: 'header', text: (error as Error).message }
    }
    if (header.ShopID !== this.shopId) yield { kind: 'header', text: `its header is of shop ${header.ShopID}` }
    yield* rootProblem(record, header)
    yield* this.nonceProblem(record, header.KeyCardNonce)
    yield* this.signatureProblem(record, signer)
  }

  private *nonceProblem(record: CheckedRecord, nonce: bigint): Generator<SetProblem> {
    const name = this.nameOf(record.signer)
    const last = this.nonces.get(name)
    this.nonces.set(name, nonce)
    if (last === undefined || nonce > last) return
    const values = { found: `${nonce}`, wanted: `above ${last}` }
    yield { kind: 'nonce', text: 'its nonce is not greater than the one before', ...values }
  }

  /** Most sets are of the card that signed the one before. */
  private nameOf(signer: Uint8Array): Hex {
    if (this.named === undefined || !equalBytes(this.named.signer, signer))
      this.named = { signer: signer.slice(), name: toHex(signer) }
    return this.named.name
  }

  private *signatureProblem(record: CheckedRecord, signer: Uint8Array | undefined): Generator<SetProblem> {
    if (signer === undefined) return yield { kind: 'signature', text: 'its signature leads to no key' }
    if (record.role !== 'relay') {
      if (equalBytes(signer, record.signer)) return
      const values = { found: prefixedHex(signer), wanted: prefixedHex(record.signer) }
      return yield { kind: 'signature', text: 'its signature is not of its signer', ...values }
    }
    const address = addressOf(signer)
    this.relays ??= [address]
    if (this.relays.some((relay) => equalBytes(relay, address))) return
    const [found, wanted] = [prefixedHex(address), this.relays.map(prefixedHex).join(', ')]
    yield { kind: 'signature', text: `it is signed by ${found}, the relay is ${wanted}` }
  }
}

function* rootProblem({ patches }: CheckedRecord, { RootHash }: Header): Generator<SetProblem> {
  if (patches.length === 0) return yield { kind: 'root', text: 'it has no patches' }
  const { root } = new PatchTree(patches.map(patchLeafHash))
  if (equalBytes(root, RootHash)) return
  const values = { found: prefixedHex(RootHash), wanted: prefixedHex(root) }
  yield { kind: 'root', text: 'its header has not the root of its patches', ...values }
}
