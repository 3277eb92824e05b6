import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import { importBytes } from 'ipfs-unixfs-importer'
import { fixedSize } from 'ipfs-unixfs-importer/chunker'
import { balanced } from 'ipfs-unixfs-importer/layout'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import * as digests from 'multiformats/hashes/digest'
import { sha256 } from 'multiformats/hashes/sha2'
import { describe, expect, test } from 'vitest'
import { isRawCid, rawCidOf } from '../../../src/bytes/raw-cid.js'
import { CidHasher, isCidV0 } from '../../../src/relay/blobs/cid.js'

/** IPFS's defaults: bytes of a chunk, children of a node. */
const CHUNK = 262_144
const LINKS = 174

describe('a content identifier', () => {
  test('of "foo", as PROTOCOL §13 has it', () => {
    expect(cidOf([new TextEncoder().encode('foo')])).toBe('QmcJw6x4bQr7oFnVnF6i8SLcJvhXjaxWvj54FYXmZ4Ct6p')
    expect(cidOf([new TextEncoder().encode('fop')])).not.toBe('QmcJw6x4bQr7oFnVnF6i8SLcJvhXjaxWvj54FYXmZ4Ct6p')
  })

  // What `ipfs add` of Kubo prints for files of zeros: one leaf, several, and (100 MiB) more than one level of parents.
  test.each([
    [0, 'QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH'],
    [1_024, 'QmQXesoMt2KWTxnVcGwxqwThSNzBy2gsXr1DANTJtLjc1k'],
    [10_240, 'QmcqBd6EuU4BiBJkArSFLbNHnM8tbC9vu9a4AbqTq4gHAL'],
    [102_400, 'QmVFxmvDaBBGBFUMPLSRL9mb4N6Xm8xEYnCuy5m85gPAaP'],
    [1 << 20, 'QmVkbauSDEaMP4Tkq6Epm9uW75mWm136n81YH8fGtfwdHU'],
    [10 << 20, 'QmaJ6kN9fW3TKpVkpf1NuW7cjhHjNp5Jwr3cQuHzsoZWkJ'],
    [100 << 20, 'Qmca3PNFKuZnYkiVv1FpcV1AfDUm4qCSHoYjPTBqDAsyk8'],
  ])('of %i zero bytes is %s', (size, cid) => {
    const hasher = new CidHasher()
    const zeros = new Uint8Array(100_000)
    for (let left = size; left > 0; left -= zeros.length) hasher.update(zeros.subarray(0, Math.min(left, zeros.length)))
    expect(hasher.digest()).toBe(cid)
  })

  test('is that of a tree filled from the root, for every size, shape and cut', () => {
    const cut = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 })
    fc.assert(
      fc.property(cut, fc.integer({ min: 1, max: 7 }), fc.integer({ min: 2, max: 4 }), (parts, chunkBytes, links) => {
        const hasher = new CidHasher(chunkBytes, links)
        for (const part of parts) hasher.update(part)
        expect(hasher.digest()).toBe(oracle(Buffer.concat(parts), chunkBytes, links))
      }),
    )
  })

  test.each([1, 173, 174, 175, 174 * 2, 174 * 174, 174 * 174 + 1])(
    'of %i chunks is that of the same tree',
    (chunks) => {
      const content = Buffer.alloc(chunks, 'cairn')
      const hasher = new CidHasher(1)
      hasher.update(content)
      expect(hasher.digest()).toBe(oracle(content, 1, 174))
    },
  )
})

describe('isCidV0', () => {
  const good = 'QmcJw6x4bQr7oFnVnF6i8SLcJvhXjaxWvj54FYXmZ4Ct6p'

  test('takes a version 0 identifier', () => expect(isCidV0(good)).toBe(true))

  test.each([
    '',
    good.slice(0, -1),
    `${good}1`,
    good.replace('w', '0'),
    good.replace('w', 'l'),
    `Qz${good.slice(2)}`,
    `${good}/`,
    `../${good}`,
    good.replace('Qm', 'QM'),
    // 46 characters that begin with Qm and hold another multihash.
    `Qm${'z'.repeat(44)}`,
    'bafybeibwzifw52ttrkqlikfzext5akxu7lz4xiwjgwzmqcpdzmp3n5vnbe',
  ])('refuses %j', (text) => expect(isCidV0(text)).toBe(false))
})

describe("IPFS's own importer gives the same identifier", () => {
  const full = LINKS * CHUNK
  const borders = [1, 2, 3].flatMap((chunks) => [-1, 0, 1].map((more) => chunks * CHUNK + more))
  test.each([0, 1, ...borders, full, full + 1])('of %i bytes', async (size) => {
    // No two chunks are equal: their size is no multiple of the pattern's.
    const pattern = new Uint8Array(1_009).map((_, i) => i * i)
    const content = new Uint8Array(Buffer.alloc(size, pattern))
    expect(cidOf([content])).toBe(await imported(content, CHUNK, LINKS))
  })

  test('for trees of any shape', async () => {
    const content = fc.uint8Array({ maxLength: 300 })
    await fc.assert(
      fc.asyncProperty(
        content,
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 2, max: 4 }),
        async (bytes, chunk, links) => {
          const hasher = new CidHasher(chunk, links)
          hasher.update(bytes)
          expect(hasher.digest()).toBe(await imported(bytes, chunk, links))
        },
      ),
    )
  })
})

