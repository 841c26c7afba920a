/** `/metrics`: Prometheus text. Figures of the log, the process, the event loop, the connections, and all Effect metrics. */
import { monitorEventLoopDelay } from "node:perf_hooks"
import { HttpLayerRouter, HttpServerResponse } from "@effect/platform"
import { Effect, Metric, MetricState } from "effect"
import { EventLog } from "@millrace/log/EventLog"
import { Drain } from "./Drain.ts"
import { Wake } from "./Wake.ts"

type Labels = Readonly<Record<string, string>>
interface Sample {
  readonly name: string
  readonly type: "counter" | "gauge" | "histogram" | "summary"
  readonly help: string
  readonly values: ReadonlyArray<{ readonly suffix?: string; readonly labels?: Labels; readonly value: number | bigint }>
}

const one = (name: string, type: "counter" | "gauge", help: string, value: number): Sample => ({
  name,
  type,
  help,
  values: [{ value }]
})

const escape = (text: string) => text.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n")
const labelText = (labels: Labels | undefined) => {
  const entries = Object.entries(labels ?? {})
  return entries.length === 0 ? "" : `{${entries.map(([key, value]) => `${safe(key)}="${escape(value)}"`).join(",")}}`
}
const safe = (name: string) => name.replace(/[^a-zA-Z0-9_]/g, "_")

/** Samples of one name are one family: one HELP, one TYPE. */
const render = (samples: ReadonlyArray<Sample>): string => {
  const families = new Map<string, Array<Sample>>()
  for (const sample of samples) {
    const family = families.get(sample.name)
    if (family === undefined) families.set(sample.name, [sample])
    else family.push(sample)
  }
  const lines: Array<string> = []
  for (const [name, family] of families) {
    const help = family[0]?.help ?? ""
    if (help !== "") lines.push(`# HELP ${name} ${help.replace(/\n/g, " ")}`)
    lines.push(`# TYPE ${name} ${family[0]?.type}`)
    for (const { values } of family)
      for (const { suffix, labels, value } of values) lines.push(`${name}${suffix ?? ""}${labelText(labels)} ${value}`)
  }
  return `${lines.join("\n")}\n`
}

/** Effect's own metrics in the same shape. */
const effectSamples = (): ReadonlyArray<Sample> =>
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

export const make = Effect.gen(function* () {
  const log = yield* EventLog
  const drain = yield* Drain
  const wake = yield* Wake
  const loop = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const histogram = monitorEventLoopDelay({ resolution: 10 })
      histogram.enable()
      return histogram
    }),
    (histogram) => Effect.sync(() => histogram.disable())
  )
  const handler = Effect.gen(function* () {
    const stats = yield* log.stats
    const memory = process.memoryUsage()
    const { http, upgraded, calls } = drain.connections()
    const seconds = (nanos: number) => (Number.isFinite(nanos) ? nanos / 1e9 : 0)
    const samples: ReadonlyArray<Sample> = [
      one("millrace_log_head", "gauge", "Last committed offset.", stats.head),
      one("millrace_log_batches_total", "counter", "Append transactions.", stats.batches),
      one("millrace_log_statements_total", "counter", "SQL statements of appends.", stats.statements),
      one("millrace_log_bytes_total", "counter", "Bytes of event JSON appended.", stats.bytes),
      one("millrace_log_ring_bytes", "gauge", "Bytes of recent events kept in memory.", stats.ringBytes),
      one("millrace_http_connections", "gauge", "Open HTTP connections.", http),
      one("millrace_websocket_connections", "gauge", "Open WebSockets.", upgraded),
      one("millrace_rpc_calls", "gauge", "RPC calls and streams in flight.", calls),
      one("millrace_followers_waiting", "gauge", "Followers at the head of the log.", wake.waiting()),
      one("process_resident_memory_bytes", "gauge", "Resident memory.", memory.rss),
      one("nodejs_heap_size_used_bytes", "gauge", "Used heap.", memory.heapUsed),
      one("nodejs_external_memory_bytes", "gauge", "Memory outside the heap.", memory.external),
      one("process_uptime_seconds", "gauge", "Time since the process began.", process.uptime()),
      one("nodejs_eventloop_delay_p50_seconds", "gauge", "Event loop delay since start, median.", seconds(loop.percentile(50))),
      one(
        "nodejs_eventloop_delay_p99_seconds",
        "gauge",
        "Event loop delay since start, 99th percentile.",
        seconds(loop.percentile(99))
      ),
      one("nodejs_eventloop_delay_max_seconds", "gauge", "Event loop delay since start, maximum.", seconds(loop.max)),
      ...effectSamples()
    ]
    return HttpServerResponse.text(render(samples), { contentType: "text/plain; version=0.0.4; charset=utf-8" })
  })
  return [HttpLayerRouter.route("GET", "/metrics", handler)]
})
