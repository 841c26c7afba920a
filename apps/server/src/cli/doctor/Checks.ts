/** The checks of `millrace doctor`. None fails, and none changes anything except a temporary directory that it removes. */
import { accessSync, constants, existsSync, mkdtempSync, rmSync, statSync } from "node:fs"
import { statfs } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { Clock, Effect, Either, Option, Schema, type Scope } from "effect"
import { Ready } from "@millrace/contracts/Ready"
import type { ProviderStatus } from "@millrace/contracts/State"
import * as DataDirectory from "@millrace/log/DataDirectory"
import * as RewindHistory from "@millrace/log/RewindHistory"
import * as Migrations from "@millrace/log/Migrations"
import * as LogInspection from "@millrace/log/LogInspection"
import * as Tokens from "../../auth/Tokens.ts"
import { messageOf } from "../../NodeError.ts"
import { mebi, plural, size } from "../terminal/Amounts.ts"
import * as AgentProcesses from "../../AgentProcesses.ts"
import * as Connect from "../client/Connect.ts"
import * as Discovery from "../client/Discovery.ts"
import { failed } from "../Failure.ts"
import * as Findings from "./Findings.ts"
import type { Output } from "../Output.ts"

export interface Check {
  readonly name: string
  /** `note`: works, but a person may want to know. */
  readonly status: "ok" | "note" | "wrong"
  readonly found: string
  readonly fix?: string
}

interface Where {
  readonly dataDir: string
  readonly host: string
  /** The port of the configuration. */
  readonly port: number
  /** The configured bound of the log's file. */
  readonly maxLogBytes: number | undefined
  /** The port to check if it is not the running server's. */
  readonly portFlag: number | undefined
}

const node: Check = (() => {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
  const found = `${process.version}, ${process.platform} ${process.arch}`
  return major > 20 || (major === 20 && minor >= 19)
    ? { name: "node", status: "ok", found }
    : { name: "node", status: "wrong", found, fix: "Install Node 20.19 or newer." }
})()

/** The path itself or its nearest ancestor that exists. */
const nearest = (path: string): string => (existsSync(path) || dirname(path) === path ? path : nearest(dirname(path)))

const directory = (dataDir: string): Check => {
  const name = "data directory"
  const fix = `Take ownership and give yourself access (chown, chmod u+rwx), or choose another directory with --data or MILLRACE_DATA.`
  const there = nearest(dataDir)
  try {
    const stat = statSync(there)
    if (!stat.isDirectory()) return { name, status: "wrong", found: `${there} is not a directory`, fix }
    accessSync(there, constants.R_OK | constants.W_OK | constants.X_OK)
    if (there !== dataDir) return { name, status: "ok", found: `${dataDir} (created at the first start)` }
    const uid = process.getuid?.()
    if (uid !== undefined && stat.uid !== uid)
      return { name, status: "note", found: `${dataDir} belongs to user ${stat.uid}, not to you (${uid})`, fix }
    return { name, status: "ok", found: dataDir }
  } catch (cause) {
    return { name, status: "wrong", found: `${dataDir}: ${messageOf(cause)}`, fix }
  }
}

/** Checks the file of access tokens. A server that cannot read it does not start. */
const access = (dataDir: string): Effect.Effect<Check> =>
  Effect.match(Tokens.list(dataDir), {
    onSuccess: (tokens): Check => ({
      name: "access",
      status: "ok",
      found: plural(
        tokens.filter(({ revokedAt }) => revokedAt === undefined).length,
        "token or paired browser",
        "tokens and paired browsers"
      )
    }),
    onFailure: ({ path, reason }): Check => ({
      name: "access",
      status: "wrong",
      found: `${path}: ${reason}`,
      fix: "Make it a regular file that you can read and write, or move it away. Without it every client is refused until you create new tokens."
    })
  })

const disk = (dataDir: string): Effect.Effect<Check> =>
  Effect.promise(() => statfs(nearest(dataDir))).pipe(
    Effect.map((stats): Check => {
      const free = stats.bavail * stats.bsize
      const found = `${size(free)} free`
      const fix = "Free some space, or move the data directory."
      return free < 100 * mebi
        ? { name: "disk", status: "wrong", found, fix }
        : free < 1_024 * mebi
          ? { name: "disk", status: "note", found, fix }
          : { name: "disk", status: "ok", found }
    }),
    Effect.catchAllDefect((cause) => Effect.succeed<Check>({ name: "disk", status: "note", found: messageOf(cause) }))
  )

