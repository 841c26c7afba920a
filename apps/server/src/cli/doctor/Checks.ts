/** The checks of `millrace doctor`. None fails, and none changes anything except a temporary directory that it removes. */
import { Effect, Option, type Scope } from "effect"
import * as Discovery from "../client/Discovery.ts"
import type { Output } from "../Output.ts"
import { agents } from "./AgentChecks.ts"
import type { Check, Where } from "./Check.ts"
import { ofDirectory } from "./DirectoryChecks.ts"
import * as Machine from "./MachineChecks.ts"
import { ofServer } from "./ServerChecks.ts"

/** The checks with a time limit. An error or a timeout becomes a check with this name. */
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

/** All checks in display order: this machine, the server, the log and its metrics, the agents. */
export const all = (where: Where): Effect.Effect<ReadonlyArray<Check>, never, Output> =>
  Effect.gen(function* () {
    const server = yield* Discovery.find(where.dataDir)
    const running: Check = Option.match(server, {
      onNone: () => ({
        name: "server",
        status: "note",
        found: "no server runs for this data directory",
        fix: "Start one: millrace serve"
      }),
      onSome: ({ pid, url }) => ({ name: "server", status: "ok", found: `${url}, pid ${pid}` })
    })
    const directory = Machine.directory(where.dataDir)
    const driver = yield* Machine.sqlite
    const machine = [
      Machine.node,
      driver,
      directory,
      yield* Machine.disk(where.dataDir),
      yield* Machine.port(where, server),
      running
    ]
    if (driver.status === "wrong" || directory.status === "wrong") return machine
    const basics = [...machine, yield* Machine.access(where.dataDir)]
    if (Option.isSome(server)) return [...basics, ...(yield* bounded(ofServer(server.value, where), "log"))]
    return [...basics, ...(yield* bounded(ofDirectory(where), "log")), ...(yield* bounded(agents, "agents"))]
  })
