/**
 * `npm run check:lies`: a relay that lies in every way of test/fixtures/lies.ts, and clients that skip one check each.
 * Exit code 0 if every lie is caught and every check is needed.
 */

import { spawn } from 'node:child_process'

const TESTS = ['test/client/lies.test.ts', 'test/client/checks-needed.test.ts']

const run = spawn('npx', ['vitest', 'run', ...TESTS], { stdio: ['ignore', 'pipe', 'inherit'] })
let out = ''
run.stdout.setEncoding('utf8')
run.stdout.on('data', (text) => (out += text))
run.on('close', (code) => {
  const [caught, needed] = [/lies caught \d+ \/ \d+/u, /checks needed \d+ \/ \d+/u].map((line) => line.exec(out)?.[0])
  if (code !== 0) process.stderr.write(out)
  console.log(`${caught ?? 'lies caught: unknown'}, ${needed ?? 'checks needed: unknown'}`)
  process.exitCode = code === 0 ? 0 : 1
})
