/** The reference's vectors through `cairn vectors` and its check; provenance: vectors/README.md. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { equalBytes } from '../../src/bytes/bytes.js'
import { checkVectorFile } from '../../src/cli/vector-check.js'
import { VectorFileError, type Findings } from '../../src/cli/vector-findings.js'
import { run } from '../../src/cli/vectors.js'
import { decode } from '../../src/codec/decode.js'
import { encode } from '../../src/codec/encode.js'
import { checkForm } from '../../src/codec/span.js'
import { CborError, type Cbor, type CborMap } from '../../src/codec/value.js'
import { CBOR_NESTING_MAX_IN_FILES } from '../../src/limits.js'
import { readPatch } from '../../src/patches/patch.js'
import { applyPatches } from '../../src/state/apply.js'
import { rebuildShop } from '../../src/state/rebuild.js'
import { COLLECTIONS } from '../../src/state/shop-state.js'

const folder = fileURLToPath(new URL('../../vectors/reference/', import.meta.url))
const fileOf = (name: string) => join(folder, name)
const bytesOf = (name: string) => new Uint8Array(readFileSync(fileOf(name)))
const read = (name: string) => decode(bytesOf(name), CBOR_NESTING_MAX_IN_FILES) as CborMap
const field = (value: Cbor | undefined, name: string) => (value as CborMap).get(name)!
const nameOf = (entry: Cbor | undefined) => field(entry, 'Name') as string
const entriesOf = (value: Cbor) => value as readonly Cbor[]

const counts = (findings: Findings) => [findings.agree, findings.differences.length, findings.refusedOnPurpose]

describe('every file agrees', () => {
  // agree, refused on purpose: patches, or proofs, operations; the sets' root and signature count one each.
  const table: Readonly<Record<string, readonly [number, number]>> = {
    'InventoryOkay.cbor': [2 + patchesIn('InventoryOkay.cbor'), 0],
    'ListingOkay.cbor': [2 + patchesIn('ListingOkay.cbor') - 1, 1],
    'ManifestOkay.cbor': [2 + patchesIn('ManifestOkay.cbor'), 0],
    'SimpleShoppingTrip.cbor': [2 + patchesIn('SimpleShoppingTrip.cbor'), 0],
    'ListingError.cbor': [9, 0],
    'OrderError.cbor': [12, 0],
    'TagError.cbor': [7, 0],
    'hamt.json': [operationsIn('hamt.json'), 0],
    'merkle-proofs.json': [proofsIn('merkle-proofs.json'), 0],
  }

  test('all of them are in the table', () => {
    expect(readdirSync(folder).sort()).toEqual(Object.keys(table).sort())
  })

  test.each(Object.entries(table))('%s', (name, [agree, refusedOnPurpose]) => {
    const findings = checkVectorFile(bytesOf(name))
    expect(findings.differences).toEqual([])
    expect(counts(findings)).toEqual([
      agree - findings.notes.filter((note) => note.includes('forgets')).length,
      0,
      refusedOnPurpose,
    ])
    expect(agree).toBeGreaterThan(6)
  })

  test('the one that is refused on purpose is the listing under another key', () => {
    const { notes } = checkVectorFile(bytesOf('ListingOkay.cbor'))
    expect(notes).toEqual([
      'TestGenerateVectorsListingOkay/create_full_listing: refused on purpose: ' +
        'patch 0: listing 23: ID must equal the key',
    ])
  })
})

function patchesIn(name: string): number {
  return entriesOf(field(field(read(name), 'PatchSet'), 'Patches')).length
}

function operationsIn(name: string): number {
  return (JSON.parse(readFileSync(fileOf(name), 'utf8')) as { hashes: string[] }[]).reduce(
    (sum, { hashes }) => sum + hashes.length,
    0,
  )
}

/** Roots too. */
function proofsIn(name: string): number {
  return (JSON.parse(readFileSync(fileOf(name), 'utf8')) as { proofs: unknown[] }[]).reduce(
    (sum, { proofs }) => sum + 1 + proofs.length,
    0,
  )
}

