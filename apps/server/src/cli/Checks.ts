/** The checks of `millrace doctor`. Each is bounded in time, never fails, and changes nothing but a file of its own that it removes. */
import { accessSync, constants, existsSync, mkdtempSync, rmSync, statSync } from "node:fs"
import { statfs } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { Effect, Option, type Scope } from "effect"
import type { ProviderStatus } from "@millrace/contracts/State"
import { words } from "../Thrown.ts"
import * as Connect from "./Connect.ts"
import * as Discovery from "./Discovery.ts"
import type { Output } from "./Output.ts"

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
  readonly port: number
}

const node: Check = (() => {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
  const found = `${process.version}, ${process.platform} ${process.arch}`
  return major > 20 || (major === 20 && minor >= 19)
    ? { name: "node", status: "ok", found }
    : { name: "node", status: "wrong", found, fix: "Install Node 20.19 or newer." }
})()

/** The nearest directory that is there. */
const nearest = (path: string): string => (existsSync(path) || dirname(path) === path ? path : nearest(dirname(path)))

const directory = (dataDir: string): Check => {
  const name = "data directory"
  const fix = `Make it yours and writable (chown, chmod u+rwx), or choose another with --data or MILLRACE_DATA.`
  const there = nearest(dataDir)
  try {
    const stat = statSync(there)
    if (!stat.isDirectory()) return { name, status: "wrong", found: `${there} is not a directory`, fix }
    accessSync(there, constants.R_OK | constants.W_OK | constants.X_OK)
    if (there !== dataDir) return { name, status: "ok", found: `${dataDir} (made at the first start)` }
    const uid = process.getuid?.()
    if (uid !== undefined && stat.uid !== uid)
      return { name, status: "note", found: `${dataDir} belongs to user ${stat.uid}, not to you (${uid})`, fix }
    return { name, status: "ok", found: dataDir }
  } catch (cause) {
    return { name, status: "wrong", found: `${dataDir}: ${words(cause)}`, fix }
  }
}

const disk = (dataDir: string): Effect.Effect<Check> =>
  Effect.promise(() => statfs(nearest(dataDir))).pipe(
    Effect.map((stats): Check => {
      const mebibytes = Math.floor((stats.bavail * stats.bsize) / 1_048_576)
      const found = `${mebibytes >= 10_240 ? `${Math.floor(mebibytes / 1_024)} GiB` : `${mebibytes} MiB`} free`
      const fix = "Free some space, or move the data directory."
      return mebibytes < 100
        ? { name: "disk", status: "wrong", found, fix }
        : mebibytes < 1_024
          ? { name: "disk", status: "note", found, fix }
          : { name: "disk", status: "ok", found }
    }),
    Effect.catchAllDefect((cause) => Effect.succeed<Check>({ name: "disk", status: "note", found: words(cause) }))
  )

const sqlite: Effect.Effect<Check> = Effect.promise(async (): Promise<Check> => {
  try {
    const { default: Database } = await import("better-sqlite3")
    const database = new Database(":memory:")
    const version: unknown = database.prepare("select sqlite_version()").pluck().get()
    database.close()
    return { name: "sqlite", status: "ok", found: String(version) }
  } catch (cause) {
    return {
      name: "sqlite",
      status: "wrong",
      found: words(cause).split("\n")[0] ?? "",
      fix: "Install again with this Node version: the database driver is native (npx pnpm@10.34.9 install --force)."
    }
  }
})

const port = ({ host, port }: Where, server: Option.Option<Discovery.Found>): Effect.Effect<Check> =>
  Effect.async((resume) => {
    const name = "port"
    const done = (check: Check) => resume(Effect.succeed(check))
    if (port === 0) return done({ name, status: "ok", found: "any free one" })
    if (Option.exists(server, ({ url }) => new URL(url).port === String(port)))
      return done({ name, status: "ok", found: `${port} is this data directory's server` })
    const probe = createServer()
    probe.once("error", (cause: NodeJS.ErrnoException) =>
      done({
        name,
        status: "wrong",
        found:
          cause.code === "EADDRINUSE" ? `${port} on ${host} is taken by another program` : `${port} on ${host}: ${cause.message}`,
        fix: "Choose another with --port (0 picks a free one), or end that program."
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

/** Where the service can be asked without leaving anything behind: a directory without a log stays as it is. */
const asked = (dataDir: string): Effect.Effect<string, never, Scope.Scope> =>
  existsSync(join(dataDir, "log.db"))
    ? Effect.succeed(dataDir)
    : Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "millrace-doctor-"))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
      )

const wrongLog = (found: string): ReadonlyArray<Check> => [
  { name: "log", status: "wrong", found, fix: "Until that is mended no server can run with this data directory." }
]

/** What the service itself says: the log's head and the agents. */
const service = ({ dataDir }: Where): Effect.Effect<ReadonlyArray<Check>, never, Output> =>
  Effect.gen(function* () {
    const place = yield* asked(dataDir)
    const { millrace } = yield* Connect.any({ dataDir: place, url: undefined })
    const snapshot = yield* millrace.state
    const found = place === dataDir ? `${snapshot.offset} events, epoch ${snapshot.logEpoch}` : "made at the first start"
    const agents = (yield* millrace.providers).map(agent)
    return [{ name: "log", status: "ok", found } satisfies Check, ...agents]
  }).pipe(
    Effect.scoped,
    Effect.timeoutTo({
      duration: "20 seconds",
      onSuccess: (checks): ReadonlyArray<Check> => checks,
      onTimeout: () => wrongLog("no answer within 20 s")
    }),
    Effect.catchAll((error) => Effect.succeed(wrongLog(error.message)))
  )

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
    const basics = [node, driver, place, yield* disk(where.dataDir), yield* port(where, server), running]
    return driver.status === "wrong" || place.status === "wrong" ? basics : [...basics, ...(yield* service(where))]
  })