describe('multiformats reads and writes the same identifiers', () => {
  const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })

  test('of raw bytes', () => {
    fc.assert(
      fc.property(hash, (bytes) => {
        const cid = rawCidOf(bytes)
        expect(cid).toBe(CID.createV1(raw.code, digests.create(sha256.code, bytes)).toString())
        expect(isRawCid(cid)).toBe(true)
      }),
    )
  })

  // One character of a good one is another: most are bad, by their alphabet, their head or their last bits.
  test('and refuses what we refuse', () => {
    const good = hash.chain((bytes) => {
      const digest = digests.create(sha256.code, bytes)
      return fc.constantFrom(CID.createV0(digest).toString(), CID.createV1(raw.code, digest).toString())
    })
    const alphabet = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'
    const changed = fc
      .tuple(good, fc.oneof(fc.nat(58), fc.nat(8), fc.constant(58)), fc.constantFrom(...alphabet.split(''), '', '-'))
      .map(([text, at, character]) => `${text.slice(0, at)}${character}${text.slice(at + 1)}`)
    fc.assert(
      fc.property(changed, (text) => {
        expect([text, isCidV0(text), isRawCid(text)]).toEqual([text, isOf(text, 0, 0x70), isOf(text, 1, raw.code)])
      }),
      { numRuns: 2_000 },
    )
  })
})

/** The root of a file as IPFS's importer makes it, with version 0 and leaves that are nodes. */
async function imported(content: Uint8Array, chunkSize: number, maxChildrenPerNode: number): Promise<string> {
  const { cid } = await importBytes(
    content,
    { put: (cid) => cid },
    {
      cidVersion: 0,
      rawLeaves: false,
      chunker: fixedSize({ chunkSize }),
      layout: balanced({ maxChildrenPerNode }),
    },
  )
  return cid.toString()
}

/** Whether multiformats reads `text` as one of this version and codec by a SHA-256, and writes it so itself. */
function isOf(text: string, version: 0 | 1, codec: number): boolean {
  try {
    const cid = CID.parse(text)
    const { code, size } = cid.multihash
    if (cid.version !== version || cid.code !== codec || code !== sha256.code || size !== 32) return false
    // Made anew: what was parsed remembers the text that it came from.
    return CID.create(version, codec, cid.multihash).toString() === text
  } catch {
    return false
  }
}

function cidOf(parts: Uint8Array[]): string {
  const hasher = new CidHasher()
  for (const part of parts) hasher.update(part)
  return hasher.digest()
}

/** The balanced layout as its definition goes, from above: depth first, then every node filled from the left. */
function oracle(content: Buffer, chunkBytes: number, links: number): string {
  let depth = 0
  while (chunkBytes * links ** depth < content.length) depth++
  return base58(Buffer.concat([Buffer.from([0x12, 0x20]), node(content, depth, chunkBytes, links).hash]))
}

function node(content: Buffer, depth: number, chunkBytes: number, links: number): { hash: Buffer; total: number } {
  const children: { hash: Buffer; total: number; size: number }[] = []
  const step = chunkBytes * links ** (depth - 1)
  for (let at = 0; at < (depth > 0 ? content.length : 0); at += step) {
    const part = content.subarray(at, at + step)
    children.push({ ...node(part, depth - 1, chunkBytes, links), size: part.length })
  }
  const inline = depth === 0 && content.length > 0 ? field(2, content) : Buffer.alloc(0)
  const sizes = children.map((child) => number(4, child.size))
  const data = Buffer.concat([number(1, 2), inline, number(3, content.length), ...sizes])
  const pbLinks = children.map(({ hash, total }) =>
    field(
      2,
      Buffer.concat([
        field(1, Buffer.concat([Buffer.from('1220', 'hex'), hash])),
        field(2, Buffer.alloc(0)),
        number(3, total),
      ]),
    ),
  )
  const block = Buffer.concat([...pbLinks, field(1, data)])
  const below = children.reduce((sum, child) => sum + child.total, 0)
  return { hash: createHash('sha256').update(block).digest(), total: below + block.length }
}

function field(id: number, bytes: Buffer): Buffer {
  return Buffer.concat([leb128(id * 8 + 2), leb128(bytes.length), bytes])
}

function number(id: number, value: number): Buffer {
  return Buffer.concat([leb128(id * 8), leb128(value)])
}

function leb128(value: number): Buffer {
  return value < 128
    ? Buffer.from([value])
    : Buffer.concat([Buffer.from([(value % 128) + 128]), leb128(Math.floor(value / 128))])
}

function base58(bytes: Buffer): string {
  let [value, text] = [BigInt(`0x${bytes.toString('hex')}`), '']
  const digits = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
  while (value > 0n) [text, value] = [digits[Number(value % 58n)] + text, value / 58n]
  return text
}
