/** The import ranks and forbidden globals of the architecture: a file imports its own folder and lower ranks only. */

import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve, dirname } from 'node:path'
import { describe, expect, it } from 'vitest'

const SRC = resolve(import.meta.dirname, '../src')

const RANKS: Readonly<Record<string, number>> = {
  '': 0,
  bytes: 1,
  codec: 2,
  merkle: 3,
  objects: 4,
  patches: 5,
  state: 6,
  wire: 7,
  store: 8,
  chain: 8,
  settings: 8,
  relay: 9,
  client: 9,
  cli: 10,
}
/** Rooms of one rank, or of a lower one, that do not know each other. */
const STRANGERS: readonly (readonly [from: string, to: string])[] = [
  ['objects', 'merkle'],
  ['chain', 'store'],
  ['store', 'chain'],
  ['client', 'relay'],
  ['client', 'store'],
  ['client', 'chain'],
  ['relay', 'client'],
]
const FORBIDDEN =
  /\b(async|await|Date|process|console|Buffer|fetch|setTimeout|setInterval|setImmediate)\b|Math\.random|['"]node:/u
/** Each entry point of an outside package comes in through these files alone. */
const DOORS: Readonly<Record<string, readonly string[]>> = {
  '@noble/hashes/sha2.js': ['bytes/hash.ts'],
  '@noble/hashes/sha3.js': ['bytes/hash.ts'],
  '@noble/curves/secp256k1.js': ['bytes/signature.ts'],
  'hash-wasm': ['bytes/hash.node.ts'],
  lmdb: ['store/lmdb.ts'],
  '@bufbuild/protobuf': ['wire/envelope.ts', 'wire/generated/envelope_pb.ts'],
  '@bufbuild/protobuf/codegenv2': ['wire/generated/envelope_pb.ts'],
  pino: ['relay/instruments/log.ts'],
  'prom-client': ['relay/instruments/metrics.ts'],
  'uWebSockets.js': ['relay/transport/uws.ts'],
  viem: ['chain/rpc-chain.ts', 'cli/wallet.ts'],
  'viem/utils': ['chain/contracts.ts'],
  'viem/accounts': ['cli/wallet.ts'],
  ws: ['relay/transport/ws.ts', 'client/websocket.node.ts', 'cli/bench.ts'],
}

interface Source {
  readonly name: string
  readonly room: string
  readonly text: string
  readonly imports: readonly string[]
}

const sources = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name): Source => {
    const text = readFileSync(join(SRC, name), 'utf8')
    const imports = [...text.matchAll(/^(?:import|export|\}).* from '([^']+)'|\bimport\('([^']+)'\)/gmu)].map(
      (match) => match[1] ?? match[2]!,
    )
    return { name, room: name.includes('/') ? name.split('/')[0]! : '', text, imports }
  })

describe('import ranks', () => {
  it.each(sources.map((source) => [source.name, source] as const))('%s', (_name, source) => {
    const rank = RANKS[source.room]
    expect(rank, `the room ${source.room} has a rank`).toBeDefined()
    for (const specifier of source.imports.filter((name) => name.startsWith('.'))) {
      const target = relative(SRC, resolve(dirname(join(SRC, source.name)), specifier))
      const room = target.includes('/') ? target.split('/')[0]! : ''
      const stranger = STRANGERS.some(([from, to]) => from === source.room && to === room)
      const allowed = room === source.room || (RANKS[room]! < rank! && !stranger)
      expect(allowed, `${source.name} imports ${target}`).toBe(true)
    }
  })

  it('sees a breach', () => {
    const breach = { from: 'codec', to: 'state' }
    expect(RANKS[breach.to]! < RANKS[breach.from]!).toBe(false)
  })
})

describe('ranks 0 to 7 know no clock, chance, process, console, network or disk', () => {
  const core = sources.filter(
    ({ name, room }) => RANKS[room]! <= 7 && !name.endsWith('.node.ts') && !name.includes('/generated/'),
  )
  it.each(core.map((source) => [source.name, source] as const))('%s', (_name, { text }) => {
    expect(FORBIDDEN.exec(withoutCommentsAndTexts(text))?.[0]).toBeUndefined()
  })

  it('sees a breach', () => {
    expect(FORBIDDEN.test(withoutCommentsAndTexts('const now = Date.now()'))).toBe(true)
    expect(FORBIDDEN.test(withoutCommentsAndTexts("import { x } from 'node:fs'"))).toBe(true)
    expect(FORBIDDEN.test(withoutCommentsAndTexts('// Date\nconst a = `process`'))).toBe(false)
  })
})

describe('outside packages', () => {
  it('come in through their doors alone', () => {
    const used = new Map<string, string[]>()
    for (const { name, imports } of sources) {
      for (const specifier of imports) {
        if (specifier.startsWith('.') || specifier.startsWith('#') || specifier.startsWith('node:')) continue
        used.set(specifier, [...(used.get(specifier) ?? []), name])
      }
    }
    for (const [specifier, files] of used)
      expect(DOORS[specifier] ?? [], specifier).toEqual(expect.arrayContaining(files))
  })
})

/** Imports keep their texts: a `node:` there counts. */
function withoutCommentsAndTexts(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//gu, '')
    .replace(/\/\/[^\n]*/gu, '')
    .replace(/`[^`]*`/gu, '``')
    .replace(/(?<!from |import )'[^'\n]*'/gu, "''")
}
