/** The whole server in this process: host, demo agent as a real child, HTTP on a real socket. */
import { join } from "node:path"
import { Context, Effect, Layer, Logger, LogLevel, type Scope } from "effect"
import type { ProviderAdapter } from "@millrace/contracts/ProviderAdapter"
import { EventLog } from "@millrace/log/EventLog"
import * as EventLogSqlite from "@millrace/log/EventLogSqlite"
import * as Host from "@millrace/host/Host"
import { BuiltinMcp } from "@millrace/orchestration/engine/BuiltinMcp"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import * as Tokens from "../../src/auth/Tokens.ts"
import * as SessionTokens from "../../src/mcp/SessionTokens.ts"
import * as Server from "../../src/Server.ts"
import { Service } from "../../src/Service.ts"

export interface Hosted {
  readonly url: string
  readonly token: string
  readonly dataDir: string
  readonly host: Host.Host["Type"]
  readonly log: typeof EventLog.Service
  readonly server: Server.Server["Type"]
  /** Issues tokens of sessions, as the host does. */
  readonly builtin: typeof BuiltinMcp.Service
}

/** Starts a server that ends with the scope, on the directory of an earlier one if given. `adapters`: agents that run in this process. */
export const start = (
  earlier?: Pick<Hosted, "dataDir">,
  adapters?: ReadonlyArray<ProviderAdapter>,
  limits: Host.Limits & Pick<Host.Options, "checkpoints" | "checkpointing"> = {}
): Effect.Effect<Hosted, Error, Scope.Scope> =>
  Effect.gen(function* () {
    const dataDir = earlier?.dataDir ?? (yield* temporaryDirectory)
    const { token } = yield* Tokens.create(dataDir, { name: "test" })
    const real = () =>
      Host.layer({ dataDir, synchronous: "NORMAL", providers: { codex: false, claude: false, acp: false }, ...limits })
    const scripted = (agents: ReadonlyArray<ProviderAdapter>) =>
      Host.layerMemory({
        adapters: agents,
        directories: [dataDir],
        store: Layer.orDie(EventLogSqlite.layer({ file: join(dataDir, "log.sqlite"), synchronous: "NORMAL" }))
      })
    const app = Server.layer({ host: "127.0.0.1", port: 0, auth: true, dataDir, grace: "500 millis" }).pipe(
      Layer.provideMerge(
        Layer.map(Layer.service(Host.Host), (context) => Context.make(Service, Context.get(context, Host.Host)))
      ),
      Layer.provideMerge(adapters === undefined ? real() : scripted(adapters)),
      Layer.provideMerge(SessionTokens.layer),
      Layer.provide(Logger.minimumLogLevel(LogLevel.None))
    )
    const context = yield* Layer.build(app)
    const server = Context.get(context, Server.Server)
    return {
      url: server.url,
      token,
      dataDir,
      host: Context.get(context, Host.Host),
      log: Context.get(context, EventLog),
      server,
      builtin: Context.get(context, BuiltinMcp)
    }
  })
