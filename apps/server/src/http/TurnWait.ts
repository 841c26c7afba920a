/**
 * `GET /api/turns/ID?wait=SECONDS`: the view of a turn. With `wait` the answer comes when the turn has ended or the time has passed. After each wake-up the
 * handler reads the state again (D13). A disconnect interrupts the wait. A drain ends it with the present view.
 */
import { Effect } from "effect"
import { NotFound } from "@millrace/contracts/Errors"
import { threadStream, type TurnId } from "@millrace/contracts/Ids"
import { EventLog } from "@millrace/log/EventLog"
import * as Query from "@millrace/log/Query"
import { storageUnavailable } from "@millrace/log/StorageError"
import * as Collections from "@millrace/orchestration/readmodel/Collections"
import { outcomeOf, outcomeParts } from "@millrace/orchestration/readmodel/TurnEnd"
import { Session, stillValid } from "../auth/Session.ts"
import { SubscriberScheduler } from "../subscriptions/SubscriberScheduler.ts"
import * as Subscribers from "../subscriptions/Subscribers.ts"

const maxWaitSeconds = 60

const noTurn = (id: TurnId) =>
  new NotFound({ what: "turn", id, message: "There is no such turn, or its thread was deleted. Read /api/threads/ID/turns." })

/** Returns the handler. `wait`: seconds, limited to 60. With `untilAsked` the wait also ends when the turn begins to wait for a person. */
export const make = Effect.gen(function* () {
  const log = yield* EventLog
  const scheduler = yield* SubscriberScheduler
  const registry = yield* Subscribers.Registry
  const query = <R extends Query.Request>(request: R) => Effect.mapError(log.query(request), storageUnavailable)

  return Effect.fnUntraced(function* (turnId: TurnId, wait: number, untilAsked = false) {
    const session = yield* Session
    const known = (yield* query({ turn: Query.row(Collections.turn, turnId) })).turn
    if (known === undefined) return yield* noTurn(turnId)
    const { threadId } = known.value
    const read = Effect.flatMap(query(outcomeParts({ turnId })), (found) =>
      found.turn === undefined
        ? noTurn(turnId)
        : Effect.succeed({ head: found.head, turn: found.turn.value, hasEnded: outcomeOf(found) !== undefined })
    )
    let latest = yield* read
    let wasWaiting = latest.turn.status === "waiting"
    const isOver = () => latest.hasEnded || (untilAsked && !wasWaiting && latest.turn.status === "waiting")
    const waiting = Effect.gen(function* () {
      while (!isOver() && !scheduler.closing()) {
        yield* scheduler.awaitBeyond(latest.head, threadStream(threadId))
        yield* stillValid(session)
        latest = yield* read
        wasWaiting &&= latest.turn.status === "waiting"
      }
    })
    if (wait > 0) {
      const subscriber = Subscribers.subscriber("long-poll", session.actor, latest.head)
      subscriber.waiting = true
      yield* Effect.timeoutOption(waiting, `${Math.min(wait, maxWaitSeconds)} seconds`).pipe(
        Subscribers.during(registry, subscriber)
      )
    }
    return latest.turn
  })
})
