/**
 * `<data>/server.json`: the file by which the command line finds the running server of a data directory. `serve` writes it when it is ready, with mode
 * 0600, and removes it at its end. A file is ignored if its process has exited or does not answer: the lock of the log decides ownership.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Option, Schema } from "effect"
import { isAlive } from "@millrace/log/Pid"
import { messageOf } from "../../NodeError.ts"
import { type CliFailure, failed } from "../Failure.ts"

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

/** A server that answers. `token` is absent when the server requires none or its file cannot be read. */
export interface Found {
  readonly url: string
  /** The URL for browsers. */
  readonly publicUrl: string
  readonly pid: number
  readonly token: string | undefined
}

const fileOf = (dataDir: string) => join(dataDir, "server.json")

/** Writes a temporary file and renames it, so that a reader never sees a partial file. */
export const write = (dataDir: string, server: Stored): Effect.Effect<void, CliFailure> =>
  Effect.try({
    try: () => {
      mkdirSync(dataDir, { recursive: true, mode: 0o700 })
      const temporary = `${fileOf(dataDir)}.${server.pid}`
      writeFileSync(temporary, JSON.stringify(server), { mode: 0o600 })
      renameSync(temporary, fileOf(dataDir))
    },
    catch: (cause) => failed(`Cannot write ${fileOf(dataDir)}: ${messageOf(cause)}`)
  })

const read = (dataDir: string): Option.Option<Stored> => {
  try {
    return Schema.decodeOption(Stored)(readFileSync(fileOf(dataDir), "utf8"))
  } catch {
    return Option.none()
  }
}

/** Removes the file if it still belongs to this process. */
export const remove = (dataDir: string, pid: number): Effect.Effect<void> =>
  Effect.sync(() => {
    if (Option.exists(read(dataDir), (server) => server.pid === pid)) rmSync(fileOf(dataDir), { force: true })
  })

/** Whether `/health` answers 200 or 503: a draining server counts as running. */
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

/** The port of a server's address. A URL does not name the default port of its protocol. */
export const portOf = (url: string): number => {
  const { port, protocol } = new URL(url)
  if (port !== "") return Number(port)
  return protocol === "https:" ? 443 : 80
}
