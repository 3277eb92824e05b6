import * as fc from 'fast-check'
import { createRequire } from 'node:module'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { sha256 } from '../../src/bytes/hash.js'
import { toHex } from '../../src/bytes/hex.js'
import * as portable from '../../src/bytes/signature.js'
import * as native from '../../src/bytes/signature.node.js'
import { CURVE_ORDER, scalarOf, signatureOf, signatureSuite, word } from './signature.suite.js'

const text = (bytes: Uint8Array | undefined) => bytes && toHex(bytes)

describe('portable', () => signatureSuite(portable))
describe('native', () => signatureSuite(native))
const system = await withSystem()
describe.skipIf(system === undefined)('system', () => signatureSuite(system!))

/** Undefined where the system has no libsecp256k1. */
async function withSystem(): Promise<typeof native | undefined> {
  vi.stubEnv('CAIRN_NATIVE', 'system')
  vi.resetModules()
  const module = await import('../../src/bytes/signature.node.js')
  vi.unstubAllEnvs()
  return module.implementation === 'system' ? module : undefined
}

describe.each([['portable', portable], ...(system === undefined ? [] : [['system', system] as const])] as const)(
  'native and %s agree',
  (_name, portable) => {
    const secrets = fc.bigInt({ min: 1n, max: CURVE_ORDER - 1n }).map(word)
    const digests = fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }).map(word)

    test('on signatures of digests about the order of the curve and above it', () => {
      for (const digest of [CURVE_ORDER - 1n, CURVE_ORDER, CURVE_ORDER + 5n, 2n ** 256n - 1n].map(word))
        expect(text(portable.sign(digest, word(7n)))).toBe(text(native.sign(digest, word(7n))))
    })

    test('on keys, addresses and signatures, byte for byte', () => {
      fc.assert(
        fc.property(secrets, digests, (secret, digest) => {
          const key = native.publicKeyOf(secret)
          expect(text(portable.publicKeyOf(secret))).toBe(text(key))
          expect(text(portable.addressOf(key))).toBe(text(native.addressOf(key)))
          expect(text(portable.sign(digest, secret))).toBe(text(native.sign(digest, secret)))
        }),
        { numRuns: 60 },
      )
    })

    test('on what a signature leads to, whatever it is', () => {
      const scalars = fc.oneof(
        fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
        fc.bigInt({ min: 0n, max: CURVE_ORDER / 2n }),
        fc.bigInt({ min: 0n, max: 40n }),
        fc.bigInt({ min: -3n, max: 3n }).map((near) => CURVE_ORDER + near),
        fc.bigInt({ min: -3n, max: 3n }).map((near) => CURVE_ORDER / 2n + near),
      )
      const recoveries = fc.constantFrom(0, 1, 27, 28, 0, 1, 27, 28, 2, 3, 29)
      const found = new Set<boolean>()
      fc.assert(
        fc.property(
          fc.uint8Array({ minLength: 32, maxLength: 32 }),
          scalars,
          scalars,
          recoveries,
          (digest, r, s, v) => {
            const key = native.recoverPublicKey(digest, signatureOf(r, s, v))
            found.add(key !== undefined)
            expect(text(portable.recoverPublicKey(digest, signatureOf(r, s, v)))).toBe(text(key))
          },
        ),
        { numRuns: 400 },
      )
      expect(found).toEqual(new Set([true, false]))
    })

    test('on a signature with one bit changed', () => {
      const secret = sha256(new Uint8Array([1]))
      const key = text(native.publicKeyOf(secret))
      fc.assert(
        fc.property(digests, fc.nat({ max: 519 }), (digest, bit) => {
          const signature = native.sign(digest, secret)
          expect(text(portable.recoverPublicKey(digest, signature))).toBe(key)
          signature[bit >> 3]! ^= 1 << (bit & 7)
          const recovered = text(native.recoverPublicKey(digest, signature))
          expect(text(portable.recoverPublicKey(digest, signature))).toBe(recovered)
          expect(recovered).not.toBe(key)
        }),
        { numRuns: 120 },
      )
    })

    test('on what is a public key', () => {
      fc.assert(
        fc.property(fc.constantFrom(2, 3, 2, 3, 4), fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }), (prefix, x) => {
          const key = new Uint8Array([prefix, ...word(x)])
          expect(portable.isPublicKey(key)).toBe(native.isPublicKey(key))
        }),
        { numRuns: 200 },
      )
    })
  },
)

describe('which one does the work', () => {
  const digest = sha256(new Uint8Array([5]))
  const secret = sha256(new Uint8Array([6]))

  afterEach(() => {
    vi.unstubAllEnvs()
    vi.doUnmock('../../src/bytes/signature.js')
    vi.doUnmock('node:module')
    vi.resetModules()
  })

  function useAll(module: typeof native): void {
    const signature = module.sign(digest, secret)
    const key = module.publicKeyOf(secret)
    expect(scalarOf(signature)).toBe(scalarOf(portable.sign(digest, secret)))
    expect(module.recoverPublicKey(digest, signature)).toEqual(key)
    expect(module.isPublicKey(key)).toBe(true)
    expect(module.addressOf(key)).toEqual(portable.addressOf(key))
  }
  const once = { sign: 1, publicKeyOf: 1, recoverPublicKey: 1, isPublicKey: 1, addressOf: 1 }

  test('libsecp256k1 wherever its bindings load', async () => {
    vi.stubEnv('CAIRN_NATIVE', undefined)
    const { module, calls } = await loaded()
    useAll(module)
    expect(module.implementation).toBe(bindingsLoad() ? 'native' : 'portable')
    expect(calls).toEqual(bindingsLoad() ? {} : once)
  })

  test('the portable code for every function with CAIRN_NATIVE=off', async () => {
    vi.stubEnv('CAIRN_NATIVE', 'off')
    const { module, calls } = await loaded()
    useAll(module)
    expect(module.implementation).toBe('portable')
    expect(calls).toEqual(once)
  })

  test('the portable code where the bindings do not load', async () => {
    vi.stubEnv('CAIRN_NATIVE', undefined)
    vi.doMock('node:module', () => ({
      createRequire: () => () => {
        throw new Error('no binary for this platform')
      },
    }))
    const { module, calls } = await loaded()
    useAll(module)
    expect(module.implementation).toBe('portable')
    expect(calls).toEqual(once)
  })
})

/** signature.node.ts loaded anew, and how often each portable function was called. */
async function loaded(): Promise<{ module: typeof native; calls: Record<string, number> }> {
  const calls: Record<string, number> = {}
  vi.resetModules()
  vi.doMock('../../src/bytes/signature.js', () =>
    Object.fromEntries(
      Object.entries(portable).map(([name, work]) => [
        name,
        (...given: Uint8Array[]) => {
          calls[name] = (calls[name] ?? 0) + 1
          return (work as (...given: Uint8Array[]) => unknown)(...given)
        },
      ]),
    ),
  )
  return { module: await import('../../src/bytes/signature.node.js'), calls }
}

function bindingsLoad(): boolean {
  try {
    createRequire(import.meta.url)('secp256k1/bindings.js')
    return true
  } catch {
    return false
  }
}
