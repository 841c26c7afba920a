/**
 * A testing aid (docs/testing.md): with `MILLRACE_FAILPOINT=POINT` or `POINT:N` the server sends itself SIGKILL when it is at that point for
 * the Nth time. Looked at once, at start; without it the host has no points in it.
 */
import { points, type OnStep } from "@millrace/host/Steps"
import { Effect } from "effect"
import { type CliFailure, usage } from "./Failure.ts"

export const fromEnvironment: Effect.Effect<OnStep | undefined, CliFailure> = Effect.gen(function* () {
  const given = process.env["MILLRACE_FAILPOINT"]
  if (given === undefined || given === "") return undefined
  const [name, times = "1"] = given.split(":")
  let left = Number(times)
  const point = points.find((one) => one === name)
  if (point === undefined || !Number.isSafeInteger(left) || left < 1)
    return yield* usage(
      `MILLRACE_FAILPOINT: expected POINT or POINT:N, got ${JSON.stringify(given)}. Points: ${points.join(", ")}`
    )
  return (at) => {
    if (at === point && --left === 0) process.kill(process.pid, "SIGKILL")
  }
})