describe('what the reference refuses', () => {
  const expected: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    'ListingError.cbor': {
      invalid_field_path: 'INVALID',
      'remove_non-existent_metadata_field': 'INVALID',
      invalid_array_index: 'NOT_FOUND 1',
      'remove_non-existent_stock_status': 'NOT_FOUND 1',
      invalid_value_type_for_price: 'INVALID',
      invalid_value_type_for_viewState: 'INVALID',
      'remove_non-existent_option': 'NOT_FOUND 1',
      'replace_non-existent_variation_on_an_option': 'NOT_FOUND 1',
      'remove_non-existent_variation_from_an_option': 'NOT_FOUND 1',
    },
    'OrderError.cbor': {
      unsupported_path: 'INVALID',
      'unsupported_path#01': 'INVALID',
      unsupported_field: 'INVALID',
      invalid_item_index: 'NOT_FOUND 666',
      invalid_item_index_format: 'INVALID',
      missing_address_field: 'INVALID',
      invalid_address_field: 'INVALID',
      add_item_after_commit: 'INVALID',
      replace_item_after_commit: 'INVALID',
      increment_quantity_after_commit: 'INVALID',
      decrement_quantity_after_commit: 'INVALID',
      remove_item_after_commit: 'INVALID',
    },
    'TagError.cbor': {
      add_to_name: 'INVALID',
      remove_from_name: 'INVALID',
      add_listing_to_tag: 'INVALID',
      remove_listing_from_tag: 'INVALID',
      replace_listing_in_tag: 'INVALID',
      // Indices are unsigned integers: a text is no index, so nothing is looked for.
      'remove_non-existent_listing_from_tag': 'INVALID',
      'replace_non-existent_listing_in_tag': 'INVALID',
    },
  }

  test.each(Object.entries(expected))('%s', (file, verdicts) => {
    const got = entriesOf(field(read(file), 'Patches')).map((entry) => [
      nameOf(entry).split('/')[1],
      verdictOf(field(field(entry, 'Before'), 'Encoded') as Uint8Array, encode(field(entry, 'Patch'))),
    ])
    expect(Object.fromEntries(got)).toEqual(verdicts)
  })
})

/** Code and id of the verdict on a patch, with the relay's rights. */
function verdictOf(encoded: Uint8Array, patch: Uint8Array): string {
  checkForm(patch)
  const shop = decode(encoded, CBOR_NESTING_MAX_IN_FILES)
  const state = rebuildShop({
    shopId: field(field(shop, 'Manifest'), 'ShopID') as bigint,
    schemaVersion: field(shop, 'SchemaVersion') as bigint,
    manifest: encode(field(shop, 'Manifest')),
    objects: Object.fromEntries(COLLECTIONS.map((name) => [name, leavesOf(field(shop, name))])) as never,
  })
  const applied = applyPatches(state, [readPatch(patch)], {
    author: { role: 'relay' },
    committedAt: 0n,
    reservationSeconds: 1n,
  })
  if (applied.ok) return 'ok'
  const { code, objectId } = applied.verdict
  return objectId === undefined ? code : `${code} ${objectId}`
}

function leavesOf(node: Cbor): [Uint8Array, Uint8Array][] {
  const [, entries] = node as readonly Cbor[]
  return entriesOf(entries ?? []).flatMap((entry) => {
    const [key, value, child] = entry as readonly Cbor[]
    return key instanceof Uint8Array ? [[key, encode(value!)] as [Uint8Array, Uint8Array]] : leavesOf(child!)
  })
}

