/** Removes the checkpoints of turns whose events retention has removed (L17). The person's repository then no longer keeps their commits. */
import { EventLog } from "@millrace/log/EventLog"
import { Checkpoints } from "@millrace/workspace/Checkpoints"
import { Duration, Effect } from "effect"

/** The event of a checkpoint is at most this much later than the checkpoint. */
const margin = Duration.toMillis("10 minutes")

const timeOf = (json: string): number => Date.parse((JSON.parse(json) as { readonly at: string }).at)

/** Runs once for each time that retention has removed events since the last run. Returns an effect that runs it. */
export const make = Effect.gen(function* () {
  const log = yield* EventLog
  const checkpoints = yield* Checkpoints
  let done = 0
  return Effect.gen(function* () {
    const retainedFrom = yield* log.retainedFrom
    if (retainedFrom === done) return
    const { events } = yield* log.read({ after: retainedFrom, limit: 1 })
    const [oldest] = events
    if (oldest === undefined) return
    const before = timeOf(oldest.json) - margin
    for (const threadId of yield* checkpoints.threads) yield* checkpoints.expire(threadId, before)
    done = retainedFrom
  }).pipe(
    // A damaged event is a defect: the next run tries again, as after any failure.
    Effect.catchAllCause((cause) =>
      Effect.logWarning("Checkpoints that retention no longer keeps could not be removed. The removal is tried again", cause)
    ),
    Effect.withSpan("CheckpointExpiry.run")
  )
})
