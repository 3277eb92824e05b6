// What a run of faults counts, and the line that it ends with.

export class Score {
  faults = 0
  answered = 0
  lost = 0
  wrong = 0
  crashed = 0
  /** By what of lmdb's did it. */
  upstream = { write: 0, open: 0 }

  /** Told at once, with the fault that it came of. */
  problem(kind, fault, text) {
    this[kind]++
    process.stdout.write(`${kind}: ${fault}: ${text}\n`)
  }

  upstreamCrash(cause) {
    this.crashed++
    this.upstream[cause]++
  }

  lines() {
    const { faults, answered, lost, wrong, crashed, upstream } = this
    const { write, open } = upstream
    return [
      `upstream: ${write} deaths after a page could not be written, ${open} while lmdb opened a file`,
      `faults ${faults}, answered ${answered}, lost ${lost}, wrong ${wrong}, ` +
        `crashed ${crashed} (upstream ${write + open})`,
    ].join('\n')
  }

  get isGood() {
    const { faults, answered, lost, wrong, crashed, upstream } = this
    return faults > 0 && answered > 0 && lost + wrong === 0 && crashed === upstream.write + upstream.open
  }
}
