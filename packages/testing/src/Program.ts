/** A program as a child process: by default the bundle that `scripts/build.mjs` makes and users run. */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { Readable } from "node:stream"
import { Effect, type Scope } from "effect"

const main = resolve(import.meta.dirname, "../../../apps/server/dist/main.mjs")

/** Created when a program needs it; removed when the process of the tests ends. */
let directory: string | undefined
/** A directory in no repository, so that threads write no checkpoints to the checkout of the tests. */
const elsewhere = (): string => {
  if (directory !== undefined) return directory
  const path = mkdtempSync(join(tmpdir(), "millrace-program-"))
  process.once("exit", () => rmSync(path, { recursive: true, force: true }))
  return (directory = path)
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  /** The text that the program wrote to descriptor 3. */
  readonly extra: string
}

export interface Running {
  readonly ended: Effect.Effect<Ended>
  /** Returns when standard output, standard error or descriptor 3 contains this text, or when the program ends. */
  readonly until: (part: string) => Effect.Effect<void>
  readonly kill: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** Closes the reading end of the program's output, as `head` does. */
  readonly closeOutput: Effect.Effect<void>
  readonly closeParent: Effect.Effect<void>
  readonly pid: number
  /** The output so far. */
  readonly so: () => Pick<Ended, "stdout" | "stderr" | "extra">
}

export interface Options {
  /** Another program, with its first arguments. */
  readonly program?: readonly [string, ...ReadonlyArray<string>]
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  /** Working directory. Default: an empty directory of these tests; for another program, that of the test. */
  readonly cwd?: string
  /** Opens two descriptors: the program writes to 3 (`extra` has its text) and reads from 4 (`closeParent` ends it). */
  readonly descriptors?: boolean
}

/** Starts `millrace ARGS`, or the other program with these arguments. When the scope closes, it kills the program if it still runs. */
export const start = (args: ReadonlyArray<string>, options: Options = {}): Effect.Effect<Running, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        const [command, ...first] = options.program ?? [process.execPath, main]
        const child = spawn(command, [...first, ...args], {
          cwd: options.cwd ?? (options.program === undefined ? elsewhere() : process.cwd()),
          env: { ...process.env, MILLRACE_DATA: "", MILLRACE_LOG_LEVEL: "", NO_COLOR: "", ...options.env },
          stdio: [
            options.input === undefined ? "ignore" : "pipe",
            "pipe",
            "pipe",
            ...(options.descriptors === true ? (["pipe", "pipe"] as const) : [])
          ]
        })
        let stdout = ""
        let stderr = ""
        let extra = ""
        let result: Ended | undefined
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
        const third = child.stdio[3]
        if (third instanceof Readable)
          third.setEncoding("utf8").on("data", (text: string) => {
            extra += text
            changed()
          })
        child.stdin?.end(options.input)
        child.once("close", (code, signal) => {
          result = { code, signal, stdout, stderr, extra }
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
          so: () => ({ stdout, stderr, extra }),
          ended: watch(() => result),
          until: (part: string) =>
            Effect.asVoid(
              watch(() =>
                result !== undefined || stdout.includes(part) || stderr.includes(part) || extra.includes(part) ? true : undefined
              )
            )
        }
      }),
      ({ child, ended }) =>
        Effect.suspend(() => {
          if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL")
          return ended
        })
    ),
    ({ child, ended, so, until }) => ({
      so,
      pid: child.pid ?? 0,
      closeParent: Effect.sync(() => child.stdio[4]?.destroy()),
      ended,
      until,
      kill: (signal) => Effect.sync(() => void child.kill(signal)),
      closeOutput: Effect.sync(() => child.stdout?.destroy())
    })
  )

/** Runs `millrace ARGS` to its end. */
export const run = (args: ReadonlyArray<string>, options: Options = {}): Effect.Effect<Ended> =>
  Effect.scoped(Effect.flatMap(start(args, options), ({ ended }) => ended))
