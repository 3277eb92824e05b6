/**
 * Who may import whom: ranks of rooms, strangers, cycles, the doors of outside packages, and what the core does not
 * know.
 */

import { posix } from 'node:path'
import type { Breach } from './breach.js'
import type { House, Source } from './source.js'

/** A room of `src`, one of the relay's own rooms, or a file of the relay that stands above them. */
const RANKS: Readonly<Record<string, number>> = {
  '': 0,
  bytes: 1,
  codec: 2,
  merkle: 3,
  objects: 4,
  patches: 5,
  state: 6,
  proofs: 7,
  wire: 7.5,
  disk: 7.7,
  notes: 8,
  catalogue: 8,
  store: 8,
  chain: 8,
  settings: 8,
  'relay/instruments': 9.1,
  'relay/transport': 9.1,
  'relay/shops': 9.1,
  'relay/checkpoints': 9.13,
  'relay/proofs': 9.16,
  'relay/feed': 9.2,
  'relay/blobs': 9.2,
  'relay/write': 9.2,
  'relay/notes': 9.3,
  'relay/sessions': 9.3,
  'relay/accounts': 9.3,
  'relay/payments': 9.3,
  'relay/pages.ts': 9.3,
  'relay/audit': 9.3,
  'relay/anchor': 9.4,
  'relay/http.ts': 9.4,
  'relay/listening.ts': 9.4,
  'relay/after-commit.ts': 9.4,
  'relay/rooms.ts': 9.45,
  'relay/relay.ts': 9.5,
  client: 9,
  react: 9.5,
  devtools: 9.5,
  cli: 10,
}
/** Rooms of one rank, or of a lower one, that do not know each other. */
const STRANGERS: readonly (readonly [from: string, to: string])[] = [
  ['objects', 'merkle'],
  ['notes', 'store'],
  ['notes', 'chain'],
  ['notes', 'settings'],
  ['chain', 'store'],
  ['store', 'chain'],
  ['client', 'relay'],
  ['client', 'store'],
  ['client', 'chain'],
  ['relay', 'client'],
  ['react', 'relay'],
  ['react', 'store'],
  ['react', 'chain'],
  ['devtools', 'relay'],
  ['devtools', 'store'],
  ['devtools', 'chain'],
  ['devtools', 'react'],
]
/** Up to here a room is of the core. */
const CORE_RANK_MAX = 7.5
/** Rooms above that rank that are as pure. */
const ALSO_CORE: ReadonlySet<string> = new Set(['notes', 'catalogue'])
const OUTSIDE_THE_CORE =
  /\b(async|await|Date|process|console|Buffer|fetch|setTimeout|setInterval|setImmediate)\b|Math\.random|['"]node:/u
/** Each entry point of an outside package comes in through these files alone. */
const DOORS: Readonly<Record<string, readonly string[]>> = {
  '@noble/hashes/hmac.js': ['src/bytes/signing.ts'],
  '@noble/hashes/sha2.js': ['src/bytes/hash.ts', 'src/bytes/signing.ts'],
  '@noble/hashes/sha3.js': ['src/bytes/hash.ts'],
  '@noble/secp256k1': ['src/bytes/signature.ts', 'src/bytes/signing.ts'],
  '@noble/curves/ed25519.js': ['src/bytes/ed25519.ts'],
  'csv-parse/browser/esm/sync': ['src/catalogue/csv.ts'],
  'csv-stringify/browser/esm/sync': ['src/catalogue/csv.ts'],
  entities: ['src/catalogue/html-text.ts'],
  htmlparser2: ['src/catalogue/html-text.ts'],
  'hash-wasm': ['src/bytes/hash.node.ts', 'src/store/checksum.ts'],
  lmdb: ['src/store/table.ts'],
  pino: ['src/relay/instruments/log.ts'],
  'prom-client': ['src/relay/instruments/metrics.ts'],
  react: ['src/react/shop.ts', 'src/react/hooks.ts', 'src/react/use-live.ts'],
  'uWebSockets.js': ['src/relay/transport/uws.ts'],
  viem: ['src/chain/rpc-chain.ts', 'src/cli/wallet.ts'],
  'viem/utils': ['src/chain/contracts.ts'],
  'viem/accounts': ['src/cli/wallet.ts'],
  'hdr-histogram-js': ['src/cli/bench/latencies.ts'],
  ws: ['src/relay/transport/ws.ts', 'src/client/websocket.node.ts', 'src/cli/bench/session.ts'],
}

/** `relay/feed` of `src/relay/feed/feed.ts`, `relay/http.ts` of `src/relay/http.ts`, `codec` of `src/codec/time.ts`. */
export function roomOf(path: string): string {
  const [room, inner] = posix.dirname(path) === 'src' ? [''] : path.replace(/^src\//u, '').split('/')
  return room === 'relay' ? `relay/${inner}` : room!
}

/** A file imports its own room and lower ranks, and no strangers. */
export function rankBreaches(house: House): Breach[] {
  return ofSrc(house).flatMap((source) => {
    const room = roomOf(source.path)
    if (!(room in RANKS)) return [{ key: source.path, message: `${source.path}:1 is in a room without a rank` }]
    return importsOf(house, source).flatMap(({ line, target }) => {
      const from = `${source.path}:${line} imports ${target}`
      if (!target.startsWith('src/')) return [breach(source.path, target, `${from}: it is outside src`)]
      const other = roomOf(target)
      if (other === room) return []
      if (!(RANKS[other]! < RANKS[room]!))
        return [breach(source.path, target, `${from}: rank ${RANKS[other]}, lower than ${RANKS[room]} only`)]
      return isStranger(room, other) ? [breach(source.path, target, `${from}: ${room} does not know ${other}`)] : []
    })
  })
}

/** Files that need each other, for values or for types: shortest cycles, of those with an import in common one. */
export function cycleBreaches(house: House): Breach[] {
  const ways = house.sources.flatMap(({ path }) => {
    const way = wayBack(house, path)
    return way === undefined ? [] : [way]
  })
  const told = new Set<string>()
  return ways
    .toSorted((a, b) => a.length - b.length)
    .flatMap((way) => {
      const steps = way.map((path, i) => `${path} → ${way[i + 1] ?? way[0]}`)
      if (steps.some((step) => told.has(step))) return []
      for (const step of steps) told.add(step)
      const [path, next = path] = way
      const { line } = importsOf(house, house.source(path!)!).find(({ target }) => target === next)!
      const message = `${path}:${line} import cycle: ${[...way, path].join(' → ')}`
      return [{ key: way.toSorted().join(' '), message }]
    })
}

/**
 * An import of one of our own files that is not there; the compiler sees those of TypeScript only. A file that `src`
 * runs is looked for from where it is built.
 */
export function lostImportBreaches(house: House): Breach[] {
  return house.sources.flatMap(({ path, lines, imports, texts }) => {
    const lost = imports.filter(({ specifier }) => house.targets(path, specifier) === undefined)
    const run = texts.filter((text) => /^src\/.*\.ts$/u.test(path) && /^\.{1,2}\/.*\.js$/u.test(text))
    return [
      ...lost.map(({ specifier, line }) => ({ verb: 'imports', name: specifier, line })),
      ...run
        .filter((text) => !isBuilt(house, posix.join(posix.dirname(path.replace(/^src/u, 'dist')), text)))
        .map((name) => ({ verb: 'runs', name, line: lines.findIndex((text) => text.includes(`'${name}'`)) + 1 })),
    ].map(({ verb, name, line }) => breach(path, name, `${path}:${line} ${verb} ${name}: there is no such file`))
  })
}

function isBuilt({ files }: House, path: string): boolean {
  return files.has(path.startsWith('dist/') ? path.replace(/^dist(.*)\.js$/u, 'src$1.ts') : path)
}

export function doorBreaches(house: House): Breach[] {
  return ofSrc(house).flatMap(({ path, imports }) =>
    imports
      .filter(({ specifier }) => !/^(?:[.#]|node:)/u.test(specifier) && DOORS[specifier]?.includes(path) !== true)
      .map(({ specifier, line }) => {
        const doors = DOORS[specifier]?.join(', ') ?? 'no file'
        return breach(path, specifier, `${path}:${line} imports ${specifier}: it comes in through ${doors}`)
      }),
  )
}

/** Ranks up to 7, and `notes`, know no clock, chance, process, console, network or disk. */
export function coreBreaches(house: House): Breach[] {
  const isCore = (room: string) => RANKS[room]! <= CORE_RANK_MAX || ALSO_CORE.has(room)
  const core = ofSrc(house).filter(({ path }) => isCore(roomOf(path)) && !path.endsWith('.node.ts'))
  return core.flatMap(({ path, code }) =>
    code.split('\n').flatMap((text, i) => {
      const word = OUTSIDE_THE_CORE.exec(text)?.[0]
      return word === undefined ? [] : [breach(path, word, `${path}:${i + 1} knows ${word}: the core does not`)]
    }),
  )
}

function ofSrc({ sources }: House): Source[] {
  return sources.filter(({ path }) => /^src\/.*\.ts$/u.test(path))
}

function importsOf(house: House, { path, imports }: Source): { line: number; target: string }[] {
  return imports.flatMap(({ specifier, line }) =>
    (house.targets(path, specifier) ?? []).map((target) => ({ line, target })),
  )
}

function isStranger(room: string, other: string): boolean {
  const above = (name: string) => name.split('/')[0]!
  return STRANGERS.some(([from, to]) => from === above(room) && to === above(other))
}

function breach(from: string, to: string, message: string): Breach {
  return { key: `${from} → ${to}`, message }
}

/** The shortest way from a file along its imports back to it, without the last step; undefined if there is none. */
function wayBack(house: House, start: string): string[] | undefined {
  const before = new Map<string, string>()
  for (const path of [start, ...reached(house, start, before)]) {
    const source = house.source(path)
    if (source === undefined || !importsOf(house, source).some(({ target }) => target === start)) continue
    const way = [path]
    while (way[0] !== start) way.unshift(before.get(way[0]!)!)
    return way
  }
  return undefined
}

/** Nearest first; `before` is told where each was met. */
function* reached(house: House, start: string, before: Map<string, string>): Iterable<string> {
  const queue = [start]
  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    const source = house.source(path)
    for (const { target } of source === undefined ? [] : importsOf(house, source)) {
      if (target === start || before.has(target)) continue
      before.set(target, path)
      queue.push(target)
      yield target
    }
  }
}
