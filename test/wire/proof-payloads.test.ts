/** Payloads there and back, against cddl/proof-payloads.cddl, and what is no payload. */

import { describe, expect, test } from 'vitest'
import { concatBytes } from '../../src/bytes/bytes.js'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { decode } from '../../src/codec/decode.js'
import { encode } from '../../src/codec/encode.js'
import type { Cbor, CborMap } from '../../src/codec/value.js'
import { makeStateProofs, type StateQuestion } from '../../src/merkle/state-proof.js'
import {
  encodeCheckpointAnswer,
  encodeLogProofAnswer,
  encodeStateProofAnswer,
  encodeWriteAnswer,
  readCheckpointAnswer,
  readLogProofAnswer,
  readStateProofAnswer,
  readWriteAnswer,
} from '../../src/wire/proof-payloads.js'
import {
  encodeSalts,
  encodeSnapshotObject,
  encodeStateQuestion,
  ProofPayloadError,
  readSalts,
  readSnapshotObject,
  readStateQuestion,
  type SnapshotObject,
} from '../../src/wire/snapshot-payloads.js'
import { check } from '../fixtures/cddl-check.js'
import { neighbours, withoutOneKey } from '../fixtures/cddl-neighbours.js'
import { SampleLog } from '../fixtures/checkpoints.js'
import { stateKat } from '../fixtures/state-kat.js'
import { listedState, objectOf } from '../fixtures/state-source.js'
import { u64 } from '../fixtures/state-tree-oracle.js'

const log = new SampleLog(12)
const digest = (byte: number) => new Uint8Array(32).fill(byte)
const history = { lastSeq: 5n, trail: digest(3) }
const state = listedState({ Orders: [[u64(1n), { value: objectOf(1n), history }]] })
const proofs = makeStateProofs(state.source, [
  ['Orders', u64(1n)],
  ['Tags', Uint8Array.of(0x61)],
])
const proven = { Checkpoint: log.signed(12), Last: log.last(12) }
const inclusion = [7n, log.path(5, 12)] as const
const zeros = new Uint8Array(20)

interface Form<T> {
  readonly rule: string
  readonly values: readonly T[]
  readonly encode: (value: T) => Uint8Array
  readonly read: (bytes: Uint8Array) => T
}

const form = <T>(one: Form<T>) => one as unknown as Form<unknown>
const forms: readonly Form<unknown>[] = [
  form({
    rule: 'WriteAnswer',
    values: [{ Seq: 2n ** 64n - 1n, StateRoot: digest(1), StateHash: digest(2) }],
    encode: encodeWriteAnswer,
    read: readWriteAnswer,
  }),
  form({
    rule: 'StateProofAnswer',
    values: [
      { ...proven, Proofs: proofs },
      { ...proven, Proofs: proofs, List: [] },
      {
        ...proven,
        Proofs: proofs,
        List: [
          [1n, 4n],
          [2n ** 64n - 1n, 4n],
        ] as const,
      },
    ],
    encode: encodeStateProofAnswer,
    read: readStateProofAnswer,
  }),
  form({
    rule: 'LogProofAnswer',
    values: [
      { ...proven, Inclusion: inclusion, Set: digest(1), StateRoot: digest(2) },
      { ...proven, Inclusion: inclusion, Set: digest(1), StateRoot: digest(2), Consistency: log.consistency(7, 12) },
    ],
    encode: encodeLogProofAnswer,
    read: readLogProofAnswer,
  }),
  form({
    rule: 'CheckpointAnswer',
    values: [
      { ...proven, Level: state.source.level },
      { ...proven, Level: state.source.level, Consistency: log.consistency(8, 12) },
    ],
    encode: encodeCheckpointAnswer,
    read: readCheckpointAnswer,
  }),
  form({
    rule: 'Salts',
    values: [{}, { Inventory: digest(1) }, { Inventory: digest(1), Orders: digest(2) }],
    encode: encodeSalts,
    read: readSalts,
  }),
  form<StateQuestion>({
    rule: 'StateQuestion',
    values: [
      ['Manifest', new Uint8Array(0)],
      ['Orders', u64(1n)],
      ['Tags', Uint8Array.of(0x61)],
    ],
    encode: encodeStateQuestion,
    read: readStateQuestion,
  }),
  form<SnapshotObject>({
    rule: 'SnapshotObject',
    values: [
      { question: ['Manifest', new Uint8Array(0)], object: { value: Uint8Array.of(0xa0) } },
      { question: ['Accounts', zeros.with(0, 1)], object: { value: Uint8Array.of(0xa0) } },
      { question: ['Accounts', zeros], object: { value: Uint8Array.of(0xa0) }, more: true },
      { question: ['Accounts', zeros], object: { value: new Uint8Array(1_048_576) }, more: false },
      { question: ['Orders', u64(1n)], object: { value: objectOf(1n), history } },
      { question: ['Tags', Uint8Array.of(0x61)], object: { value: new Uint8Array(1_048_576) } },
    ],
    encode: encodeSnapshotObject,
    read: readSnapshotObject,
  }),
]
const samples = forms.flatMap(({ rule, values, encode, read }) =>
  values.map((value, i) => ({ name: `${rule} ${i}`, rule, value, encode, read })),
)

