/** Sets from somebody who is not trusted: bytes that only say that they are CBOR. */

import { describe, expect, it } from 'vitest'
import { fromHex } from '../../../src/bytes/hex.js'
import { signPatches } from '../../../src/patches/patch-set.js'
import { ShownLog } from '../../../src/relay/audit/shown-log.js'
import { replay, ReplayError } from '../../../src/relay/shops/replay.js'
import { SetCheck } from '../../../src/relay/shops/set-check.js'
import { emptyShop, SCHEMA_VERSION } from '../../../src/state/shop-state.js'
import { filled } from '../../fixtures/sample-shop.js'
import { recordOf } from '../../fixtures/store.arbitrary.js'

/** A map of 2^40 entries, none of which is there. */
const ENDLESS = fromHex('bb0000010000000000')
const set = { ...recordOf(1), header: ENDLESS, patches: [ENDLESS] }

describe('bytes that claim more than there is', () => {
  it('as a header are no header', () => {
    const problems = [...new SetCheck(1n, undefined).problemsOf(set, undefined)]
    expect(problems).toEqual([{ kind: 'header', text: expect.stringContaining('beyond the input') as string }])
  })

  it('as a patch are none, and the log does not lead on', () => {
    const state = emptyShop(1n, SCHEMA_VERSION)
    expect(() => replay(state, set)).toThrow(ReplayError)
    expect(() => replay(state, set)).toThrow(/^shop 1, set 1: the log holds a patch that cannot be read/u)
  })

  it('from a relay that is audited are the first difference', () => {
    const salts = { Inventory: filled(32, 1), Orders: filled(32, 2) }
    const log = new ShownLog({ shopId: 1n, relays: undefined, salts })
    expect(log.take(set)).toMatchObject({ kind: 'header', seq: 1 })
  })

  it('a set without patches is a difference too', () => {
    const salts = { Inventory: filled(32, 1), Orders: filled(32, 2) }
    const log = new ShownLog({ shopId: 1n, relays: undefined, salts })
    const parts = { shopId: 1n, nonce: 1n, timestamp: 1_700_000_000n, patches: [fromHex('a0')] }
    const { headerBytes, signature } = signPatches(parts, filled(32, 7))
    const empty = { seq: 1, header: headerBytes, signature, patches: [] }
    expect(log.take(empty)).toEqual({ kind: 'root', seq: 1, text: 'it has no patches' })
  })
})
