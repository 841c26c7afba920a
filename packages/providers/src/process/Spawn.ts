/**
 * One child process in its own group: recorded before it runs, read with back-pressure, reported dead only after its exit was collected.
 *
 * The child starts as `sh`, which waits for one line on stdin (the gate). The line is written once the ledger holds the entry; `sh` then becomes
 * the program by `exec`, with the same pid and start time. If the server is killed in between, `sh` reads end of file and exits. So a program
 * never runs without an entry in the ledger (P1).
 */
import { defined } from "@millrace/contracts/Defined"
import * as ChildProcess from "node:child_process"
import { randomUUID } from "node:crypto"
import { accessSync, constants, statSync } from "node:fs"
import { delimiter, isAbsolute, join } from "node:path"
import * as Permits from "@millrace/contracts/Permits"
import { Deferred, Effect, Option, type Scope } from "effect"
import * as Environment from "./Environment.ts"
import * as LastResort from "./LastResort.ts"
import { Ledger } from "./Ledger.ts"
import * as Proc from "./Proc.ts"

export interface SpawnOptions {
  readonly command: string
  readonly args: ReadonlyArray<string>
  /** Absolute. */
  readonly cwd: string
  /** Added to the allow-list of `Environment`. */
  readonly env: Environment.Environment
  readonly threadId: string
  readonly epoch: number
}

/** Why the child could not be started. */
export interface SpawnFailure {
  readonly kind: "not-installed" | "process"
  readonly message: string
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface Child {
  readonly pid: number
  /** The next bytes of stdout, at most what the pipe held; `null` at end of file. One reader. A reader that does not read holds the child back through the pipe. */
  readonly read: Effect.Effect<Buffer | null>
  /** Returns when the pipe has accepted the text or the bytes; `false`: stdin is closed. Concurrent writes do not interleave and keep their order. */
  readonly write: (text: string | Uint8Array) => Effect.Effect<boolean>
  readonly closeStdin: Effect.Effect<void>
  /** Signals the whole group. No-op once the leader's exit was collected. */
  readonly signal: (name: NodeJS.Signals) => Effect.Effect<void>
  /** The last bytes of standard error, at most 8 KiB. */
  readonly stderr: () => string
  /** Completes when the leader has exited. Its output may not have been read yet. */
  readonly exited: Effect.Effect<Exit>
  readonly hasExited: () => boolean
  /** Call after the exit or after SIGKILL. Completes when all processes that the child had started are killed and the ledger entry is removed; after five seconds at most. */
  readonly gone: Effect.Effect<Exit>
}

const stderrBytes = 8 * 1024
/** How long a reader waits for more output after the exit: a process outside the group may hold the pipe open indefinitely. */
const lingerMillis = 1000
/** A process in uninterruptible sleep (a dead network disk) ignores even SIGKILL: after this time the server continues, and the ledger keeps the entry. */
const unkillableMillis = 5000

/** Runs the effect for at most `millis`; `None` on timeout. Also works in a finalizer, where effects are uninterruptible by default. */
export const within = <A>(effect: Effect.Effect<A>, millis: number): Effect.Effect<Option.Option<A>> =>
  effect.pipe(Effect.interruptible, Effect.timeoutOption(millis))

const executable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/** The file that `command` names on the PATH of `env`, or the absolute path itself; `None` when no such executable file exists. */
export const find = (command: string, env: Environment.Environment): Option.Option<string> => {
  if (command.includes("/")) return executable(command) && isAbsolute(command) ? Option.some(command) : Option.none()
  return Option.fromNullable(
    (env["PATH"] ?? "")
      .split(delimiter)
      .filter((folder) => folder !== "")
      .map((folder) => join(folder, command))
      .find(executable)
  )
}

const isDirectory = (path: string): boolean => {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}

/** Names the option that contains a NUL character, which the system call rejects; `undefined`: none does. */
const withNul = ({ args, cwd, env }: Pick<SpawnOptions, "args" | "cwd" | "env">): string | undefined => {
  if (args.some((argument) => argument.includes("\0"))) return "an argument"
  if (cwd.includes("\0")) return "the directory"
  const variable = Object.entries(env).find(([name, value]) => name.includes("\0") || value?.includes("\0"))?.[0]
  return variable === undefined ? undefined : `the variable ${variable.replaceAll("\0", "?")}`
}

/**
 * Returns after the event loop has read the pipes. After a pause of this process its timers run before that, so without this a timer could close a pipe whose
 * output was not read yet.
 */
const polled = Effect.async<void>((resume) => {
  const immediate = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(immediate))
})

const end: Effect.Effect<Buffer | null> = Effect.succeed(null)