describe('what is encoded', () => {
  test.each(samples)('$name is read as the same, and is what the contract says', ({ rule, value, encode, read }) => {
    const bytes = encode(value)
    expect(read(bytes)).toEqual(value)
    expect(check(rule, decode(bytes))).toEqual([])
  })

  test.each(samples)('$name in any other form is refused', ({ value, encode, read }) => {
    const bytes = encode(value)
    expect(() => read(concatBytes(bytes, Uint8Array.of(0)))).toThrow(ProofPayloadError)
    expect(() => read(bytes.subarray(0, bytes.length - 1))).toThrow(ProofPayloadError)
    // The outermost head with a count of one byte more.
    const longer = concatBytes(Uint8Array.of((bytes[0]! & 0xe0) | 24, bytes[0]! & 0x1f), bytes.subarray(1))
    expect(() => read(longer)).toThrow(ProofPayloadError)
  })
})

/** What is not read here: the proofs themselves, and bytes of any length. */
const isFree = (name: string) => /^(?:Proofs|Checkpoint: 0|[12]): ?.*(?:33 bytes more|no bytes)$|^Proofs/u.test(name)

describe('what is broken in one place', () => {
  test.each(samples)(
    'of $name is refused by the reader where it is by the contract',
    ({ rule, value, encode: of, read }) => {
      const decoded = decode(of(value))
      const broken: { readonly name: string; readonly value: Cbor }[] = neighbours(decoded).filter(
        ({ name }) => !isFree(name),
      )
      if (decoded instanceof Map)
        for (const { key, value: shorter } of withoutOneKey(decoded as CborMap))
          broken.push({ name: `without ${String(key)}`, value: shorter })
      expect(broken.length).toBeGreaterThan(2)
      for (const { name, value: candidate } of broken.filter((one) => isCbor(one.value) && !isBeyond(rule, value, one)))
        expect.soft([name, reads(read, encode(candidate))]).toEqual([name, check(rule, candidate).length === 0])
    },
  )
})

interface SnapshotFile {
  readonly snapshot: { readonly objects: readonly string[]; readonly salts: string }
  readonly snapshot_unfiltered: { readonly objects: readonly (string | number)[] }
  readonly snapshot_refused: readonly {
    readonly name: string
    readonly refused_as: string
    readonly objects: readonly (string | number)[]
  }[]
}

describe('known answers', () => {
  const { snapshot, snapshot_unfiltered: unfiltered, snapshot_refused: refused } = stateKat as unknown as SnapshotFile
  const objects = [...snapshot.objects, ...unfiltered.objects.filter((one) => typeof one === 'string')]

  test.each(objects)('the object %s', (hex) => {
    const bytes = fromHex(hex)
    expect(check('SnapshotObject', decode(bytes))).toEqual([])
    expect(toHex(encodeSnapshotObject(readSnapshotObject(bytes)))).toBe(hex)
  })

  test('the salts', () => {
    expect(toHex(encodeSalts(readSalts(fromHex(snapshot.salts))))).toBe(snapshot.salts)
  })

  const forms = ['object', 'more', 'size of a piece']
  test.each(refused.filter(({ refused_as }) => forms.includes(refused_as)))(
    'has an object that is none: $name',
    ({ objects }) => {
      const bytes = objects.filter((one) => typeof one === 'string').map(fromHex)
      expect(bytes.filter((one) => !reads(readSnapshotObject, one))).not.toEqual([])
    },
  )
})

/** That `more` stands with one account only, the contract cannot say. */
function isBeyond(rule: string, value: unknown, { name }: { readonly name: string }): boolean {
  const { question } = value as SnapshotObject
  return (
    rule === 'SnapshotObject' && question[0] === 'Accounts' && question[1][0] === 1 && name === 'an element too many'
  )
}

/** No integer that CBOR has no form for here. */
function isCbor(value: Cbor): boolean {
  try {
    encode(value)
    return true
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

function reads(read: (bytes: Uint8Array) => unknown, bytes: Uint8Array): boolean {
  try {
    read(bytes)
    return true
  } catch (error) {
    if (error instanceof ProofPayloadError) return false
    throw error
  }
}