describe('the check can fail', () => {
  /** The file with the last (or first) place where `part` stands changed in its last byte. */
  function flipped(bytes: Uint8Array, part: Uint8Array, which: 'first' | 'last' = 'last'): Uint8Array {
    const places = placesOf(bytes, part)
    expect(places.length).toBeGreaterThan(0)
    const at = places.at(which === 'first' ? 0 : -1)! + part.length - 1
    return bytes.with(at, bytes[at]! ^ 1)
  }

  function placesOf(bytes: Uint8Array, part: Uint8Array): number[] {
    const found: number[] = []
    for (let at = bytes.indexOf(part[0]!); at >= 0; at = bytes.indexOf(part[0]!, at + 1)) {
      if (equalBytes(bytes.subarray(at, at + part.length), part)) found.push(at)
    }
    return found
  }

  const trip = bytesOf('SimpleShoppingTrip.cbor')
  const set = field(read('SimpleShoppingTrip.cbor'), 'PatchSet')
  const snapshots = entriesOf(field(read('SimpleShoppingTrip.cbor'), 'Snapshots'))
  const lastAfter = field(snapshots.at(-1), 'After')
  const differs = (bytes: Uint8Array) => checkVectorFile(bytes).differences.map(({ at }) => at)

  test('at a hash', () => {
    expect(differs(flipped(trip, field(lastAfter, 'Hash') as Uint8Array))).toEqual([
      `${nameOf(snapshots.at(-1))}: Hash`,
    ])
  })

  test('at the root and the signature', () => {
    const root = field(field(set, 'Header'), 'RootHash') as Uint8Array
    expect(differs(flipped(trip, root))).toEqual(['Header.RootHash', 'Signature'])
    expect(differs(flipped(trip, (field(set, 'Signature') as Uint8Array).subarray(0, 64)))).toEqual(['Signature'])
  })

  test('at a value in a state, shown as both values', () => {
    // 49 pieces of listing 101. The same bytes stand in the file twice: as `Value` and as `Encoded`.
    const encoded = field(lastAfter, 'Encoded') as Uint8Array
    const mutated = trip.slice()
    mutated.set(flipped(encoded, Uint8Array.of(0x65, 0x18, 49)), placesOf(trip, encoded).at(-1))
    expect(checkVectorFile(mutated).differences).toEqual([
      { at: `${nameOf(snapshots.at(-1))}: Inventory h'0000000000000065'`, theirs: '48', ours: '49' },
    ])
  })

  test('where the reference accepts and we do not, and the other way round', () => {
    const listing = read('ListingError.cbor')
    const [first, ...others] = entriesOf(field(listing, 'Patches'))
    const harmless = new Map<string, Cbor>([
      ['Op', 'replace'],
      ['Path', ['Listings', 1n, 'Price']],
      ['Value', 5n],
    ])
    const changedFile = encode(
      new Map([['Patches', [new Map([...(first as CborMap), ['Patch', harmless]]), ...others]]]),
    )
    const { differences, agree } = checkVectorFile(changedFile)
    expect(agree).toBe(others.length)
    expect(differences.map(({ ours }) => ours)).toEqual(['accepted'])

    const patches = entriesOf(field(set, 'Patches'))
    const bad = new Map([...(patches[1] as CborMap), ['Op', 'set']])
    const file = new Map([
      ...read('SimpleShoppingTrip.cbor'),
      ['PatchSet', new Map([...(set as CborMap), ['Patches', patches.with(1, bad)]])],
    ])
    const found = checkVectorFile(encode(file)).differences
    expect(found.at(-1)?.theirs).toBe('accepted')
    expect(found.at(-1)?.ours).toMatch(/^INVALID: /u)
  })

  test('in the files of tries and proofs', () => {
    const mutate = (name: string, change: (vectors: never) => void) => {
      const vectors = JSON.parse(readFileSync(fileOf(name), 'utf8')) as never
      change(vectors)
      return checkVectorFile(new TextEncoder().encode(JSON.stringify(vectors))).differences.length
    }
    expect(mutate('hamt.json', () => undefined)).toBe(0)
    expect(mutate('hamt.json', ([vector]: { hashes: string[] }[]) => void (vector!.hashes[0] = 'ff'.repeat(32)))).toBe(
      1,
    )
    expect(
      mutate(
        'hamt.json',
        ([vector]: { operations: { value?: string }[] }[]) => void (vector!.operations[0]!.value = 'other'),
      ),
    ).toBeGreaterThan(0)
    expect(mutate('merkle-proofs.json', ([vector]: { root: string }[]) => void (vector!.root = 'ff'.repeat(32)))).toBe(
      1,
    )
    expect(
      mutate(
        'merkle-proofs.json',
        (all: { proofs: [number, number, string[]][] }[]) => void all.at(-1)!.proofs[0]![1]++,
      ),
    ).toBe(1)
  })

  test('a file that is none of these is unreadable', () => {
    const text = (value: string) => new TextEncoder().encode(value)
    for (const bytes of [
      text('{'),
      text('[]'),
      text('[{}]'),
      text('{"a": 1}'),
      encode(new Map([['a', 1n]])),
      encode(5n),
    ]) {
      expect(() => checkVectorFile(bytes)).toThrow(bytes.length > 0 && bytes[0] === 5 ? CborError : VectorFileError)
    }
    expect(() => checkVectorFile(trip.subarray(0, -1))).toThrow(CborError)
    expect(() => checkVectorFile(new Uint8Array(0))).toThrow(CborError)
  })
})