/** Starts the child in the scope. Closing the scope sends SIGKILL to the group and waits for `gone`. */
export const spawn = Effect.fn("Spawn.spawn")(function* (
  options: SpawnOptions
): Effect.fn.Return<Child, SpawnFailure, Scope.Scope | Ledger> {
  const ledger = yield* Ledger
  const scope = yield* Effect.scope
  const env = Environment.select(process.env, options.env)
  const file = find(options.command, env)
  if (Option.isNone(file))
    return yield* Effect.fail({
      kind: "not-installed" as const,
      message: `${options.command} was not found or is not executable`
    })
  const nul = withNul({ ...options, env })
  if (nul !== undefined)
    return yield* Effect.fail({ kind: "process" as const, message: `${nul} has a NUL character, which a process cannot receive` })
  if (!isDirectory(options.cwd))
    return yield* Effect.fail({ kind: "process" as const, message: `the directory ${options.cwd} does not exist` })

  const id = randomUUID()
  const child = yield* Effect.sync(() =>
    ChildProcess.spawn("/bin/sh", ["-c", 'read -r gate && exec "$0" "$@"', file.value, ...options.args], {
      cwd: options.cwd,
      env: { ...env, [Environment.marker]: id },
      detached: true,
      stdio: ["pipe", "pipe", "pipe"]
    })
  )
  const pid = child.pid
  if (pid === undefined) {
    const cause = yield* Effect.async<Error>((resume) => void child.once("error", (error) => resume(Effect.succeed(error))))
    return yield* Effect.fail({ kind: "process" as const, message: `the process could not be started: ${cause.message}` })
  }

  LastResort.hold(pid, `${Environment.marker}=${id}`)

  const { stdin, stdout, stderr } = child
  const exited = yield* Deferred.make<Exit>()
  const gone = yield* Deferred.make<Exit>()
  const readable = Effect.unsafeMakeLatch(true)
  let ended = false
  let collected = false
  let reads = 0
  const look = () => readable.unsafeOpen()
  const close = () => {
    ended = true
    readable.unsafeOpen()
  }
  stdout.on("readable", look).on("end", close).on("close", close).on("error", close)
  // An error of a write to a dead child: `write` returns false. Without a listener the error would end the server.
  stdin.on("error", () => stdin.destroy())
  let tail = Buffer.alloc(0)
  stderr.on("error", () => stderr.destroy())
  stderr.on("data", (chunk: Buffer) => {
    tail = Buffer.concat([tail, chunk]).subarray(-stderrBytes)
  })
  child.on("error", () => undefined)
  child.once("exit", (code, signal) => {
    collected = true
    // The leader's pid is not reused while its group has members, so this signals no other process.
    Proc.signalGroup(pid, "SIGKILL")
    LastResort.release(pid)
    Deferred.unsafeDone(exited, Effect.succeed({ code, signal }))
  })

  const signal = (name: NodeJS.Signals) =>
    Effect.sync(() => {
      if (!collected) Proc.signalGroup(pid, name)
    })
  yield* Effect.addFinalizer(() =>
    signal("SIGKILL").pipe(
      Effect.zipRight(within(Deferred.await(gone), unkillableMillis)),
      Effect.ensuring(
        Effect.sync(() => {
          stdin.destroy()
          stdout.destroy()
          stderr.destroy()
        })
      )
    )
  )
  // A daemon fiber, not a fiber of the scope: the scope's finalizer waits for it.
  yield* Deferred.await(exited).pipe(
    Effect.flatMap((exit) =>
      Proc.sweep(`${Environment.marker}=${id}`).pipe(
        Effect.flatMap((swept) =>
          swept < 0
            ? Effect.logWarning(`processes that ${options.command} had started survived SIGKILL`, { pid })
            : ledger.strike(id)
        ),
        Effect.catchAll((error) => Effect.logWarning(error.message)),
        Effect.ensuring(Deferred.succeed(gone, exit))
      )
    ),
    Effect.forkDaemon
  )
  // A pipe may stay open after its process has exited: close it when a waiting reader received nothing for `lingerMillis`.
  yield* Deferred.await(exited).pipe(
    Effect.zipRight(
      Effect.suspend(() => {
        const before = reads
        return Effect.sleep(lingerMillis).pipe(
          Effect.zipRight(polled),
          Effect.map(() => {
            if (!ended && reads === before && stdout.readableLength === 0) stdout.destroy()
          })
        )
      }).pipe(Effect.repeat({ until: () => ended }))
    ),
    Effect.interruptible,
    Effect.forkIn(scope)
  )

  const facts = Proc.facts(pid)
  const boot = Proc.bootId()
  yield* ledger
    .record({
      id,
      pid,
      group: pid,
      ...(facts === undefined ? {} : { startTime: facts.startTime }),
      ...defined({ bootId: boot }),
      command: options.command,
      threadId: options.threadId,
      epoch: options.epoch
    })
    .pipe(Effect.mapError((error) => ({ kind: "process" as const, message: error.message })))
  yield* Effect.sync(() => void stdin.write("\n"))

  const writing = Permits.make(1)
  return {
    pid,
    read: Effect.suspend(function next(): Effect.Effect<Buffer | null> {
      const chunk: Buffer | null = stdout.read()
      if (chunk !== null) {
        reads++
        return Effect.succeed(chunk)
      }
      if (ended) return end
      readable.unsafeClose()
      return Effect.flatMap(readable.await, next)
    }),
    write: (text) =>
      writing(
        Effect.async<boolean>((resume) => {
          if (!stdin.writable) return resume(Effect.succeed(false))
          if (stdin.write(text)) return resume(Effect.succeed(true))
          const settle = (took: boolean) => {
            stdin.off("drain", drained).off("close", closed)
            resume(Effect.succeed(took))
          }
          const drained = () => settle(true)
          const closed = () => settle(false)
          stdin.on("drain", drained).on("close", closed)
          return Effect.sync(() => void stdin.off("drain", drained).off("close", closed))
        })
      ),
    closeStdin: Effect.sync(() => void stdin.end()),
    signal,
    stderr: () => tail.toString("utf8"),
    exited: Deferred.await(exited),
    hasExited: () => collected,
    gone: within(Deferred.await(gone), unkillableMillis).pipe(
      Effect.map(Option.getOrElse((): Exit => ({ code: null, signal: null })))
    )
  }
}, Effect.uninterruptible)
