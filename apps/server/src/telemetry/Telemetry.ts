/**
 * Exports traces and metrics to an OTLP collector, when `OTEL_EXPORTER_OTLP_ENDPOINT` names one; this module is loaded only then. A slow, silent or dead
 * collector does not slow the server: exports are bounded in number and time, and pause for a minute after a failure. Data that is not exported is lost.
 */
import { defined } from "@millrace/contracts/Defined"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as OtlpMetrics from "@effect/opentelemetry/OtlpMetrics"
import * as OtlpSerialization from "@effect/opentelemetry/OtlpSerialization"
import * as OtlpTracer from "@effect/opentelemetry/OtlpTracer"
import { Duration, Effect, Layer, Metric, type Scope } from "effect"
import { EventLog } from "@millrace/log/EventLog"
import type { Sample } from "../metrics/PrometheusText.ts"
import * as Bridge from "./Bridge.ts"
import * as Scrubbed from "./Scrubbed.ts"
import * as Turns from "./Turns.ts"

export interface Options {
  /** `/v1/traces` and `/v1/metrics` are added. */
  readonly endpoint: string
  readonly headers?: Readonly<Record<string, string>>
  readonly protobuf?: boolean
  readonly serviceName?: string
  readonly every?: Duration.DurationInput
}

/** Maximum duration of an export, and maximum number of concurrent exports. An export beyond either bound is dropped with its data. */
const exportWithin = "5 seconds"
const maxExports = 4
/** Time limit at shutdown for the last traces, and again for the last metrics. */
const shutdownTimeout = Duration.seconds(1)

const failures = Metric.counter("millrace_telemetry_failures_total", {
  description: "Exports that the OTLP collector did not accept.",
  incremental: true
})

const client = Layer.effect(
  HttpClient.HttpClient,
  Effect.map(HttpClient.HttpClient, (fetching) => {
    let under = 0
    return HttpClient.transform(fetching, (answer, request) => {
      // The exporter retries `Transport`, but not `Encode`.
      const failed = (reason: "Encode" | "Transport", description: string) =>
        new HttpClientError.RequestError({ request, reason, description })
      return Effect.suspend(() => {
        if (under >= maxExports) return Effect.fail(failed("Encode", "Too many exports are in progress."))
        under++
        return answer.pipe(
          Effect.timeoutFail({ duration: exportWithin, onTimeout: () => failed("Transport", "The collector does not answer.") }),
          Effect.ensuring(Effect.sync(() => under--))
        )
      }).pipe(Effect.tapError(() => Metric.increment(failures)))
    })
  })
).pipe(Layer.provide(FetchHttpClient.layer))

const sending = ({ protobuf }: Options) =>
  Layer.merge(client, protobuf === true ? OtlpSerialization.layerProtobuf : OtlpSerialization.layerJson)

const common = ({ endpoint, every, headers, serviceName = "millrace" }: Options, path: string) => ({
  url: `${endpoint.replace(/\/+$/, "")}${path}`,
  resource: { serviceName },
  shutdownTimeout,
  ...defined({ headers, exportInterval: every })
})

export interface Telemetry {
  /** Enables tracing for the layers that are built with it. */
  readonly tracing: Layer.Layer<never>
  /** Exports these samples, Effect's metrics, and a span for each new turn, until the scope closes. */
  readonly watch: (
    log: typeof EventLog.Service,
    samples: Effect.Effect<ReadonlyArray<Sample>>
  ) => Effect.Effect<void, never, Scope.Scope>
}

/** Starts the export. When the scope closes, the last traces are sent if the collector accepts them in time. */
export const start = (options: Options): Effect.Effect<Telemetry, never, Scope.Scope> =>
  Effect.gen(function* () {
    const sender = yield* Layer.build(sending(options))
    const tracer = Scrubbed.make(yield* Effect.provide(OtlpTracer.make(common(options, "/v1/traces")), sender))
    return {
      tracing: Layer.setTracer(tracer),
      watch: (log, samples) =>
        Effect.gen(function* () {
          const show = Effect.map(samples, Bridge.make())
          yield* show
          yield* Effect.provide(OtlpMetrics.make(common(options, "/v1/metrics")), sender)
          // Runs before the exporter's last export.
          yield* Effect.addFinalizer(() => show)
          yield* Effect.sleep(options.every ?? "10 seconds").pipe(Effect.zipRight(show), Effect.forever, Effect.forkScoped)
          yield* Turns.follow.pipe(Effect.provideService(EventLog, log), Effect.withTracer(tracer))
        })
    }
  })
