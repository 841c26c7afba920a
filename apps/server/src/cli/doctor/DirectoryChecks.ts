/** The checks of a data directory without a running server. */
import { existsSync, statSync } from "node:fs"
import { statfs } from "node:fs/promises"
import { join } from "node:path"
import * as DataDirectory from "@millrace/log/DataDirectory"
import * as LogInspection from "@millrace/log/LogInspection"
import * as Migrations from "@millrace/log/Migrations"
import { Clock, Effect, Either, Option } from "effect"
import * as AgentProcesses from "../../AgentProcesses.ts"
import { type Check, millisOf, type Where } from "./Check.ts"
import * as Findings from "./Findings.ts"
import { history } from "./HistoryCheck.ts"

const wrongLog = (found: string): Check => ({
  name: "log",
  status: "wrong",
  found,
  fix: "No server can start on this data directory until this is fixed. See: millrace verify"
})

/** The checks without a server. They open nothing for writing, so a check ends no agent and settles no turn. */
export const ofDirectory = ({ dataDir, maxLogBytes }: Where) =>
  Effect.gen(function* () {
    const owner = yield* DataDirectory.owner(dataDir)
    if (Option.isSome(owner))
      return [
        {
          name: "log",
          status: "wrong",
          found: `process ${owner.value.pid} has owned the log since ${owner.value.since}, but no server answers`,
          fix: `The process may be starting, stopping or hanging, or be a command with an embedded host. Wait a few seconds; if it remains, stop it: kill ${owner.value.pid}`
        } satisfies Check
      ]
    const file = join(dataDir, "log.db")
    const version = existsSync(file) ? yield* Migrations.versionOf(file) : 0
    if (version > 0 && version < Migrations.latest())
      return [
        {
          name: "log",
          status: "note",
          found: `schema version ${version}, of an older program`,
          fix: `The next start copies the log and migrates it to version ${Migrations.latest()}: millrace serve`
        } satisfies Check
      ]
    const kept = yield* history(dataDir)
    if (kept.some(({ status }) => status === "wrong")) return kept
    if (!existsSync(file)) return [{ name: "log", status: "ok", found: "created at the first start" } satisfies Check]
    const inspection = yield* Effect.either(LogInspection.inspect(file))
    if (Either.isLeft(inspection)) return [wrongLog(inspection.left.message)]
    const { freeBytes, head, lastAt, retainedFrom } = inspection.right
    const { bavail, blocks, bsize } = yield* Effect.promise(() => statfs(dataDir))
    const left = (yield* AgentProcesses.list(dataDir)).filter(({ alive }) => alive)
    const one = (name: string, value: number, labels = {}): Findings.Series => ({ name, labels, value })
    const series = [
      one("millrace_log_file_bytes", statSync(file).size, { file: "log" }),
      one("millrace_log_retained_from", retainedFrom),
      one("millrace_log_free_bytes", freeBytes),
      ...(maxLogBytes === undefined ? [] : [one("millrace_log_max_bytes", maxLogBytes)]),
      one("millrace_disk_free_bytes", bavail * bsize),
      one("millrace_disk_size_bytes", blocks * bsize),
      one("millrace_provider_processes", left.length, { provider: "orphan" })
    ]
    const now = yield* Clock.currentTimeMillis
    const log: Check = { name: "log", status: "ok", found: `${head} events` }
    return [log, ...kept, ...Findings.of({ running: false, now, lastEventAt: millisOf(lastAt), series })]
  })
