/** The program as a child process, from its sources: what a person at a shell sees. */
import { spawn } from "node:child_process"
import { resolve } from "node:path"
import { Effect, type Scope } from "effect"

const main = resolve(import.meta.dirname, "../../src/main.ts")

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly ended: Effect.Effect<Ended>
  /** Returns when standard output or standard error holds this; at the end of the program in any case. */
  readonly until: (part: string) => Effect.Effect<void>
  readonly kill: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** Leaves, as `head` does. */
  readonly closeOutput: Effect.Effect<void>
}

export interface Options {
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
}

/** Starts `millrace ARGS`; killed with the scope when it still runs. */
export const start = (args: ReadonlyArray<string>, options: Options = {}): Effect.Effect<Running, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        const child = spawn(process.execPath, ["--import", "tsx", main, ...args], {
          env: { ...process.env, MILLRACE_DATA: "", MILLRACE_LOG_LEVEL: "", NO_COLOR: "", ...options.env },
          stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"]
        })
        let stdout = ""
        let stderr = ""
        let over: Ended | undefined
        const watchers = new Set<() => void>()
        const changed = () => {
          for (const watch of watchers) watch()
        }
        child.stdout?.setEncoding("utf8").on("data", (text: string) => {
          stdout += text
          changed()
        })
        child.stderr?.setEncoding("utf8").on("data", (text: string) => {
          stderr += text
          changed()
        })
        child.stdin?.end(options.input)
        child.once("close", (code, signal) => {
          over = { code, signal, stdout, stderr }
          changed()
        })
        const watch = <A>(look: () => A | undefined): Effect.Effect<A> =>
          Effect.async((done) => {
            const check = () => {
              const found = look()
              if (found === undefined) return
              watchers.delete(check)
              done(Effect.succeed(found))
            }
            watchers.add(check)
            check()
          })
        return {
          child,
          ended: watch(() => over),
          until: (part: string) =>
            Effect.asVoid(watch(() => (over !== undefined || stdout.includes(part) || stderr.includes(part) ? true : undefined)))
        }
      }),
      ({ child }) =>
        Effect.sync(() => {
          if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL")
        })
    ),
    ({ child, ended, until }) => ({
      ended,
      until,
      kill: (signal) => Effect.sync(() => void child.kill(signal)),
      closeOutput: Effect.sync(() => child.stdout?.destroy())
    })
  )

/** Runs `millrace ARGS` to its end. */
export const run = (args: ReadonlyArray<string>, options: Options = {}): Effect.Effect<Ended> =>
  Effect.scoped(Effect.flatMap(start(args, options), ({ ended }) => ended))
