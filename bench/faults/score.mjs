// What a run of faults counts, and the line that it ends with.

export class Score {
  faults = 0
  answered = 0
  lost = 0
  wrong = 0
  crashed = 0
  /** Of those that crashed: lmdb, after a page could not be written. */
  upstream = 0

  /** Told at once, with the fault that it came of. */
  problem(kind, fault, text) {
    this[kind]++
    process.stdout.write(`${kind}: ${fault}: ${text}\n`)
  }

  upstreamCrash() {
    this.crashed++
    this.upstream++
  }

  line() {
    const { faults, answered, lost, wrong, crashed, upstream } = this
    const crashes = `crashed ${crashed} (upstream ${upstream})`
    return `faults ${faults}, answered ${answered}, lost ${lost}, wrong ${wrong}, ${crashes}`
  }

  get isGood() {
    const { faults, answered, lost, wrong, crashed, upstream } = this
    return faults > 0 && answered > 0 && lost + wrong === 0 && crashed === upstream
  }
}