describe('cairn vectors', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'cairn-vectors-'))
  afterAll(() => rmSync(scratch, { recursive: true }))

  async function told(...files: readonly string[]) {
    const out: string[] = []
    const err: string[] = []
    const code = await run(files, { out: (line) => void out.push(line), err: (line) => void err.push(line) })
    return { code, out, err }
  }

  const all = readdirSync(folder).map(fileOf)
  const different = join(scratch, 'different.json')
  const good = JSON.parse(readFileSync(fileOf('hamt.json'), 'utf8')) as { hashes: string[] }[]
  good[0]!.hashes[0] = '00'.repeat(32)
  writeFileSync(different, JSON.stringify(good))
  const broken = join(scratch, 'broken.cbor')
  writeFileSync(broken, bytesOf('TagError.cbor').subarray(1))

  test('0: a line per file and a closing line', async () => {
    const { code, out, err } = await told(...all)
    expect([code, err]).toEqual([0, []])
    for (const file of all) expect(out.filter((line) => line.startsWith(`${file}: agree `))).toHaveLength(1)
    const agree = all.reduce((sum, file) => sum + checkVectorFile(new Uint8Array(readFileSync(file))).agree, 0)
    expect(out.at(-1)).toBe(`agree ${agree}, differ 0, refused on purpose 1`)
  })

  test('1: something differs, and the first difference is shown as both values', async () => {
    const { code, out } = await told(fileOf('TagError.cbor'), different)
    expect(code).toBe(1)
    expect(out.at(-1)).toMatch(/^agree \d+, differ 1, refused on purpose 0$/u)
    const text = out.join('\n')
    expect(text).toContain('first difference: 0, operation 0 (insert)')
    expect(text).toContain(`theirs: h'${'00'.repeat(32)}'`)
    expect(text).toMatch(/ours: {3}h'[0-9a-f]{64}'/u)
  })

  test('2: a file is unreadable or missing, and the others are still checked', async () => {
    for (const bad of [broken, join(scratch, 'missing.cbor'), scratch]) {
      const { code, out, err } = await told(bad, fileOf('TagError.cbor'), different)
      expect(code).toBe(2)
      expect(err).toHaveLength(1)
      expect(err[0]).toContain(`${bad}: cannot be read: `)
      expect(out.at(-1)).toMatch(/^agree \d+, differ 1, refused on purpose 0$/u)
    }
  })

  test('2 without a file, 0 for --help', async () => {
    const none = await told()
    const help = await told('--help')
    expect([none.code, none.out, none.err.length]).toEqual([2, [], 1])
    expect([help.code, help.out, help.err]).toEqual([0, none.err, []])
    expect(help.out[0]).toContain('Exit code: 0 all agree')
  })
})
