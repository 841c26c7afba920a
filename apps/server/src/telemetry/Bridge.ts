/** The numbers of `/metrics` as Effect metrics, which the exporter reads: kept up by deltas, so that what counts stays a counter. */
import { Metric, MetricLabel } from "effect"
import type { Sample } from "../http/Samples.ts"

/** One bridge for a process: the registry of metrics is the process's. A histogram goes over as its buckets, sum and count. */
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
    // What is not there any more is none, not what it was.
    for (const [key, clear] of shown) if (!now.has(key)) clear()
    shown = now
  }
}
