/** What a relay serves of its anchors, from rows alone. */

import { describe, expect, it } from 'vitest'
import { toHex } from '../../../src/bytes/hex.js'
import { readDeterministic } from '../../../src/codec/deterministic.js'
import { checkpointDigest } from '../../../src/proofs/checkpoint-form.js'
import { decodeSignedCheckpoint } from '../../../src/proofs/checkpoint.js'
import { ReceiptAnchor } from '../../../src/proofs/receipt-form.js'
import { answerAnchors, type ServedAnchors } from '../../../src/relay/anchor/anchor-http.js'
import type { AnchorEntry } from '../../../src/relay/anchor/anchor-history.js'

const SHOP = 7n
const signedOf = (seq: number): [Uint8Array, Uint8Array] => [Uint8Array.of(seq), new Uint8Array(65)]
const digestOf = (seq: number) => checkpointDigest(Uint8Array.of(seq))
const entry = (seq: number, changes: Partial<AnchorEntry> = {}): AnchorEntry => ({
  seq,
  checkpoint: signedOf(seq),
  status: 'final',
  atMs: 0,
  tx: new Uint8Array(32).fill(seq),
  block: { number: BigInt(100 + seq), hash: new Uint8Array(32) },
  ...changes,
})

/** The newest first; checkpoints of sets 1 to 9. */
function served(...entries: readonly AnchorEntry[]): ServedAnchors {
  return {
    relay: { ChainID: 31_337n, Registry: new Uint8Array(20).fill(1) },
    history: {
      *entries() {
        yield* entries
      },
    },
    proofs: {
      shop: (shopId: bigint) => (shopId === SHOP ? {} : undefined),
      consistency: (_shopId: bigint, from: number, to: number) =>
        from === to ? undefined : [BigInt(from), BigInt(to), [], []],
      checkpoints: {
        newest: () => ({ seq: 9, digest: digestOf(9) }),
        firstSigned: (_shopId: bigint, seq: number) => (seq < 10 ? signedOf(seq) : undefined),
      },
    } as unknown as ServedAnchors['proofs'],
  }
}

function ask(anchors: ServedAnchors, path: string, take = true) {
  const { pathname, searchParams } = new URL(path, 'http://relay')
  return answerAnchors(anchors, { path: pathname, query: searchParams, address: 'a' }, () => take)
}
const status = (anchors: ServedAnchors, path: string) => ask(anchors, path)?.status

describe('the anchor of a receipt', () => {
  const path = (covers: string, at: string) => `/v5/shops/7/anchor?covers=${covers}&at=${at}`
  const anchorOf = (anchors: ServedAnchors, covers: number, at: number) => {
    const response = ask(anchors, path(`${covers}`, `${at}`))!
    return response.status === 200
      ? readDeterministic(ReceiptAnchor, response.body as Uint8Array, 'Anchor')
      : response.status
  }

  it('is the newest final one that covers the set, with what joins the two', () => {
    const anchors = served(entry(8, { status: 'included' }), entry(6), entry(4))
    expect(anchorOf(anchors, 5, 9)).toMatchObject({ Block: 106n, Consistency: [6n, 9n, [], []] })
    expect(anchorOf(anchors, 3, 5)).toMatchObject({ Block: 106n, Consistency: [5n, 6n, [], []] })
    expect(anchorOf(anchors, 6, 6)).not.toHaveProperty('Consistency')
    expect(anchorOf(anchors, 7, 9)).toBe(404)
    expect(anchorOf(served(entry(4), entry(6)), 5, 9)).toMatchObject({ Block: 106n })
  })

  it('that there is none is no error to who asks for that', () => {
    expect(ask(served(), `${path('5', '9')}&absent=204`)).toEqual({ status: 204, headers: {} })
    expect(status(served(), `${path('5', '10')}&absent=204`)).toBe(404)
    expect(status(served(entry(6)), `${path('5', '9')}&absent=204`)).toBe(200)
  })

  it('is none whose transaction nobody knows, and none that failed', () => {
    expect(anchorOf(served(entry(6, { tx: undefined }), entry(6, { status: 'failed' })), 5, 9)).toBe(404)
    expect(anchorOf(served(), 5, 9)).toBe(404)
  })

  it.each(['/v5/shops/7/anchor', path('0', '9'), path('01', '9'), path('5', 'x')])('%s is no question', (question) => {
    expect(status(served(entry(6)), question)).toBe(400)
  })

  it('needs a checkpoint, a shop, and patience', () => {
    expect(status(served(entry(6)), path('5', '10'))).toBe(404)
    expect(status(served(entry(6)), path('5', '9').replace('/7/', '/8/'))).toBe(404)
    expect(ask(served(entry(6)), path('5', '9'), false)?.status).toBe(429)
    expect(ask(served(), '/v5/shops/7/checkpoint')).toBeUndefined()
  })
})

describe('the checkpoint of a digest', () => {
  const path = (seq: number, nonce: string) => `/v5/shops/7/anchor/${toHex(digestOf(seq))}?nonce=${nonce}`
  const found = (anchors: ServedAnchors, seq: number, nonce: string) => {
    const response = ask(anchors, path(seq, nonce))!
    return response.status === 200 ? decodeSignedCheckpoint(response.body as Uint8Array)[0] : response.body
  }

  it('is found by the nonce, or in the history', () => {
    expect(found(served(), 6, '6')).toEqual(Uint8Array.of(6))
    expect(found(served(entry(6)), 6, '12')).toEqual(Uint8Array.of(6))
  })

  it.each(['12', '', 'x', '99999999999999999999'])('or is told to be none, with the newest: nonce %s', (nonce) => {
    const [wanted, newest] = [6, 9].map((seq) => `0x${toHex(digestOf(seq))}`)
    expect(found(served(entry(5)), 6, nonce)).toBe(
      JSON.stringify({ error: `no checkpoint of digest ${wanted} is known; the newest, of set 9, has ${newest}` }),
    )
  })
})
