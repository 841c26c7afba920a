/** The order of a thread's queued turns, folded from events. */
import type { DataOf, DomainEvent } from "@millrace/contracts/Event"
import type { TurnId } from "@millrace/contracts/Ids"

/** Where a requested turn enters the queue. In a log of an older version the turn's strategy decides. */
export const positionOf = ({ position, strategy }: DataOf<"turn.requested">): "front" | "back" =>
  position ?? (strategy === "interrupt" || strategy === "steer" ? "front" : "back")

/**
 * The queue after an event of the thread. Returns the same value if the event does not change it. `idOf` reads the turn id of an entry. `entry` makes the
 * entry of a turn that this event queues, or none.
 */
export const apply = <A>(
  queue: ReadonlyArray<A>,
  event: DomainEvent,
  idOf: (entry: A) => TurnId,
  entry: (turnId: TurnId) => ReadonlyArray<A>
): ReadonlyArray<A> => {
  switch (event.type) {
    case "turn.requested": {
      const added = entry(event.data.turnId)
      return positionOf(event.data) === "front" ? [...added, ...queue] : [...queue, ...added]
    }
    case "turn.requeued":
      return [...entry(event.data.turnId), ...queue]
    case "turn.dispatched":
    case "turn.completed":
    case "turn.interrupted":
    case "turn.failed": {
      const { turnId } = event.data
      return queue.some((each) => idOf(each) === turnId) ? queue.filter((each) => idOf(each) !== turnId) : queue
    }
    case "queue.reordered": {
      const place = new Map(event.data.turnIds.map((turnId, at) => [turnId, at]))
      const at = (each: A) => place.get(idOf(each)) ?? queue.length
      return queue.toSorted((a, b) => at(a) - at(b))
    }
    default:
      return queue
  }
}
