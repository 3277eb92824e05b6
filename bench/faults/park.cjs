// Preloaded into a process under faults: finds its one thread for file work (UV_THREADPOOL_SIZE=1), so that strace can
// attach to it, and tells it on stderr.

const { readdirSync, stat, writeSync } = require('node:fs')

const threads = () => readdirSync('/proc/self/task')
const before = new Set(threads())
stat('/', () => undefined)
const pool = threads().find((thread) => !before.has(thread))
writeSync(2, `threads ${process.pid} ${pool}\n`)
