// cairn audit of a data directory in a process of its own, which tells its parent what it used.

import { run } from '../dist/cli/audit.js'
import { useOf } from '../dist/cli/bench/relay-process.js'

const io = { out: () => undefined, err: () => undefined, signal: new AbortController().signal }
const begunMs = performance.now()
const code = await run([process.argv[2]], { ...io, out: (line) => process.stderr.write(`${line}\n`) })
process.send({ code, seconds: (performance.now() - begunMs) / 1_000, use: useOf(process.pid) })
process.disconnect()