const sqlite: Effect.Effect<Check> = Effect.promise(async (): Promise<Check> => {
  try {
    const { default: Database } = await import("@millrace/sqlite-driver")
    const database = new Database(":memory:")
    const version: unknown = database.prepare("select sqlite_version()").pluck().get()
    database.close()
    return { name: "sqlite", status: "ok", found: String(version) }
  } catch (cause) {
    return {
      name: "sqlite",
      status: "wrong",
      found: messageOf(cause).split("\n")[0] ?? "",
      fix: "Use Node 22.13 or newer, which contains SQLite; on Node 20 reinstall to compile the driver: npx pnpm@10.34.9 install --force"
    }
  }
})

const port = ({ host, port: configured, portFlag }: Where, server: Option.Option<Discovery.Found>): Effect.Effect<Check> =>
  Effect.async((resume) => {
    const name = "port"
    const done = (check: Check) => resume(Effect.succeed(check))
    const used = Option.map(server, ({ url }) => Discovery.portOf(url))
    const port = portFlag ?? Option.getOrElse(used, () => configured)
    if (port === 0) return done({ name, status: "ok", found: "any free port" })
    if (Option.contains(used, port))
      return done({ name, status: "ok", found: `${port} is in use by this data directory's server` })
    const probe = createServer()
    probe.once("error", (cause: NodeJS.ErrnoException) =>
      done({
        name,
        status: "wrong",
        found:
          cause.code === "EADDRINUSE" ? `${port} on ${host} is taken by another program` : `${port} on ${host}: ${cause.message}`,
        fix: "Choose another port with --port (0 picks a free one), or stop that program."
      })
    )
    probe.listen(port, host, () => probe.close(() => done({ name, status: "ok", found: `${port} on ${host} is free` })))
  })

const agent = (provider: ProviderStatus): Check => {
  const name = `agent ${provider.provider}`
  const version = provider.version ?? ""
  if (provider.installed && provider.signedIn !== "no") return { name, status: "ok", found: version === "" ? "ready" : version }
  const found = provider.installed ? `${version} not signed in` : "not installed"
  return provider.fix === undefined ? { name, status: "note", found } : { name, status: "note", found, fix: provider.fix }
}

const wrongLog = (found: string): Check => ({
  name: "log",
  status: "wrong",
  found,
  fix: "No server can start on this data directory until this is fixed. See: millrace verify"
})

const bounded = (checks: Effect.Effect<ReadonlyArray<Check>, { readonly message: string }, Output | Scope.Scope>, name: string) =>
  checks.pipe(
    Effect.scoped,
    Effect.timeoutTo({
      duration: "20 seconds",
      onSuccess: (found): ReadonlyArray<Check> => found,
      onTimeout: (): ReadonlyArray<Check> => [
        {
          name,
          status: "wrong",
          found: "no answer within 20 s",
          fix: "If this persists, stop the server (a second SIGTERM forces it) and start it again."
        }
      ]
    }),
    Effect.catchAll(({ message }): Effect.Effect<ReadonlyArray<Check>> =>
      Effect.succeed([{ name, status: "wrong", found: message }])
    )
  )

