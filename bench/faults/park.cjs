// Preloaded into a process under faults: finds its one thread for file work (UV_THREADPOOL_SIZE=1), so that strace can
// attach to it. Its number is put into globalThis.poolThread.

const { readdirSync, stat } = require('node:fs')

const threads = () => readdirSync('/proc/self/task')
const before = new Set(threads())
stat('/', () => undefined)
globalThis.poolThread = Number(threads().find((thread) => !before.has(thread)))
