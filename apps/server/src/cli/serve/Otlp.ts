/** OTLP export, configured by the environment. Without its variables nothing is loaded and nothing runs. */
import { defined } from "@millrace/contracts/Defined"
import { Effect, type Scope } from "effect"
import type { Telemetry } from "../../telemetry/Telemetry.ts"

/** Percent-decodes a text; returns malformed input unchanged. */
const decoded = (value: string): string => {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}

/** Parses `a=1,b=2` with percent-encoded values (OpenTelemetry specification). */
const headersOf = (text: string | undefined): Record<string, string> => {
  const headers: Record<string, string> = {}
  for (const pair of (text ?? "").split(",")) {
    const [name = "", ...rest] = pair.split("=")
    if (name.trim() === "" || rest.length === 0) continue
    headers[name.trim()] = decoded(rest.join("=").trim())
  }
  return headers
}

/** From `OTEL_EXPORTER_OTLP_ENDPOINT`, `_HEADERS`, `_PROTOCOL` (`http/json`, the default, or `http/protobuf`), and `OTEL_SERVICE_NAME`. */
export const fromEnvironment: Effect.Effect<Telemetry | undefined, never, Scope.Scope> = Effect.gen(function* () {
  const { env } = process
  const endpoint = env["OTEL_EXPORTER_OTLP_ENDPOINT"]
  if (endpoint === undefined || endpoint === "") return undefined
  if (!/^https?:/.test(endpoint) || !URL.canParse(endpoint)) {
    yield* Effect.logWarning("OTEL_EXPORTER_OTLP_ENDPOINT is not an http or https URL: nothing is exported.")
    return undefined
  }
  const protocol = env["OTEL_EXPORTER_OTLP_PROTOCOL"]
  if (protocol === "grpc") {
    yield* Effect.logWarning(
      "OTEL_EXPORTER_OTLP_PROTOCOL=grpc is not supported: nothing is exported. Use http/json or http/protobuf."
    )
    return undefined
  }
  const { start } = yield* Effect.promise(() => import("../../telemetry/Telemetry.ts"))
  const serviceName = env["OTEL_SERVICE_NAME"]
  return yield* start({
    endpoint,
    headers: headersOf(env["OTEL_EXPORTER_OTLP_HEADERS"]),
    protobuf: protocol === "http/protobuf",
    ...defined({ serviceName })
  })
})
