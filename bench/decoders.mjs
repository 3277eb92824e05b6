// The decoder of checked bytes beside cbor-x, with its native part and without: of what the relay reads most.

import { fork } from 'node:child_process'
import { Decoder, isNativeAccelerationEnabled } from 'cbor-x'
import { decodeChecked } from '../dist/codec/decode-checked.js'
import { encode } from '../dist/codec/encode.js'
import { encodeChange } from '../dist/patches/patch.js'
import { signPatches } from '../dist/patches/patch-set.js'

const ROUNDS = 7
const HELP = `npm run bench -- decoders

  Nanoseconds to decode bytes whose form was checked before: this package's decoder, cbor-x with its native part, and
  without it. Medians of ${ROUNDS} rounds that take turns, half the spread between best and worst, and ratios to ours.
`
const CALLS = 40_000
const CHILD = '--child'

const PATCH = encodeChange({ op: 'replace', path: ['Listings', 1001n, 'Price'], value: 129_900n })
const METADATA = new Map([
  ['Title', 'Kettle'],
  ['Description', 'Enameled steel, 1.2 litres, for any stove. Whistles when it boils.'],
  ['Images', ['https://shop.example/kettle.webp', 'https://shop.example/kettle-open.webp']],
])
const ADDRESS = new Map([
  ['Name', 'Ada Lovelace'],
  ['Address1', '12 St James’s Square'],
  ['City', 'London'],
  ['PostalCode', 'SW1Y 4JH'],
  ['Country', 'GB'],
  ['EmailAddress', 'ada@example.org'],
])
const ITEM = new Map([
  ['ListingID', 1001n],
  ['Quantity', 2n],
  ['VariationIDs', ['red', 'large']],
])
const SAMPLES = {
  'header of a set': signPatches(
    { shopId: 2n ** 200n, nonce: 70_000n, timestamp: 1_700_000_000n, patches: [PATCH] },
    new Uint8Array(32).fill(7),
  ).headerBytes,
  'patch of a price': PATCH,
  listing: encode(
    new Map([
      ['ID', 1001n],
      ['Price', 129_900n],
      ['ViewState', 1n],
      ['Metadata', METADATA],
    ]),
  ),
  order: encode(
    new Map([
      ['ID', 2n ** 63n],
      ['State', 2n],
      ['Items', [ITEM, ITEM, ITEM]],
      ['ShippingAddress', ADDRESS],
    ]),
  ),
}

export async function run(argv) {
  if (argv.includes('--help')) return process.stdout.write(HELP)
  const native = await inProcess({})
  const plain = await inProcess({ CBOR_NATIVE_ACCELERATION_DISABLED: 'true' })
  const line = (cells) => console.log(cells.map((cell, i) => (i === 0 ? cell.padEnd(18) : cell.padStart(16))).join(''))
  line(['', 'ours', native.isNative ? 'cbor-x, native' : 'no native part', 'cbor-x, without'])
  for (const name of Object.keys(SAMPLES)) {
    const { ours } = native.rounds[name]
    const half = (50 * (Math.max(...ours) - Math.min(...ours))) / median(ours)
    const others = [native, plain].map(({ rounds: { [name]: found } }) => {
      return `${Math.round(median(found.theirs))} (${(median(found.theirs) / median(found.ours)).toFixed(2)} x)`
    })
    line([name, `${Math.round(median(ours))} ns ±${half.toFixed(0)} %`, ...others])
  }
}

/** Whether cbor-x is native is decided as it is loaded. */
function inProcess(env) {
  const child = fork(import.meta.filename, [CHILD], { env: { ...process.env, ...env } })
  return new Promise((resolve, reject) => {
    child.once('message', resolve)
    child.once('exit', (code) => reject(new Error(`a process of the benchmark ended with exit code ${code}`)))
  })
}

/** Nanoseconds of a value in each round, by sample. */
function measure() {
  const reader = new Decoder({ useRecords: false, mapsAsObjects: false })
  return Object.fromEntries(
    Object.entries(SAMPLES).map(([name, bytes]) => {
      const [ours, theirs] = [[], []]
      for (let round = -1; round < ROUNDS; round++) {
        const times = [timed(() => decodeChecked(bytes)), timed(() => reader.decode(bytes))]
        // The first one warms up.
        if (round >= 0) for (const [i, list] of [ours, theirs].entries()) list.push(times[i])
      }
      return [name, { ours, theirs }]
    }),
  )
}

function timed(decode) {
  const begun = performance.now()
  for (let i = 0; i < CALLS; i++) decode()
  return ((performance.now() - begun) * 1e6) / CALLS
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1]
}

if (process.argv[2] === CHILD) process.send({ isNative: isNativeAccelerationEnabled, rounds: measure() })
