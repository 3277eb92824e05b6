/** What any script of a page may announce as a wallet, and what of it the pages take. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { accountOf, signerOf, walletList, type BrowserWallet } from '../../web/browser-wallets.js'

const ICON = 'data:image/png;base64,AAAA'
const info = { uuid: '350670db', name: 'Trial Wallet', icon: ICON, rdns: 'org.example' }
const ADDRESS = `0x${'ab'.repeat(20)}`

beforeEach(() => void Object.assign(globalThis, { window: new EventTarget() }))
afterEach(() => void Reflect.deleteProperty(globalThis, 'window'))

const provider = (request: (call: { method: string }) => unknown = () => [ADDRESS]) => ({ request })

/** Dispatched one after another; what one listener throws would be the page's error. */
function announced(...details: readonly unknown[]): readonly BrowserWallet[] {
  const list = walletList()
  for (const detail of details) window.dispatchEvent(Object.assign(new Event('eip6963:announceProvider'), { detail }))
  return list.get()
}

const one = (told: unknown) => announced({ info: told, provider: provider() })
const shown = (wallets: readonly BrowserWallet[]) => wallets.map(({ name, icon }) => ({ name, icon }))
const throwing = (field: string) =>
  Object.defineProperty({}, field, {
    get: () => {
      throw new Error('mine')
    },
  })

test('what a wallet says of itself is taken', () => {
  expect(one(info)).toEqual([{ uuid: '350670db', name: 'Trial Wallet', icon: ICON, request: expect.any(Function) }])
  expect(one({ ...info, name: 'L'.repeat(64) })).toHaveLength(1)
})

test.each<[what: string, told: unknown]>([
  ['nothing', null],
  ['no uuid', { ...info, uuid: undefined }],
  ['an empty uuid', { ...info, uuid: '' }],
  ['a uuid that is no text', { ...info, uuid: 5 }],
  ['no name', { ...info, name: null }],
  ['an object as its name', { ...info, name: { a: 1 } }],
  ['an empty name', { ...info, name: ' ' }],
  ['a name that cannot be seen', { ...info, name: '\u200b\u2060\u3164' }],
  ['a name that fills the page', { ...info, name: 'L'.repeat(65) }],
  ['a name that throws', throwing('name')],
])('one that says %s is none', (_what, told) => {
  expect(one(told)).toEqual([])
})

test.each([5, null, 'javascript:alert(1)', 'https://example.org/a.png', `data:image/png,${'x'.repeat(1 << 20)}`])(
  'a picture that is no data of a picture is not shown',
  (icon) => {
    expect(shown(one({ ...info, icon }))).toEqual([{ name: 'Trial Wallet', icon: undefined }])
  },
)

test('a name is one line, and turns no text around it', () => {
  const [wallet] = one({ ...info, name: ' Trial\n\u202eWallet\u0000 ' })
  expect(wallet!.name).toBe('Trial Wallet')
})

test('what is announced wrongly keeps nobody out who comes after it', () => {
  const wrong = [null, undefined, 5, {}, { info }, { info, provider: null }, { info, provider: { request: 5 } }]
  const all = announced(...wrong, throwing('info'), throwing('provider'), { info, provider: provider() })
  expect(all.map(({ name }) => name)).toEqual(['Trial Wallet'])
})

test('the first with a uuid stays', () => {
  const [first, second] = [provider(), provider()]
  const same = announced({ info, provider: first }, { info: { ...info, name: 'Other' }, provider: second })
  expect(same.map(({ name }) => name)).toEqual(['Trial Wallet'])
})

test('many that are false keep out none that comes after them', () => {
  const many = Array.from({ length: 200 }, (_, i) => ({ info: { ...info, uuid: `u${i}` }, provider: provider() }))
  const all = announced(...many, { info: { ...info, uuid: 'real', name: 'Real Wallet' }, provider: provider() })
  expect(all.at(-1)?.name).toBe('Real Wallet')
  expect(new Set(all.map(({ name }) => name)).size).toBe(201)
  // Pictures are heavy.
  expect(all.filter(({ icon }) => icon !== undefined)).toHaveLength(16)
})

