import { describe, expect, test } from 'vitest'
import { AllowedOrigins } from '../../../src/relay/transport/allowed-origins.js'

const OWN = 'https://relay.example'
const headers = (origin?: string) => new Map(origin === undefined ? [] : [['origin', origin]])

describe('any origin, the default', () => {
  const origins = new AllowedOrigins('any', [OWN])

  test.each([undefined, 'https://shop.example', 'null', 'chrome-extension://abc', ''])('%j is answered', (origin) => {
    expect(origins.refusal(headers(origin))).toBeUndefined()
    expect(origins.answerHeaders(headers(origin), 'Accept')).toEqual({ 'Access-Control-Allow-Origin': '*' })
  })

  test('is told so', () => expect(origins.told).toBe('any'))
})

describe('named origins', () => {
  const origins = new AllowedOrigins('https://shop.example,http://localhost:5173', [OWN])

  test.each(['https://shop.example', 'http://localhost:5173', OWN])('a page of %s is answered', (origin) => {
    expect(origins.refusal(headers(origin))).toBeUndefined()
    expect(origins.answerHeaders(headers(origin), undefined)).toEqual({
      'Access-Control-Allow-Origin': origin,
      Vary: 'Origin',
    })
  })

  test.each([
    'http://shop.example',
    'https://shop.example:8443',
    'https://shop.example.evil.example',
    'https://evil.example, https://shop.example',
    'http://relay.example',
    'any',
    'null',
    '',
  ])('one of %j is not, and may read why', (origin) => {
    expect(origins.refusal(headers(origin))).toContain(`pages of ${origin}:`)
    expect(origins.answerHeaders(headers(origin), 'Accept')).toEqual({
      'Access-Control-Allow-Origin': origin,
      Vary: 'Accept, Origin',
    })
  })

  test('a program names none and is answered; a cache learns that pages differ', () => {
    expect(origins.refusal(headers())).toBeUndefined()
    expect(origins.answerHeaders(headers(), undefined)).toEqual({ Vary: 'Origin' })
  })

  test('are told, without the relay’s own', () => {
    expect(origins.told).toEqual(['https://shop.example', 'http://localhost:5173'])
  })

  test('an origin without end is cut in the refusal', () => {
    expect(origins.refusal(headers(`https://${'a'.repeat(5_000)}`))!.length).toBeLessThan(300)
  })
})
