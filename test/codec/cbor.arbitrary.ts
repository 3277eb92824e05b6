/** Arbitrary CBOR values, and the ways in which another encoder may write them down. */

import * as fc from 'fast-check'
import { concatBytes, toBigEndian, utf8 } from '../../src/bytes/bytes.js'
import { diagnostic } from '../../src/codec/diagnostic.js'
import { CborTime, type Cbor, type CborKey } from '../../src/codec/value.js'

export const EARLIEST = -62_167_219_200n
export const LATEST = 253_402_300_799n

const edges = [
  0n,
  23n,
  24n,
  255n,
  256n,
  65_535n,
  65_536n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 53n,
  2n ** 53n + 1n,
  2n ** 64n - 1n,
]

export const integer = fc.oneof(
  fc.constantFrom(...edges, ...edges.map((edge) => -1n - edge)),
  fc.constantFrom(2n ** 64n, 2n ** 255n, 2n ** 256n - 1n),
  fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n - 1n }),
  fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
)

/** Without lone surrogates; with the characters that others stumble over. */
export const text = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ minLength: 240, maxLength: 300 }),
  fc.constantFrom('__proto__', 'constructor', '\ufeff', '\u0000', '7', 'é'.repeat(12), '\ue000', '\u{10ffff}'),
)

export const bytes = fc.uint8Array({ maxLength: 40 })

export const time = fc
  .oneof(
    fc.bigInt({ min: EARLIEST, max: LATEST }),
    fc.bigInt({ min: 0n, max: 2n ** 32n }),
    fc.constantFrom(EARLIEST, -1n, 0n, LATEST),
  )
  .map((seconds) => new CborTime(seconds))

export const key: fc.Arbitrary<CborKey> = fc.oneof(integer, text, bytes)

export const value: fc.Arbitrary<Cbor> = fc.letrec<{ value: Cbor }>((tie) => {
  const inner = tie('value')
  return {
    value: fc.oneof(
      { maxDepth: 4, depthSize: 'small' },
      fc.oneof(integer, text, bytes, time, fc.boolean(), fc.constant(null)),
      fc.array(inner, { maxLength: 30 }),
      fc
        .uniqueArray(fc.tuple(key, inner), { maxLength: 20, selector: ([key]) => diagnostic(key) })
        .map((entries): Cbor => new Map(entries)),
    ),
  }
}).value

/** What the reader of PROTOCOL §2 must take as the same value: any head length, any order of keys, other forms of times and integers. */
export class Messy {
  private readonly choices: readonly number[]
  private next = 0
  /** Only forms that cbor-x reads too: under tag 1 and of texts no heads of eight bytes (its native part loses its place), times as Date takes them. */
  private readonly forCborX: boolean

  constructor(choices: readonly number[], { forCborX = false } = {}) {
    this.choices = choices
    this.forCborX = forCborX
  }

  encode(value: Cbor): Uint8Array {
    if (value === null) return Uint8Array.of(this.pick(2) === 0 ? 0xf6 : 0xf7)
    if (typeof value === 'boolean') return Uint8Array.of(value ? 0xf5 : 0xf4)
    if (typeof value === 'bigint') return this.integer(value)
    if (typeof value === 'string') return this.string(3, utf8(value))
    if (value instanceof Uint8Array) return this.string(2, value)
    if (value instanceof CborTime) return this.time(value.seconds)
    if (value instanceof Map) {
      const entries = this.shuffled([...value]).flatMap(([key, item]) => [this.encode(key), this.encode(item)])
      return concatBytes(this.head(5, BigInt(value.size)), ...entries)
    }
    const items = value as readonly Cbor[]
    return concatBytes(this.head(4, BigInt(items.length)), ...items.map((item) => this.encode(item)))
  }

  private integer(value: bigint): Uint8Array {
    if (value < 0n) return this.head(1, -1n - value)
    if (value < 2n ** 64n && this.pick(4) > 0) return this.head(0, value)
    return concatBytes(this.head(6, 2n), this.string(2, concatBytes(new Uint8Array(this.pick(3)), toBigEndian(value))))
  }

  private string(major: number, content: Uint8Array): Uint8Array {
    return concatBytes(this.head(major, BigInt(content.length), this.forCborX ? 4 : 8), content)
  }

  private time(seconds: bigint): Uint8Array {
    const form = this.pick(3)
    if (form === 0) return concatBytes(this.head(6, 0n), this.string(3, utf8(this.timeText(seconds))))
    if (form === 1) {
      const float = new DataView(new ArrayBuffer(9))
      float.setUint8(0, 0xfb)
      float.setFloat64(1, Number(seconds) + this.pick(4) / 4)
      return concatBytes(this.head(6, 1n), new Uint8Array(float.buffer))
    }
    const [major, argument] = seconds < 0n ? [1, -1n - seconds] : [0, seconds]
    if (this.forCborX && argument >= 2n ** 32n) return this.time(seconds)
    return concatBytes(this.head(6, 1n), this.head(major, argument, this.forCborX ? 4 : 8))
  }

  private timeText(seconds: bigint): string {
    const plain = new Date(Number(seconds) * 1000).toISOString().replace(/\.000Z$/u, '')
    const fraction = ['', '.0', '.5', '.999'][this.pick(4)]!
    return `${plain}${fraction}${this.forCborX ? 'Z' : ['Z', 'z', '+00:00', '-00:00'][this.pick(4)]!}`
  }

  /** With an argument of at most `widest` bytes, or of none. */
  private head(major: number, argument: bigint, widest = 8): Uint8Array {
    const sizes = [0, 1, 2, 4, 8].filter(
      (size) => size <= widest && (size === 0 ? argument < 24n : argument < 256n ** BigInt(size)),
    )
    const size = sizes[this.pick(2) === 0 ? 0 : this.pick(sizes.length)]!
    if (size === 0) return Uint8Array.of((major << 5) | Number(argument))
    return concatBytes(Uint8Array.of((major << 5) | (24 + Math.log2(size))), toBigEndian(argument, size))
  }

  private shuffled<T>(items: readonly T[]): T[] {
    const rest = [...items]
    return items.map(() => rest.splice(this.pick(rest.length), 1)[0]!)
  }

  private pick(count: number): number {
    return this.choices[this.next++ % this.choices.length]! % count
  }
}

/** A value, and bytes in which somebody else might send it. */
export function received({ forCborX = false } = {}): fc.Arbitrary<{ value: Cbor; bytes: Uint8Array }> {
  const choices = fc.array(fc.nat({ max: 255 }), { minLength: 13, maxLength: 50 })
  return fc
    .tuple(value, choices)
    .map(([value, choices]) => ({ value, bytes: new Messy(choices, { forCborX }).encode(value) }))
}
