/** The real program as a child process, as users run it: the bundle that `scripts/build.mjs` makes. Always on loopback. */
import { Data, Deferred, Effect, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import type { Readable } from "node:stream"

const program = resolve(import.meta.dirname, "../../../apps/server/dist/main.mjs")

export interface Ready {
  readonly url: string
  readonly token: string
  readonly pid: number
  readonly dataDir: string
}

export interface Ended {
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

export interface ServerProcess extends Ready {
  readonly ended: Effect.Effect<Ended>
  /** To the server's process alone, as `kill -SIGNAL PID` does. */
  readonly kill: (signal: NodeJS.Signals) => Effect.Effect<void>
}

export class NotReady extends Data.TaggedError("NotReady")<Ended> {
  override get message() {
    return `the server ended before it was ready (code ${this.code}, signal ${this.signal}): ${this.stderr}${this.stdout}`
  }
}

const collect = (stream: Readable | null) => {
  let text = ""
  stream?.setEncoding("utf8").on("data", (chunk: string) => (text = (text + chunk).slice(-65_536)))
  return () => text
}

const watch = (child: ChildProcess) => {
  const stdout = collect(child.stdout)
  const stderr = collect(child.stderr)
  return new Promise<Ended>((done) =>
    child.once("close", (code, signal) => done({ code, signal, stdout: stdout(), stderr: stderr() }))
  )
}

/** A fresh directory, removed with the scope. */
export const temporaryDirectory: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "millrace-test-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true, maxRetries: 5 }))
)

/** Runs `millrace ARGS` to its end. */
export const run = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}): Effect.Effect<Ended> =>
  Effect.promise(() =>
    watch(spawn(process.execPath, [program, ...args], { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] }))
  )

/** Starts `millrace serve` and waits until it says that it is ready. Killed with the scope when it still runs. */
export const serve = (options: {
  readonly dataDir: string
  /** Default 0: picks a free one. */
  readonly port?: string
  readonly args?: ReadonlyArray<string>
  readonly env?: Readonly<Record<string, string>>
}): Effect.Effect<ServerProcess, NotReady, Scope.Scope> =>
  Effect.gen(function* () {
    const ended = yield* Deferred.make<Ended>()
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(
          process.execPath,
          [
            program,
            "serve",
            "--port",
            options.port ?? "0",
            "--data",
            options.dataDir,
            "--ready-fd",
            "3",
            ...(options.args ?? [])
          ],
          {
            env: { ...process.env, ...options.env },
            stdio: ["ignore", "pipe", "pipe", "pipe"]
          }
        )
      ),
      (running) =>
        Effect.suspend(() => {
          if (running.exitCode === null && running.signalCode === null) running.kill("SIGKILL")
          return Deferred.await(ended)
        })
    )
    void watch(child).then((end) => Deferred.unsafeDone(ended, Effect.succeed(end)))
    const ready = yield* Effect.raceFirst(
      Effect.async<Ready>((resume) => {
        let line = ""
        const pipe = child.stdio[3] as Readable
        pipe.setEncoding("utf8").on("data", (chunk: string) => {
          line += chunk
          if (line.includes("\n")) resume(Effect.succeed(JSON.parse(line) as Ready))
        })
      }),
      Effect.flatMap(Deferred.await(ended), (end) => new NotReady(end))
    )
    return {
      ...ready,
      ended: Deferred.await(ended),
      kill: (signal) =>
        Effect.sync(() => {
          child.kill(signal)
        })
    }
  })
