/** Copies the samples of `/metrics` into Effect metrics, which the exporter reads. Counters are updated by deltas. */
import { Metric, MetricLabel } from "effect"
import type { Sample } from "../metrics/PrometheusText.ts"

/** Make one bridge per process: the registry of metrics is global. A histogram becomes counters of its buckets, its sum and its count. */
export const make = () => {
  const counted = new Map<string, number>()
  let shown = new Map<string, () => void>()
  return (samples: ReadonlyArray<Sample>): void => {
    const now = new Map<string, () => void>()
    for (const { help: description, name: family, type, values } of samples)
      for (const { labels = {}, suffix = "", value } of values) {
        const name = `${family}${suffix}`
        const tags = Object.entries(labels).map(([key, text]) => MetricLabel.make(key, text))
        const key = `${name} ${JSON.stringify(labels)}`
        if (type === "gauge") {
          const gauge = Metric.gauge(name, { description })
          gauge.unsafeUpdate(Number(value), tags)
          now.set(key, () => gauge.unsafeUpdate(0, tags))
        } else {
          const more = Number(value) - (counted.get(key) ?? 0)
          Metric.counter(name, { description, incremental: true }).unsafeUpdate(Math.max(0, more), tags)
          counted.set(key, Number(value))
        }
      }
    // A gauge without a sample becomes 0 instead of keeping its last value.
    for (const [key, clear] of shown) if (!now.has(key)) clear()
    shown = now
  }
}
