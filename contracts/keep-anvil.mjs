/**
 * Runs the program of its arguments for as long as its standard input is open: nothing outlives who started it, even if
 * that is killed.
 */

import { spawn } from 'node:child_process'

const [program, ...flags] = process.argv.slice(2)
const child = spawn(program, flags, { stdio: ['ignore', 'inherit', 'inherit'] })
const kill = () => child.kill('SIGKILL')
process.stdin.resume().once('close', kill)
// Ctrl-C goes to the whole group: who started this decides what it means.
process.on('SIGINT', () => undefined)
process.once('SIGTERM', kill)
child.once('error', ({ message }) => {
  process.stderr.write(`${message}\n`)
  process.exit(1)
})
child.once('close', (code) => process.exit(code ?? 1))
