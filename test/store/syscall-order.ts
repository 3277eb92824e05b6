/**
 * Reads what `strace -f -y -o` wrote about test/store/fixtures/commits.mjs and tells where an answer came before its commit was
 * durable. The fixture commits one thing at a time, so what belongs to an answer stands between its `begin` and it.
 */

interface Call {
  readonly pid: string
  readonly name: string
  readonly args: string
  readonly failed: boolean
  /** Lines of the trace. */
  readonly begun: number
  readonly ended: number
}

/** One sentence for each answer that came too early; empty if all is well. `answers`: how many there must be. */
export function earlyAnswers(trace: string, answers: number): string[] {
  const calls = readTrace(trace)
  const metaFile = descriptor(calls.find(({ name, args }) => name === 'openat' && /cairn\.mdb".*O_DSYNC/u.test(args)))
  const markers = (word: string) => calls.filter(({ name, args }) => name === 'write' && args.includes(`"${word} `))
  const [begins, answered] = [markers('begin'), markers('answered')]
  const problems: string[] = []
  if (metaFile === undefined) problems.push('the meta page is not written through O_DSYNC')
  if (answered.length !== answers) problems.push(`${answered.length} answers instead of ${answers}`)
  for (const [i, answer] of answered.entries()) {
    const from = begins[i]?.ended ?? answer.begun
    const between = calls.filter(({ begun, ended, failed }) => begun > from && ended < answer.begun && !failed)
    const problem = problemOf(between, answer, metaFile)
    if (problem !== undefined) problems.push(`answer ${i + 1}: ${problem}`)
  }
  return problems
}

function problemOf(calls: readonly Call[], marker: Call, metaFile: string | undefined): string | undefined {
  const toData = (call: Call) => call.args.includes('/cairn.mdb>') && descriptorOf(call) !== metaFile
  const data = calls.find((call) => isWrite(call) && toData(call))
  if (data === undefined) return 'no data were written'
  const sync = calls.findLast((call) => call.name === 'fdatasync' && toData(call))
  if (sync === undefined) return 'no fdatasync returned before it'
  const late = calls.find((call) => call.begun > sync.begun && isWrite(call) && toData(call))
  if (data.ended > sync.begun || late !== undefined) return 'data were written after the fdatasync'
  const meta = calls.find(
    (call) => call.name === 'pwrite64' && descriptorOf(call) === metaFile && call.begun > sync.ended,
  )
  if (meta === undefined) return 'no meta page was written between the fdatasync and it'
  return sync.pid === marker.pid ? 'the thread that answers waited for the disk' : undefined
}

function isWrite({ name }: Call): boolean {
  return name === 'pwrite64' || name === 'pwritev' || name === 'writev'
}

/** The number that the open call returned. */
function descriptor(call: Call | undefined): string | undefined {
  return call && / = (\d+)<[^>]*>$/u.exec(call.args)?.[1]
}

/** The number that is a call's first argument. */
function descriptorOf({ args }: Call): string | undefined {
  return /^(\d+)</u.exec(args)?.[1]
}

/** Joins `<unfinished ...>` with `<... resumed>`. */
function readTrace(trace: string): Call[] {
  const calls: Call[] = []
  const open = new Map<string, { name: string; args: string; begun: number }>()
  for (const [line, text] of trace.split('\n').entries()) {
    const [, pid, rest] = /^(\d+) +(.*)$/u.exec(text) ?? []
    if (pid === undefined || rest === undefined) continue
    const resumed = /^<\.\.\. (\w+) resumed>(.*)$/u.exec(rest)
    const begun = /^(\w+)\((.*)$/u.exec(rest)
    if (resumed !== null) {
      const start = open.get(pid)
      if (start !== undefined && start.name === resumed[1])
        calls.push(finished(pid, start.name, start.args + resumed[2]!, start.begun, line))
      open.delete(pid)
    } else if (begun !== null && rest.endsWith('<unfinished ...>')) {
      open.set(pid, { name: begun[1]!, args: begun[2]!.replace(' <unfinished ...>', ''), begun: line })
    } else if (begun !== null) {
      calls.push(finished(pid, begun[1]!, begun[2]!, line, line))
    }
  }
  return calls.sort((a, b) => a.begun - b.begun)
}

function finished(pid: string, name: string, args: string, begun: number, ended: number): Call {
  return { pid, name, args, failed: / = -1 /u.test(args), begun, ended }
}
