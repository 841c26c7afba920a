/** `millrace serve` as a child process, ready and on loopback. */
import { Data, Effect, type Scope } from "effect"
import * as Program from "./Program.ts"

export { temporaryDirectory } from "./TemporaryDirectory.ts"

export interface Ready {
  readonly url: string
  readonly token: string
  readonly pid: number
  readonly dataDir: string
}

export interface ServerProcess extends Ready {
  readonly ended: Effect.Effect<Program.Ended>
  /** Sends the signal to the server's process only, as `kill -SIGNAL PID` does. */
  readonly kill: (signal: NodeJS.Signals) => Effect.Effect<void>
}

export class NotReady extends Data.TaggedError("NotReady")<Program.Ended> {
  override get message() {
    return `the server ended before it was ready (code ${this.code}, signal ${this.signal}): ${this.stderr}${this.stdout}`
  }
}

/** Starts a server and waits until it reports that it is ready. When the scope closes, it kills the server if it still runs. */
export const serve = (options: {
  readonly dataDir: string
  /** Default 0, which picks a free port. */
  readonly port?: string
  readonly args?: ReadonlyArray<string>
  readonly env?: Readonly<Record<string, string>>
  /** Working directory. Default: that of `Program`. */
  readonly cwd?: string
}): Effect.Effect<ServerProcess, NotReady, Scope.Scope> =>
  Effect.gen(function* () {
    const args = ["--port", options.port ?? "0", "--data", options.dataDir, "--ready-fd", "3", ...(options.args ?? [])]
    const server = yield* Program.start(["serve", ...args], {
      descriptors: true,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.env === undefined ? {} : { env: options.env })
    })
    // The last characters of the one line on descriptor 3.
    yield* server.until('"}\n')
    const { extra } = server.so()
    if (extra === "") return yield* new NotReady(yield* server.ended)
    return { ...(JSON.parse(extra) as Ready), ended: server.ended, kill: server.kill }
  })
