/** The sample frames of PROTOCOL §7, in hexadecimal, each with the envelope that it stands for. */

import { fromHex } from '../../src/bytes/hex.js'
import { ErrorCode } from '../../src/wire/error-code.js'
import type { Envelope } from '../../src/wire/messages.js'

const filled = (length: number, byte: number) => new Uint8Array(length).fill(byte)
const hexOf = (length: number, byte: number) => byte.toString(16).padStart(2, '0').repeat(length)

/** `written`: what we write for the same envelope where that is another frame. */
export interface Sample {
  readonly name: string
  readonly frame: Uint8Array
  readonly envelope: Envelope
  readonly written?: Uint8Array
}

export const samples: readonly Sample[] = [
  {
    name: 'subscription from 0',
    frame: fromHex(`0a0208022226080012220a20${hexOf(32, 0x51)}`),
    envelope: {
      requestId: 1n,
      message: { kind: 'subscribe', startSeq: 0n, shopId: filled(32, 0x51), filters: [] },
    },
    // The sample writes the 0 of start_shop_seq_no (`0800`), which proto3's own encoders leave out.
    written: fromHex(`0a020802222412220a20${hexOf(32, 0x51)}`),
  },
  {
    name: 'authentication',
    frame: fromHex(`0a020804522512230a21${hexOf(33, 0x02)}`),
    envelope: { requestId: 2n, message: { kind: 'authenticate', publicKey: filled(33, 0x02) } },
  },
  {
    name: 'challenge solution',
    frame: fromHex(`0a02080a5a4512430a41${hexOf(65, 0x77)}`),
    envelope: { requestId: 5n, message: { kind: 'challengeSolution', signature: filled(65, 0x77) } },
  },
  {
    name: 'ping or push answered',
    frame: fromHex('0a0208021200'),
    envelope: { requestId: 1n, message: { kind: 'response', payload: new Uint8Array(0) } },
  },
  {
    name: 'cancel',
    frame: fromHex('0a02081c2a040a020001'),
    envelope: { requestId: 14n, message: { kind: 'cancel', subscriptionId: Uint8Array.of(0, 1) } },
  },
  {
    name: 'error with code 2 and 26 bytes of text',
    frame: fromHex(`0a02080c12200a1e0802121a${hexOf(26, 0x61)}`),
    envelope: {
      requestId: 6n,
      message: { kind: 'response', error: { code: ErrorCode.INVALID, message: 'a'.repeat(26) } },
    },
  },
]
