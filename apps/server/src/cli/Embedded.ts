/** A host inside this process, for a command that finds no running server. Loaded only then. */
import { Effect, type Scope } from "effect"
import type { Millrace } from "@millrace/contracts/Millrace"
import { type CliFailure, failed } from "./Failure.ts"

export const embed = (dataDir: string): Effect.Effect<Millrace, CliFailure, Scope.Scope> =>
  Effect.fail(failed(`No server is running for ${dataDir}, and the embedded host is not there yet`))
