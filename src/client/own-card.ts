/**
 * What a client does with the secret key of its card: loaded where it has one.
 *
 * Tests: test/client/shop-client.test.ts
 */

export { publicKeyOf, sign } from '#signature'
