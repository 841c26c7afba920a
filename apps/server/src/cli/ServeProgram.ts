import { Effect } from "effect"
import { type CliFailure, failed } from "./Failure.ts"

export interface Options {
  readonly host: string
  readonly port: number
  readonly dataDir: string
  readonly auth: boolean
  readonly allowedHosts: ReadonlyArray<string>
  readonly open: boolean
  readonly readyFd: number | undefined
  readonly parentFd: number | undefined
}
export const serve = (_: Options): Effect.Effect<void, CliFailure> => Effect.fail(failed("not yet"))