test('two of one name are told apart by whose they say they are', () => {
  const all = announced(
    { info, provider: provider() },
    { info: { ...info, uuid: '2', rdns: 'com.evil' }, provider: provider() },
    { info: { ...info, uuid: '3', rdns: 'com.evil' }, provider: provider() },
    { info: { ...info, uuid: '4', rdns: undefined }, provider: provider() },
  )
  expect(all.map(({ name }) => name)).toEqual([
    'Trial Wallet (org.example)',
    'Trial Wallet (com.evil)',
    'Trial Wallet (com.evil) – 2',
    'Trial Wallet',
  ])
})

test('readers learn of each that comes, and the list stays the same until then', () => {
  const list = walletList()
  let changes = 0
  const end = list.subscribe(() => changes++)
  const tell = (uuid: string) =>
    window.dispatchEvent(
      Object.assign(new Event('eip6963:announceProvider'), {
        detail: { info: { ...info, uuid }, provider: provider() },
      }),
    )
  tell('1')
  const before = list.get()
  tell('1')
  expect(list.get()).toBe(before)
  end()
  tell('2')
  expect([changes, list.get().length]).toEqual([1, 2])
})

describe('what a wallet answers', () => {
  const walletThat = (request: (call: { method: string }) => unknown): BrowserWallet =>
    announced({ info, provider: provider(request) })[0]!

  test('is an account, and a signature by it', async () => {
    const calls: unknown[] = []
    const wallet = walletThat((call) => (calls.push(call), call.method === 'personal_sign' ? '0xAb01' : [ADDRESS]))
    expect(await accountOf(wallet)).toBe(ADDRESS)
    const signer = await signerOf(wallet)
    expect(await signer.signMessage({ message: 'né' })).toBe('0xAb01')
    expect(calls.at(-1)).toEqual({ method: 'personal_sign', params: ['0x6ec3a9', ADDRESS] })
  })

  test.each([undefined, null, [], [null], [5], ['0x12'], '0x', { 0: ADDRESS }, [`${ADDRESS}00`]])(
    '%j is no account',
    async (answer) => {
      await expect(accountOf(walletThat(() => answer))).rejects.toThrow('Trial Wallet gave no account')
    },
  )

  test.each([undefined, null, 5, '', '0x', '0xabc', 'abcd', '0xzz'])('%j is no signature', async (answer) => {
    const wallet = walletThat(({ method }) => (method === 'personal_sign' ? answer : [ADDRESS]))
    const signing = (await signerOf(wallet)).signMessage({ message: 'a' })
    await expect(signing).rejects.toThrow('Trial Wallet gave no signature')
  })

  test.each<[thrown: unknown, told: { message: string; code?: number }]>([
    [Object.assign(new Error('declined'), { code: 4001 }), { message: 'declined', code: 4001 }],
    [
      { code: 4001, message: 'declined' },
      { message: 'declined', code: 4001 },
    ],
    ['declined', { message: 'declined' }],
    [undefined, { message: 'Trial Wallet does not say what went wrong' }],
    [{ message: { a: 1 }, code: '4001' }, { message: 'Trial Wallet does not say what went wrong' }],
    [throwing('code'), { message: 'Trial Wallet does not say what went wrong' }],
    ['m'.repeat(1_000_000), { message: 'm'.repeat(300) }],
  ])('is an error, whatever it throws, at once or later', async (thrown, told) => {
    const atOnce = () => {
      throw thrown
    }
    for (const request of [atOnce, async () => atOnce()]) {
      const error: unknown = await walletThat(request)
        .request({ method: 'eth_chainId' })
        .catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(Error)
      const { message, code } = error as { message: string; code?: number }
      expect({ message, code }).toEqual({ code: undefined, ...told })
    }
  })
})