const textOf = ({ token, url }: Discovery.Found, path: string) =>
  Effect.tryPromise({
    try: async (signal) => {
      const response = await fetch(`${url}${path}`, {
        signal,
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` }
      })
      if (!response.ok) throw new Error(`${path} answers ${response.status}`)
      return response.text()
    },
    catch: (cause) => failed(messageOf(cause))
  })

const millisOf = (at: string | undefined) => (at === undefined || Number.isNaN(Date.parse(at)) ? undefined : Date.parse(at))

/** Whether the log lost acknowledged events, and the last rewind that it recorded. No check when there is no log yet. */
const history = (dataDir: string): Effect.Effect<ReadonlyArray<Check>> => {
  const name = "history"
  const file = join(dataDir, "log.db")
  const isMissing = !existsSync(file)
  if (isMissing && !existsSync(join(dataDir, "anchor"))) return Effect.succeed([])
  if (isMissing)
    return Effect.succeed([
      {
        name,
        status: "wrong",
        found: `${file} is missing, but its anchor exists`,
        fix: "Restore a backup before the next start."
      }
    ])
  return RewindHistory.evidence(join(dataDir, "anchor"), file).pipe(
    Effect.flatMap((evidence) => RewindHistory.inspect(evidence, file)),
    Effect.match({
      onFailure: ({ message }): ReadonlyArray<Check> => [{ name, status: "wrong", found: message }],
      onSuccess: ({ contradiction, rewinds: [last] }): ReadonlyArray<Check> => {
        if (contradiction !== undefined)
          return [
            {
              name,
              status: "wrong",
              found: contradiction.reason,
              fix: "If you have a newer copy of the data directory, restore it before the next start. Otherwise start the server: the log gets a new epoch."
            }
          ]
        return last === undefined
          ? [{ name, status: "ok", found: "no acknowledged event is missing" }]
          : [
              {
                name,
                status: "note",
                found: `rewound from ${last.data.from} to ${last.data.to} at ${last.at}: ${last.data.reason}`
              }
            ]
      }
    })
  )
}

const decodeReady = Schema.decodeUnknownEither(Schema.parseJson(Ready))

/** The reason that `/ready` reports when the server accepts no commands. */
const readiness = ({ url }: Discovery.Found): Effect.Effect<ReadonlyArray<Check>> =>
  Effect.tryPromise(async (signal) => (await fetch(`${url}/ready`, { signal })).text()).pipe(
    Effect.map((text): ReadonlyArray<Check> => {
      const ready = Either.getOrUndefined(decodeReady(text))
      return ready?.status === "unavailable"
        ? [
            {
              name: "storage",
              status: "wrong",
              found: ready.reason ?? "unavailable",
              fix: "The server accepts no commands until this is fixed."
            }
          ]
        : []
    }),
    // The other checks report a server that does not answer.
    Effect.orElseSucceed((): ReadonlyArray<Check> => [])
  )

/** A proxy in front of the server may answer with any text. */
const readEvents = Schema.decodeUnknownOption(Schema.parseJson(Schema.Array(Schema.Struct({ at: Schema.String }))))

/** The checks of a running server: its log, storage, metrics and agents. */
const ofServer = (found: Discovery.Found, { dataDir }: Where) =>
  Effect.gen(function* () {
    const series = Findings.parse(yield* textOf(found, "/metrics"))
    const { millrace } = yield* Connect.server({ dataDir, url: undefined })
    const { logEpoch, offset } = yield* millrace.state
    const log: Check = { name: "log", status: "ok", found: `${offset} events, epoch ${logEpoch}` }
    const newest = yield* textOf(found, `/api/events?since=${Math.max(0, offset - 1)}&limit=1`)
    const lastEventAt = millisOf(Option.getOrUndefined(readEvents(newest))?.[0]?.at)
    const facts = { running: true, now: yield* Clock.currentTimeMillis, lastEventAt, series }
    const stored = [...(yield* readiness(found)), ...(yield* history(dataDir))]
    return [log, ...stored, ...Findings.of(facts), ...(yield* millrace.providers).map(agent)]
  })

/** The checks without a server. They open nothing for writing, so a check ends no agent and settles no turn. */
const ofDirectory = ({ dataDir, maxLogBytes }: Where) =>
  Effect.gen(function* () {
    const owner = yield* DataDirectory.owner(dataDir)
    if (Option.isSome(owner))
      return [
        {
          name: "log",
          status: "wrong",
          found: `process ${owner.value.pid} has owned it since ${owner.value.since}, but no server answers`,
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
          fix: `The next start copies it and brings it to version ${Migrations.latest()}: millrace serve`
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

/** Probes the agents of this machine with a host embedded over a temporary directory. */
const agents = Effect.gen(function* () {
  const place = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "millrace-doctor-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
  )
  const { millrace } = yield* Connect.serverOrEmbedded({ dataDir: place, url: undefined })
  return (yield* millrace.providers).map(agent)
})

/** All checks in display order: this machine, the server, the log and its metrics, the agents. */
export const all = (where: Where): Effect.Effect<ReadonlyArray<Check>, never, Output> =>
  Effect.gen(function* () {
    const server = yield* Discovery.find(where.dataDir)
    const running: Check = Option.match(server, {
      onNone: () => ({
        name: "server",
        status: "note",
        found: "none is running for this data directory",
        fix: "Start one: millrace serve"
      }),
      onSome: ({ pid, url }) => ({ name: "server", status: "ok", found: `${url}, pid ${pid}` })
    })
    const place = directory(where.dataDir)
    const driver = yield* sqlite
    const machine = [node, driver, place, yield* disk(where.dataDir), yield* port(where, server), running]
    if (driver.status === "wrong" || place.status === "wrong") return machine
    const basics = [...machine, yield* access(where.dataDir)]
    if (Option.isSome(server)) return [...basics, ...(yield* bounded(ofServer(server.value, where), "log"))]
    return [...basics, ...(yield* bounded(ofDirectory(where), "log")), ...(yield* bounded(agents, "agents"))]
  })
