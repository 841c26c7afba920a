/**
 * A testing aid (docs/testing.md): with `MILLRACE_FAILPOINT=POINT` or `POINT:N` the server sends itself SIGKILL when it reaches that point for
 * the Nth time. With `never-down:SECONDS` its last finalizer never ends, and the process is ended by force after that many seconds. Read once, at
 * start; without it the host has no fail points.
 */
import { points, type OnFailPoint } from "@millrace/host/FailPoints"
import { Duration, Effect } from "effect"
import { type CliFailure, usage } from "../Failure.ts"

export type FailPoint =
  | { readonly _tag: "kill"; readonly onStep: OnFailPoint }
  | { readonly _tag: "never-down"; readonly leaveAfter: Duration.Duration }

const neverDown = "never-down"

export const fromEnvironment: Effect.Effect<FailPoint | undefined, CliFailure> = Effect.gen(function* () {
  const given = process.env["MILLRACE_FAILPOINT"]
  if (given === undefined || given === "") return undefined
  const [name, times = "1"] = given.split(":")
  let left = Number(times)
  const point = points.find((one) => one === name)
  if ((point === undefined && name !== neverDown) || !Number.isSafeInteger(left) || left < 1)
    return yield* usage(
      `MILLRACE_FAILPOINT: expected POINT, POINT:N or ${neverDown}:SECONDS, got ${JSON.stringify(given)}. Points: ${points.join(", ")}`
    )
  if (point === undefined) return { _tag: "never-down", leaveAfter: Duration.seconds(left) }
  const onStep: OnFailPoint = (at) => {
    if (at === point && --left === 0) process.kill(process.pid, "SIGKILL")
  }
  return { _tag: "kill", onStep }
})
