/**
 * `<data>/server.json`: how the command line finds the running server of a data directory. Written by `serve` when it is ready, mode 0600,
 * removed at its end. A file whose process is gone, or which does not answer, counts for nothing: the lock of the log decides who owns.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Option, Schema } from "effect"
import { isAlive } from "@millrace/log/Pid"
import { words } from "../Thrown.ts"
import { type CliFailure, failed } from "./Failure.ts"

const Stored = Schema.parseJson(
  Schema.Struct({
    url: Schema.String,
    publicUrl: Schema.optional(Schema.String),
    pid: Schema.Int.pipe(Schema.positive()),
    tokenFile: Schema.optional(Schema.String),
    startedAt: Schema.String
  })
)
type Stored = typeof Stored.Type

/** A server that answers. `token`: absent where none is needed. */
export interface Found {
  readonly url: string
  /** What people open. */
  readonly publicUrl: string
  readonly pid: number
  readonly token: string | undefined
}

const fileOf = (dataDir: string) => join(dataDir, "server.json")

/** Written beside and renamed, so that a reader never sees a half of it. */
export const write = (dataDir: string, server: Stored): Effect.Effect<void, CliFailure> =>
  Effect.try({
    try: () => {
      mkdirSync(dataDir, { recursive: true, mode: 0o700 })
      const beside = `${fileOf(dataDir)}.${server.pid}`
      writeFileSync(beside, JSON.stringify(server), { mode: 0o600 })
      renameSync(beside, fileOf(dataDir))
    },
    catch: (cause) => failed(`Cannot write ${fileOf(dataDir)}: ${words(cause)}`)
  })

const read = (dataDir: string): Option.Option<Stored> => {
  try {
    return Schema.decodeOption(Stored)(readFileSync(fileOf(dataDir), "utf8"))
  } catch {
    return Option.none()
  }
}

/** Removes the file when it is still that of this process. */
export const remove = (dataDir: string, pid: number): Effect.Effect<void> =>
  Effect.sync(() => {
    if (Option.exists(read(dataDir), (server) => server.pid === pid)) rmSync(fileOf(dataDir), { force: true })
  })

/** Any answer at `/health` will do: a server that drains is a server. */
const answers = (url: string): Effect.Effect<boolean> =>
  Effect.tryPromise((signal) => fetch(`${url}/health`, { signal })).pipe(
    Effect.map((response) => response.status === 200 || response.status === 503),
    Effect.timeoutTo({ duration: "2 seconds", onSuccess: (answer) => answer, onTimeout: () => false }),
    Effect.orElseSucceed(() => false)
  )

const tokenOf = (file: string | undefined): string | undefined => {
  if (file === undefined) return undefined
  try {
    return readFileSync(file, "utf8").trim()
  } catch {
    return undefined
  }
}

/** The server of this data directory, if one runs and answers within 2 seconds. */
export const find = (dataDir: string): Effect.Effect<Option.Option<Found>> =>
  Effect.suspend(() => {
    const stored = read(dataDir)
    if (Option.isNone(stored) || !isAlive(stored.value.pid)) return Effect.succeedNone
    const { pid, publicUrl, tokenFile, url } = stored.value
    return Effect.map(answers(url), (alive) =>
      alive ? Option.some({ url, publicUrl: publicUrl ?? url, pid, token: tokenOf(tokenFile) }) : Option.none()
    )
  })
