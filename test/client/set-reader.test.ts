import { expect, it } from 'vitest'
import { SetReader } from '../../src/client/set-reader.js'
import { UNREAD_SETS_MAX } from '../../src/limits.js'

it('what nobody reads is kept up to a bound, then the reader is told so, after what was kept', async () => {
  const reader = new SetReader(() => undefined)
  const [header, signature] = [new Uint8Array(0), new Uint8Array(65)]
  const pushed = { seq: 1n, leafIndex: 0, header, signature, patches: [], proofs: [] }
  const set = (seq: bigint) => ({ seq, signer: 'relay' as const, timestamp: 1n, patches: [], pushed })
  for (let seq = 1; seq <= UNREAD_SETS_MAX + 2; seq++) reader.give(set(BigInt(seq)))
  for (let seq = 1; seq <= UNREAD_SETS_MAX; seq++) expect((await reader.next()).value.seq).toBe(BigInt(seq))
  await expect(reader.next()).rejects.toMatchObject({ code: 'UNREAD' })
})
