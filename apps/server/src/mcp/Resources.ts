/** `millrace://threads/ID`: a thread as a resource. A subscriber gets a notification when the thread has new events, at most one each second. */
import { Effect, Schema, Stream } from "effect"
import { ThreadId, threadStream } from "@millrace/contracts/Ids"
import { EventLog } from "@millrace/log/EventLog"

const prefix = "millrace://threads/"
export const template = {
  uriTemplate: `${prefix}{threadId}`,
  name: "thread",
  description: "A thread: its state and its latest items.",
  mimeType: "application/json"
}

/** Minimum time between two notifications about a thread. */
const pace = "1 second"

export const uriOf = (threadId: ThreadId): string => `${prefix}${threadId}`

const isThreadId = Schema.is(ThreadId)

/** The thread that a URI names; `undefined`: it names none. */
export const threadIdOf = (uri: string): ThreadId | undefined => {
  const id = uri.startsWith(prefix) ? uri.slice(prefix.length) : ""
  return isThreadId(id) ? id : undefined
}

/** Runs `notify` after new events of the thread, until it is interrupted or the log cannot be read. */
export const follow = Effect.map(
  EventLog,
  (log) =>
    (threadId: ThreadId, notify: Effect.Effect<void>): Effect.Effect<void> =>
      Effect.flatMap(log.head, (after) =>
        log.follow({ after, stream: threadStream(threadId) }).pipe(
          Stream.filter(({ events }) => events.length > 0),
          Stream.runForEach(() => Effect.zipRight(notify, Effect.sleep(pace))),
          Effect.ignore
        )
      )
)
