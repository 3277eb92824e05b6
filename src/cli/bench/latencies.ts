/**
 * Latencies of one run, or of several together: an HdrHistogram of microseconds, three digits exact. hdr-histogram-js
 * comes in here.
 *
 * Tests: test/cli/bench/latencies.test.ts
 */

import * as hdr from 'hdr-histogram-js'

/** What is longer counts as this; what is shorter than a microsecond counts as one. */
const HIGHEST_US = 600_000_000
const LOWEST_US = 1
const DIGITS = 3

/** Milliseconds. */
interface Percentiles {
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

export class Latencies {
  private readonly histogram: hdr.Histogram

  constructor(histogram: hdr.Histogram = empty()) {
    this.histogram = histogram
  }

  /** What `encoded` gave. Throws Error for anything else. */
  static decoded(text: string): Latencies {
    return new Latencies(hdr.decodeFromCompressedBase64(text, 32, false))
  }

  static merged(parts: readonly Latencies[]): Latencies {
    const all = new Latencies()
    for (const part of parts) all.histogram.add(part.histogram)
    return all
  }

  get count(): number {
    return this.histogram.totalCount
  }

  record(ms: number): void {
    this.histogram.recordValue(Math.min(HIGHEST_US, Math.max(LOWEST_US, Math.round(ms * 1_000))))
  }

  /** Milliseconds within which `percent` of all came; 0 where there are none. */
  at(percent: number): number {
    return this.count === 0 ? 0 : this.histogram.getValueAtPercentile(percent) / 1_000
  }

  percentiles(): Percentiles {
    return { p50: this.at(50), p90: this.at(90), p99: this.at(99), p999: this.at(99.9), max: this.at(100) }
  }

  /** Compressed, in the form that tools for HdrHistogram read; base64. */
  encoded(): string {
    return hdr.encodeIntoCompressedBase64(this.histogram)
  }
}

function empty(): hdr.Histogram {
  return hdr.build({
    bitBucketSize: 32,
    autoResize: false,
    lowestDiscernibleValue: LOWEST_US,
    highestTrackableValue: HIGHEST_US,
    numberOfSignificantValueDigits: DIGITS,
    useWebAssembly: false,
  })
}
