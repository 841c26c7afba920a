/** The checks of this machine: Node, SQLite, the data directory, the access tokens, the disk and the port. They change nothing. */
import { accessSync, constants, existsSync, statSync } from "node:fs"
import { statfs } from "node:fs/promises"
import { createServer } from "node:net"
import { dirname } from "node:path"
import { Effect, Option } from "effect"
import * as Tokens from "../../auth/Tokens.ts"
import { messageOf } from "../../NodeError.ts"
import * as Discovery from "../client/Discovery.ts"
import { mebi, plural, size } from "../terminal/Amounts.ts"
import type { Check, Where } from "./Check.ts"

/** The version of Node. */
export const node: Check = (() => {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
  const found = `${process.version}, ${process.platform} ${process.arch}`
  return major > 20 || (major === 20 && minor >= 19)
    ? { name: "node", status: "ok", found }
    : { name: "node", status: "wrong", found, fix: "Install Node 20.19 or newer." }
})()

/** The path itself or its nearest ancestor that exists. */
const nearest = (path: string): string => (existsSync(path) || dirname(path) === path ? path : nearest(dirname(path)))

/** Access to the data directory, or to the directory in which it will be created. */
export const directory = (dataDir: string): Check => {
  const name = "data directory"
  const fix = `Take ownership and give yourself access (chown, chmod u+rwx), or choose another directory with --data or MILLRACE_DATA.`
  const existing = nearest(dataDir)
  try {
    const stat = statSync(existing)
    if (!stat.isDirectory()) return { name, status: "wrong", found: `${existing} is not a directory`, fix }
    accessSync(existing, constants.R_OK | constants.W_OK | constants.X_OK)
    if (existing !== dataDir) return { name, status: "ok", found: `${dataDir} (created at the first start)` }
    const uid = process.getuid?.()
    if (uid !== undefined && stat.uid !== uid)
      return { name, status: "note", found: `${dataDir} belongs to user ${stat.uid}, not to you (${uid})`, fix }
    return { name, status: "ok", found: dataDir }
  } catch (cause) {
    return { name, status: "wrong", found: `${dataDir}: ${messageOf(cause)}`, fix }
  }
}

/** Checks the file of access tokens. A server that cannot read it does not start. */
export const access = (dataDir: string): Effect.Effect<Check> =>
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
      fix: "Make it a regular file that you can read and write, or move it away. Without it every client is rejected until you create new tokens."
    })
  })

/** Free space of the disk. */
export const disk = (dataDir: string): Effect.Effect<Check> =>
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

/** Whether the SQLite driver loads. */
export const sqlite: Effect.Effect<Check> = Effect.promise(async (): Promise<Check> => {
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

/** Whether the server can listen on its port. */
export const port = ({ host, port: configured, portFlag }: Where, server: Option.Option<Discovery.Found>): Effect.Effect<Check> =>
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
