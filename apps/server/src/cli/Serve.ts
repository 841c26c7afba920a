/** `millrace serve`: its flags. The program itself is loaded when it is started (ServeProgram.ts). */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { Effect } from "effect"
import * as Flags from "./Flags.ts"

const descriptor = (name: string, what: string) =>
  Flags.integer(name, { min: 0, max: 1_000_000 }).pipe(Options.withDescription(what), Options.optional)

export const command = Command.make(
  "serve",
  {
    host: Flags.host,
    port: Flags.port,
    data: Flags.data,
    noAuth: Options.boolean("no-auth").pipe(
      Options.withDescription("Ask nobody for a token. Only on this machine's own addresses.")
    ),
    allowHost: Options.text("allow-host").pipe(
      Options.withPseudoName("NAME"),
      Options.withDescription("One more name this server is reached by, such as that of a proxy. May be repeated."),
      Options.repeated
    ),
    open: Options.boolean("open").pipe(Options.withDescription("Open the pairing link in a browser.")),
    readyFd: descriptor("ready-fd", "Write one JSON line {url, token, pid, dataDir} to this descriptor when ready."),
    parentFd: descriptor("parent-fd", "End in order when this descriptor reaches its end: the parent is gone.")
  },
  ({ allowHost, data, host, noAuth, open, parentFd, port, readyFd }) =>
    Effect.gen(function* () {
      const { serve } = yield* Effect.promise(() => import("./ServeProgram.ts"))
      yield* serve({
        host,
        port,
        dataDir: data,
        auth: !noAuth,
        allowedHosts: allowHost,
        open,
        readyFd: Flags.orUndefined(readyFd),
        parentFd: Flags.orUndefined(parentFd)
      })
    })
).pipe(
  Command.withDescription(
    "Start the server; prints one line with its URL and a link that pairs a browser, once, when it is ready."
  )
)
