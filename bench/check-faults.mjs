// npm run check:faults: every system call by which the store touches its data, one after the other, fails with every
// error of a disk, and writes are cut short; then the data are opened without a fault and compared with what was
// answered. Closing line: faults F, answered A, lost L, wrong W, crashed C (upstream U).
//
// Covered, by strace: every call, of the thread of JavaScript and of the one for file work, that names a path of the
// data directory, the directory above, or an open file of theirs: opening and locking (mkdir, openat, newfstatat,
// statx, access, fcntl, ftruncate, mmap, fstatfs, getdents64, chmod), reading (pread64, read, lseek), commits, flushes
// and the upgrade of the format (pwrite64, writev, fdatasync), blobs (openat, write, fsync, rename, unlink), the look
// at the free room (statfs), close. Each fails once with ENOSPC, EDQUOT and EIO; each write is also cut, having written
// nothing and, of the database, less than a page. For a sample the same is done to a whole relay that is written to
// over a socket. Not covered: calls that touch no file (memory, locks between threads).
//
// The relay has another process open the database first (src/store/trial.ts). A fault meets each of the two that makes
// the call, and those of the trial alone are tried as well. With `--second` only the relay's own process is met, after
// the trial found nothing: where lmdb opens its files that is a death (EnvWrap::openEnv and closeEnv, src/env.cpp,
// delete one thing twice) which nothing outside of lmdb can hinder, and the check fails.
//
// lost: answered and not there. wrong: refused with "full" or "nothing was changed" and there; a log with a gap; a
// chunk, a row or a blob that is not as it was written; an error without a sentence; a start after the fault that
// fails; a process that hangs. crashed: one that ends by itself. Of these one is lmdb's and counted as upstream: when a
// page cannot be written it prints more than 100 bytes into malloc(100) (liblmdb/mdb.c, mdb_page_flush). After any
// other the check fails.
//
// `--every N` tries each Nth fault only, from the one with number `--from M`; `--of NAME` only those of one system call
// or manner (store-faults.mjs).

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { relayFaults } from './faults/relay-faults.mjs'
import { Score } from './faults/score.mjs'
import { storeFaults } from './faults/store-faults.mjs'

const argv = process.argv.slice(2)
const number = (flag, otherwise) => (argv.includes(flag) ? Number(argv[argv.indexOf(flag) + 1]) : otherwise)
const [every, from] = [number('--every', 1), number('--from', 0)]
const isSecond = argv.includes('--second')
const of = argv.includes('--of') ? argv[argv.indexOf('--of') + 1] : undefined
if (!Number.isSafeInteger(every) || every < 1 || !Number.isSafeInteger(from) || from < 0) {
  process.stderr.write('check:faults: --every N, at least 1, and --from M, at least 0\n')
  process.exit(2)
}

const base = mkdtempSync(join(tmpdir(), 'cairn-faults-'))
const score = new Score()
try {
  await storeFaults(base, { every, from, isSecond, of }, score)
  if (of === undefined) await relayFaults(base, { every, from }, score)
} finally {
  rmSync(base, { recursive: true, force: true })
}
process.stdout.write(`${score.line()}\n`)
process.exitCode = score.isGood ? 0 : 1
