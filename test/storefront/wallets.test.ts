import { afterAll, expect, test, vi } from 'vitest'

vi.hoisted(() => {
  // The page's wallets announce themselves there.
  Object.assign(globalThis, { window: new EventTarget() })
})
const { readInfo } = await import('../../web/storefront/wallets.js')
afterAll(() => void Reflect.deleteProperty(globalThis, 'window'))

const info = { uuid: '350670db', name: 'Trial Wallet', icon: 'data:image/png;base64,', rdns: 'org.example' }

test('what a wallet says of itself is taken', () => {
  const { uuid, name, icon } = info
  expect(readInfo(info)).toEqual({ uuid, name, icon })
  expect(readInfo({ ...info, name: 'L'.repeat(64) })).toMatchObject({ uuid })
})

test.each<[what: string, told: unknown]>([
  ['nothing', null],
  ['no uuid', { ...info, uuid: undefined }],
  ['an empty uuid', { ...info, uuid: '' }],
  ['a uuid that is no text', { ...info, uuid: 5 }],
  ['no name', { ...info, name: null }],
  ['an object as its name', { ...info, name: { a: 1 } }],
  ['an empty name', { ...info, name: ' ' }],
  ['a name that fills the page', { ...info, name: 'L'.repeat(65) }],
])('one that says %s is none', (_what, told) => {
  expect(readInfo(told)).toBeUndefined()
})

test.each([5, null, 'javascript:alert(1)', 'https://example.org/a.png', `data:image/png,${'x'.repeat(1 << 20)}`])(
  'a picture that is no data of a picture is not shown',
  (icon) => {
    expect(readInfo({ ...info, icon })).toMatchObject({ name: 'Trial Wallet', icon: undefined })
  },
)
