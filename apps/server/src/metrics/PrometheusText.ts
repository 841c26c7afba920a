/** Metrics as samples, and their Prometheus text. */
import { Metric, MetricState } from "effect"
import type { HistogramCounts } from "@millrace/log/Histogram"

export type Labels = Readonly<Record<string, string>>
/** A metric with its values. Samples of the same name are one family. */
export interface Sample {
  readonly name: string
  readonly type: "counter" | "gauge" | "histogram" | "summary"
  readonly help: string
  readonly values: ReadonlyArray<{ readonly suffix?: string; readonly labels?: Labels; readonly value: number | bigint }>
}

/** One value without labels. */
export const single = (name: string, type: "counter" | "gauge", help: string, value: number): Sample => ({
  name,
  type,
  help,
  values: [{ value }]
})

/** One value per label. */
export const byLabel = (
  name: string,
  type: "counter" | "gauge",
  help: string,
  label: string,
  values: Iterable<readonly [label: string, value: number]>
): Sample => ({ name, type, help, values: Array.from(values, ([key, value]) => ({ labels: { [label]: key }, value })) })

export const histogram = (name: string, help: string, { bounds, count, counts, sum }: HistogramCounts): Sample => ({
  name,
  type: "histogram",
  help,
  values: [
    ...bounds.map((bound, at) => ({ suffix: "_bucket", labels: { le: String(bound) }, value: counts[at] ?? 0 })),
    { suffix: "_bucket", labels: { le: "+Inf" }, value: count },
    { suffix: "_sum", value: sum },
    { suffix: "_count", value: count }
  ]
})

const escape = (text: string) => text.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n")
const labelText = (labels: Labels | undefined) => {
  const entries = Object.entries(labels ?? {})
  return entries.length === 0 ? "" : `{${entries.map(([key, value]) => `${safe(key)}="${escape(value)}"`).join(",")}}`
}
const safe = (name: string) => name.replace(/[^a-zA-Z0-9_]/g, "_")

/** The Prometheus text of samples, with one HELP and one TYPE per family. */
export const render = (samples: ReadonlyArray<Sample>): string => {
  const families = new Map<string, Array<Sample>>()
  for (const sample of samples) {
    const family = families.get(sample.name)
    if (family === undefined) families.set(sample.name, [sample])
    else family.push(sample)
  }
  const lines: Array<string> = []
  for (const [name, family] of families) {
    const help = family[0]?.help ?? ""
    if (family.every(({ values }) => values.length === 0)) continue
    if (help !== "") lines.push(`# HELP ${name} ${help.replace(/\n/g, " ")}`)
    lines.push(`# TYPE ${name} ${family[0]?.type}`)
    for (const { values } of family)
      for (const { suffix, labels, value } of values) lines.push(`${name}${suffix ?? ""}${labelText(labels)} ${value}`)
  }
  return `${lines.join("\n")}\n`
}

/** Effect's own metrics in the same shape. */
export const effectSamples = (): ReadonlyArray<Sample> =>
  Metric.unsafeSnapshot().flatMap((pair): ReadonlyArray<Sample> => {
    const labels: Record<string, string> = {}
    for (const { key, value } of pair.metricKey.tags) labels[key] = value
    const base = {
      name: safe(pair.metricKey.name),
      help: pair.metricKey.description._tag === "Some" ? pair.metricKey.description.value : ""
    }
    const state: unknown = pair.metricState
    if (MetricState.isCounterState(state)) return [{ ...base, type: "counter", values: [{ labels, value: state.count }] }]
    if (MetricState.isGaugeState(state)) return [{ ...base, type: "gauge", values: [{ labels, value: state.value }] }]
    if (MetricState.isFrequencyState(state))
      return [
        {
          ...base,
          type: "counter",
          values: [...state.occurrences].map(([key, value]) => ({ labels: Object.assign({ key }, labels), value }))
        }
      ]
    if (MetricState.isHistogramState(state))
      return [
        {
          ...base,
          type: "histogram",
          values: [
            ...[...state.buckets].map(([bound, value]) => ({
              suffix: "_bucket",
              labels: Object.assign({ le: bound === Number.POSITIVE_INFINITY ? "+Inf" : String(bound) }, labels),
              value
            })),
            { suffix: "_sum", labels, value: state.sum },
            { suffix: "_count", labels, value: state.count }
          ]
        }
      ]
    return []
  })
