/** The program's log for people: one plain line per entry, on standard error, never on standard output. */
import { Cause, Effect, Inspectable, Layer, Logger, LogLevel } from "effect"
import { harmless } from "./Style.ts"

const levels: Readonly<Record<string, LogLevel.LogLevel>> = {
  all: LogLevel.All,
  trace: LogLevel.Trace,
  debug: LogLevel.Debug,
  info: LogLevel.Info,
  warning: LogLevel.Warning,
  error: LogLevel.Error,
  fatal: LogLevel.Fatal,
  none: LogLevel.None
}
export const levelNames = Object.keys(levels)

/** The level that MILLRACE_LOG_LEVEL names; `undefined` when it names none. */
export const levelOf = (name: string): LogLevel.LogLevel | undefined => levels[name.toLowerCase()]

const words = (message: unknown): string =>
  (Array.isArray(message) ? message : [message])
    .map((part) => (typeof part === "string" ? part : Inspectable.stringifyCircular(part)))
    .join(" ")

const logger = Logger.make(({ cause, date, logLevel, message }) => {
  const why = Cause.isEmpty(cause) ? "" : `: ${Cause.pretty(cause)}`
  process.stderr.write(`${date.toISOString()} ${logLevel.label.toLowerCase()} ${harmless(words(message) + why)}\n`)
})

export const layer = (level: LogLevel.LogLevel): Layer.Layer<never> =>
  Layer.merge(Logger.replace(Logger.defaultLogger, logger), Logger.minimumLogLevel(level))

/** Logs the stack trace of a defect, for developers, at level debug. */
export const trace = (cause: Cause.Cause<unknown>): Effect.Effect<void> => Effect.logDebug("internal error", cause)
