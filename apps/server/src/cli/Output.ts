/**
 * The output of the program: results to standard output, everything else to standard error. While a person waits at a terminal, standard error shows a
 * progress line. Other output clears it.
 */
import { Context, Effect, FiberSet, Layer, type Scope } from "effect"
import { codeOf, messageOf } from "../NodeError.ts"
import * as CommandName from "./CommandName.ts"
import { OutputClosed } from "./Failure.ts"
import * as Style from "./terminal/Style.ts"

export class Output extends Context.Tag("@millrace/server/cli/Output")<
  Output,
  {
    /** Writes to standard output. Waits for a slow reader. Fails when the reader has closed it. */
    readonly out: (text: string) => Effect.Effect<void, OutputClosed>
    /** Writes one line to standard error, with the command's name as in `withCommandName`. Never fails. */
    readonly note: (line: string) => Effect.Effect<void>
    /** Replaces `millrace` in hints by the command that started this program, for example `npx millrace`. */
    readonly withCommandName: (text: string) => string
    /** Shows `label… 3 s` until the scope closes or the label changes. Shows nothing without a terminal. */
    readonly progress: (label: string | undefined) => Effect.Effect<void>
    /** Appends a text to every later progress label. */
    readonly aside: (text: string) => Effect.Effect<void>
    /** Style for standard error. */
    readonly style: Style.Style
    /** Style for standard output. */
    readonly outStyle: Style.Style
    readonly outIsTerminal: boolean
    /** Whether a person can be asked: standard input and standard error are terminals. */
    readonly canAsk: boolean
    /** Columns of the terminal on standard output, at least 40. 100,000 without a terminal, so that nothing is cut. */
    readonly width: number
    /** Columns of the terminal on standard error, at least 40. 200 without a terminal. */
    readonly noteWidth: number
  }
>() {}

export interface Streams {
  readonly out: NodeJS.WriteStream
  readonly err: NodeJS.WriteStream
  readonly inIsTerminal: boolean
  readonly environment: Readonly<Record<string, string | undefined>>
}

const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"]

export const make = (streams: Streams): Effect.Effect<Context.Tag.Service<typeof Output>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { err, out } = streams
    const errIsTerminal = err.isTTY === true
    const outIsTerminal = out.isTTY === true
    const style = Style.of(errIsTerminal, streams.environment)
    /** The only filter of terminal output. A file or a pipe gets the bytes unchanged (X8). */
    const forOut = outIsTerminal ? Style.shown : (text: string) => text
    const forErr = errIsTerminal ? Style.shown : (text: string) => text
    let shown = false
    let midLine = false
    let closed: OutputClosed | undefined
    /** Keeps the first cause, because later writes only report that the stream is destroyed. */
    const close = (cause: unknown) => (closed ??= new OutputClosed(codeOf(cause) === "EPIPE" ? {} : { fault: messageOf(cause) }))
    // Without a listener, the error of a closed reader would end the process. `write` reports the error to its caller.
    out.on("error", close)
    err.on("error", () => {})

    const clear = () => {
      if (shown) err.write("\r\u001B[K")
      shown = false
    }
    const ticking = yield* FiberSet.make()
    let current = 0
    let asideText = ""
    const progress = (label: string | undefined) =>
      Effect.suspend(() => {
        const mine = ++current
        clear()
        if (label === undefined || !errIsTerminal) return Effect.void
        let ticks = 0
        const tick = Effect.sync(() => {
          if (mine !== current) return false
          // No progress line in the first 0.4 s, and none in the middle of a line of the answer.
          if (ticks++ >= 3 && !(midLine && outIsTerminal)) {
            const words = forErr(style.dim(`${frames[ticks % frames.length]} ${label}… ${Math.floor(ticks / 10)} s${asideText}`))
            err.write(`\r\u001B[K${words}`)
            shown = true
          }
          return true
        })
        return Effect.asVoid(
          FiberSet.run(ticking, Effect.repeat(Effect.delay(tick, "100 millis"), { while: (isCurrent) => isCurrent }))
        )
      })
    yield* Effect.addFinalizer(() => progress(undefined))

    const write = (text: string): Effect.Effect<void, OutputClosed> =>
      Effect.async((resume) => {
        if (closed !== undefined) return resume(Effect.fail(closed))
        clear()
        out.write(forOut(text), (error) => resume(error ? Effect.fail(close(error)) : Effect.void))
        if (text !== "") midLine = !text.endsWith("\n")
      })
    const withCommandName = (text: string) => CommandName.withCommandName(text, streams.environment)
    const note = (text: string) =>
      Effect.sync(() => {
        clear()
        if (midLine && outIsTerminal && errIsTerminal) {
          err.write("\n")
          midLine = false
        }
        err.write(`${forErr(withCommandName(text))}\n`)
      })

    return {
      out: write,
      note,
      withCommandName,
      progress,
      aside: (text) =>
        Effect.sync(() => {
          asideText = ` · ${text}`
        }),
      style,
      outStyle: Style.of(outIsTerminal, streams.environment),
      outIsTerminal,
      canAsk: streams.inIsTerminal && errIsTerminal,
      width: outIsTerminal ? Math.max(40, out.columns) : 100_000,
      noteWidth: errIsTerminal ? Math.max(40, err.columns) : 200
    }
  })

/** The streams of this process. */
export const layer: Layer.Layer<Output> = Layer.scoped(
  Output,
  Effect.suspend(() =>
    make({
      out: process.stdout,
      err: process.stderr,
      inIsTerminal: process.stdin.isTTY === true,
      environment: process.env
    })
  )
)

/** Writes a result for programs: one JSON document on one line, or indented on a terminal. */
export const json = (value: unknown) =>
  Effect.flatMap(Output, (output) => {
    const text = JSON.stringify(value, undefined, output.outIsTerminal ? 2 : undefined)
    return output.out(`${output.outIsTerminal ? Style.escaped(text) : text}\n`)
  })

/** Formats rows as columns, two spaces apart. A line longer than `width` is cut. */
export const table = (rows: ReadonlyArray<ReadonlyArray<string>>, width: number): string => {
  const widths: Array<number> = []
  for (const row of rows) row.forEach((cell, n) => (widths[n] = Math.max(widths[n] ?? 0, Style.strip(cell).length)))
  return rows
    .map((row) => {
      const text = row
        .map((cell, n) => (n === row.length - 1 ? cell : cell + " ".repeat((widths[n] ?? 0) - Style.strip(cell).length)))
        .join("  ")
      return Style.strip(text).length > width ? Style.line(text, width) : text.trimEnd()
    })
    .map((text) => `${text}\n`)
    .join("")
}
