/**
 * What the relay counts, kept and rendered (Prometheus' exposition format 0.0.4) by prom-client, in a registry of its
 * own. No labels but a histogram's bounds: nothing about a shop, a card or an address is counted apart, and the number
 * of series is fixed.
 */

import { Counter as Total, Gauge, Histogram as Distribution, Registry } from 'prom-client'
import { assert } from '../../assert.js'

export interface Counter {
  /** `n` ≥ 0, default 1. */
  add(n?: number): void
}

export interface Histogram {
  observe(value: number): void
}

export class Metrics {
  private readonly registry = new Registry()

  /** `name` ends in _total by Prometheus' custom. */
  counter(name: string, help: string): Counter {
    const total = new Total(this.named(name, help))
    return {
      add: (n = 1) => {
        assert(n >= 0, `the counter ${name} was added ${n}`)
        total.inc(n)
      },
    }
  }

  /** `read` is called when the text is asked for; it must not throw. */
  gauge(name: string, help: string, read: () => number): void {
    const gauge: Gauge = new Gauge({ ...this.named(name, help), collect: () => gauge.set(read()) })
  }

  /** `buckets` are upper bounds, inclusive, rising; +Inf is added. */
  histogram(name: string, help: string, buckets: readonly number[]): Histogram {
    const rising = buckets.every((bound, i) => Number.isFinite(bound) && (i === 0 || bound > buckets[i - 1]!))
    assert(rising, `the buckets of ${name} do not rise`)
    return new Distribution({ ...this.named(name, help), buckets: [...buckets] })
  }

  /** All metrics, in the order of their making. */
  text(): Promise<string> {
    return this.registry.metrics()
  }

  private named(name: string, help: string): { name: string; help: string; registers: [Registry] } {
    assert(/^[a-z_][a-z0-9_]*$/.test(name), `${name} is no name of a metric`)
    assert(help !== '', `the metric ${name} has no help`)
    assert(this.registry.getSingleMetric(name) === undefined, `the metric ${name} is made twice`)
    return { name, help, registers: [this.registry] }
  }
}
