/** What a session sees: every thread, or with the token of a thread's session the thread and the threads below it. */
import { Effect } from "effect"
import { CommandRejected, NotFound, type StorageUnavailable } from "@millrace/contracts/Errors"
import type { RequestId, ThreadId } from "@millrace/contracts/Ids"
import type { Session } from "../auth/Session.ts"
import type { Service } from "../Service.ts"

/** The threads that the session sees; `undefined`: all. */
export const threadsOf = (
  service: Service["Type"],
  { thread }: Session["Type"]
): Effect.Effect<ReadonlySet<ThreadId> | undefined, StorageUnavailable> =>
  thread === undefined
    ? Effect.succeed(undefined)
    : Effect.map(service.descendants(thread), (below) => new Set([thread, ...below]))

/** Fails if the session does not see the thread. */
export const check = (service: Service["Type"], session: Session["Type"], threadId: ThreadId) =>
  Effect.flatMap(threadsOf(service, session), (seen) =>
    seen === undefined || seen.has(threadId)
      ? Effect.void
      : new NotFound({
          what: "thread",
          id: threadId,
          message: `This session sees its own thread, ${session.thread}, and the threads that were created below it. List them with thread_list.`
        })
  )

const onlyPersons = (id: string) =>
  new CommandRejected({
    rule: "WiderThanParent",
    id,
    message:
      "A person answers this request. An agent answers questions of the threads below its own, and approvals only with full-access."
  })

/** Fails if the session may not answer the request: an approval is an act of a person, which an agent must not take over for its children. */
export const checkAnswer = (service: Service["Type"], session: Session["Type"], requestId: RequestId) =>
  Effect.gen(function* () {
    const own = session.thread
    if (own === undefined) return
    const request = (yield* service.requests).find((one) => one.requestId === requestId)
    if (request === undefined)
      return yield* new NotFound({
        what: "request",
        id: requestId,
        message: "There is no such open request in the threads of this session."
      })
    yield* check(service, session, request.threadId)
    if (request.threadId === own) return yield* onlyPersons(requestId)
    if (request.ask.kind === "question") return
    const { effective, permissionMode } = yield* service.thread(own)
    if ((effective?.permissionMode ?? permissionMode) !== "full-access") return yield* onlyPersons(requestId)
  })
