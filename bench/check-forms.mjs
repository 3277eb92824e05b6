// npm run check:forms: other people's tools read our tlog-proofs and COSE receipts, and refuse changed ones. Go:
// transparency-dev's formats with merkle, and torchwood, whose litewitness cosigns the notes of a relay; Python: cwt
// with pymerkle, and scitt-cose. Closing line: how
// many forms all of them took, how many changes all of them refused but for those that they are known to take.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { changesOfCose, changesOfTlog, flipsOfCose, flipsOfTlog } from './forms-changes.mjs'
import { samplesOfRelay } from './forms-relay.mjs'
import { samplesOfMakers } from './forms-samples.mjs'
import { startLitewitness } from './forms-witness.mjs'
import { readCose, readTlog } from './forms-verifiers.mjs'

const directory = mkdtempSync(join(tmpdir(), 'cairn-forms-'))
const faults = []
let witness

/** Samples as they are. */
function wholeOf(samples) {
  return samples.map((sample) => ({ ...sample, name: 'as it is' }))
}

/** The same, and what is changed in them. */
function casesOf(samples, changesOf, flipsOf) {
  const whole = wholeOf(samples)
  const changed = samples.flatMap((sample, i) => {
    const changes = [...changesOf(sample), ...(i === samples.length - 1 ? flipsOf(sample) : [])]
    return changes.map(({ name, changed, taken, asOne }) => ({ ...sample, ...changed, name, taken, asOne }))
  })
  return [...whole, ...changed]
}

/** Counts what was taken and refused as it must be; everything else is a fault. */
function judge(form, cases, answers) {
  const figures = { whole: 0, changed: 0, taken: 0 }
  for (const [i, { name, taken, asOne, log, seq, size }] of cases.entries()) {
    const takes = (verifier) =>
      asOne === true ? answers[i].cairn === '' : taken === undefined || Object.hasOwn(taken, verifier)
    const wrong = Object.entries(answers[i]).filter(([verifier, said]) => (said === '') !== takes(verifier))
    for (const [verifier, said] of wrong)
      faults.push(
        `${form} of set ${seq} of ${size} in ${log.origin.slice(0, 20)}, ${name}: ${verifier} ${said || 'takes it'}`,
      )
    if (taken === undefined) figures.whole++
    else figures.changed++
    figures.taken += taken === undefined ? 0 : Object.keys(taken).length
  }
  return figures
}

try {
  witness = await startLitewitness(directory)
  const relayed = await samplesOfRelay(directory, witness)
  const samples = samplesOfMakers()
  const tlog = [...wholeOf(relayed), ...casesOf(samples, changesOfTlog, flipsOfTlog)]
  const withPath = samples.filter(({ receipt }) => receipt !== undefined)
  const cose = [...wholeOf(relayed), ...casesOf(withPath, changesOfCose, flipsOfCose)]
  const one = judge('tlog-proof', tlog, await readTlog(tlog, directory))
  const two = judge('COSE receipt', cose, await readCose(cose))
  for (const fault of faults.slice(0, 40)) process.stderr.write(`check:forms: ${fault}\n`)
  const told = ({ whole, changed, taken }, readers) =>
    `${whole} read by cairn, ${readers}; ${changed} changed ones refused (taken by others on purpose: ${taken})`
  process.stdout.write(`cosigned by litewitness: ${relayed.length} proofs of a relay, of which torchwood asks it\n`)
  process.stdout.write(`tlog-proofs: ${told(one, 'formats and torchwood')}\n`)
  process.stdout.write(`COSE receipts: ${told(two, 'cwt and scitt-cose')}\n`)
  process.stdout.write(
    `forms ${one.whole + two.whole}, changes ${one.changed + two.changed}, faults ${faults.length}\n`,
  )
} finally {
  await witness?.stop()
  rmSync(directory, { recursive: true, force: true })
}
process.exitCode = faults.length === 0 ? 0 : 1
