/** vectors/cairn/codec.json: bytes that are accepted beside bytes that are refused. */

import { readFileSync } from 'node:fs'
import { fromHex } from '../../src/bytes/hex.js'

export interface Accepted {
  readonly hex: string
  readonly diagnostic: string
  readonly encoded?: string
}

export interface Refused {
  readonly hex: string
  readonly code: string
  readonly reason: string
}

export interface Group {
  readonly rule: string
  readonly accept: readonly Accepted[]
  readonly refuse: readonly Refused[]
}

const path = new URL('../../vectors/cairn/codec.json', import.meta.url)

export const groups = (JSON.parse(readFileSync(path, 'utf8')) as { groups: readonly Group[] }).groups

export const acceptedBytes = groups.flatMap((group) => group.accept.map((row) => fromHex(row.hex)))
