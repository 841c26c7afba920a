/** A host inside this process, for a command that finds no running server. This module is loaded only in that case. */
import { Context, Effect, Layer, type Scope } from "effect"
import * as Host from "@millrace/host/Host"
import * as ConfigurationFile from "../config/ConfigurationFile.ts"
import { type CliFailure, fromError } from "../Failure.ts"

/** Time limit for agents to end when the command ends. */
const deadline = "5 seconds"

/** The host lives as long as the scope. At its end running turns are interrupted and recorded as interrupted. */
export const embed = (dataDir: string): Effect.Effect<Host.Host["Type"], CliFailure, Scope.Scope> =>
  Effect.gen(function* () {
    const { configuration } = yield* ConfigurationFile.load(dataDir)
    const options = { dataDir, ...ConfigurationFile.hostOptions(configuration), engine: { approve: configuration.approve } }
    const host = Context.get(yield* Effect.mapError(Layer.build(Host.layer(options)), fromError), Host.Host)
    yield* Effect.addFinalizer(() =>
      host.beginShutdown({ deadline, mode: "now" }).pipe(
        Effect.flatMap(host.finishShutdown),
        Effect.catchAll(({ message }) => Effect.logWarning(message))
      )
    )
    return host
  })
