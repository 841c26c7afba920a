/** A call that continues a thread: finds the thread, checks whether the call may continue it, and which instructions the agent already has. */
import { Effect, Schema } from "effect"
import { ThreadId, type TurnId } from "@millrace/contracts/Ids"
import type { TurnView } from "@millrace/contracts/State"
import { EventLog } from "@millrace/log/EventLog"
import * as Query from "@millrace/log/Query"
import * as Collections from "@millrace/orchestration/readmodel/Collections"
import { storageUnavailable } from "@millrace/log/StorageError"
import { Service } from "../Service.ts"
import { type Failure, fromWire, invalid } from "./Failure.ts"
import * as Prompt from "./Prompt.ts"

/** The id of a response contains the id of its turn, so that the response can be continued. */
export const responseId = (turnId: TurnId): string => `resp_${turnId.slice("trn_".length)}`
export const turnOfResponse = (id: string): string => `trn_${id.slice("resp_".length)}`

interface Target {
  readonly provider: string
  readonly model: string | undefined
}

/** Parses `provider` or `provider/model`; the model's name may contain slashes. */
export const parseModel = (model: string): Target => {
  const slash = model.indexOf("/")
  return slash < 0
    ? { provider: model, model: undefined }
    : { provider: model.slice(0, slash), model: model.slice(slash + 1) || undefined }
}

const isThread = Schema.is(ThreadId)
const notFound = invalid(
  "previous_response_id",
  "There is no response with this id. Leave previous_response_id out to start a new conversation.",
  "previous_response_not_found",
  404
)

/** The thread that the call continues: named by the header, or by the previous response. */
export const threadOf = (named: string | undefined, previous: string | undefined) =>
  Effect.gen(function* () {
    const row = previous === undefined ? undefined : yield* turnRow(previous)
    if (named !== undefined) {
      if (!isThread(named))
        return yield* invalid("X-Millrace-Thread", "expected a thread id, like thr_01HXYZ", "thread_not_found", 404)
      if (previous !== undefined && row?.threadId !== named) return yield* notFound
      return named
    }
    if (previous === undefined) return undefined
    return row === undefined ? yield* notFound : row.threadId
  })

export const query = <R extends Query.Request>(request: R) =>
  Effect.mapError(
    Effect.flatMap(EventLog, (log) => log.query(request)),
    (error) => fromWire(storageUnavailable(error))
  )

/** The turn of a response. `undefined` if the log has no such turn. */
export const turnRow = (id: string): Effect.Effect<TurnView | undefined, Failure, EventLog> =>
  id.startsWith("resp_")
    ? Effect.map(query({ turn: Query.row(Collections.turn, turnOfResponse(id)) }), ({ turn }) => turn?.value)
    : Effect.as(Effect.void, undefined)

const maxTurns = 1000

/** The newest turn that meets the condition, before the turn `before` if given; searches at most `maxTurns` turns. */
const newest = (threadId: ThreadId, where: Query.Condition<keyof TurnView>, before?: TurnId) =>
  Effect.map(
    query({
      turns: Query.rows(Collections.turn, {
        parent: threadId,
        before: before === undefined ? undefined : Query.rowKey(Collections.turn, before),
        where: [where],
        limit: 1,
        maxScanned: maxTurns
      })
    }),
    ({ turns }) => turns.rows[0]?.value
  )

/** Refuses a response that was continued before: the agent has one conversation, which cannot branch. */
export const checkNewest = (threadId: ThreadId, previous: string) =>
  Effect.gen(function* () {
    const last = yield* newest(threadId, { field: "origin", is: "user" })
    if (last === undefined || last.turnId === turnOfResponse(previous)) return
    return yield* invalid(
      "previous_response_id",
      `This response was continued already, and a conversation cannot branch. Continue ${responseId(last.turnId)}, or leave previous_response_id out to start a new conversation.`,
      "previous_response_not_latest"
    )
  })

/** The prompt, after the instructions. The instructions are omitted if they equal the newest instructions that the agent has. `earlierTurn`: repeats the prompt of that turn. */
export const textOf = (threadId: ThreadId, { instructions, text }: Prompt.Prompt, earlierTurn: TurnId | undefined) =>
  instructions === undefined
    ? Effect.succeed(text)
    : Effect.map(newest(threadId, { field: "text", startsWith: "Instructions:\n" }, earlierTurn), (last) => {
        const block = Prompt.instructionsBlock(instructions)
        return last?.text.startsWith(block) === true ? text : `${block}${text}`
      })

/** Refuses a call for another agent or model than the thread's. */
export const checkTarget = (threadId: ThreadId, target: Target) =>
  Effect.gen(function* () {
    const thread = yield* Effect.mapError((yield* Service).thread(threadId), (error) =>
      error._tag === "NotFound" ? invalid("X-Millrace-Thread", error.message, "thread_not_found", 404) : fromWire(error)
    )
    if (thread.provider === target.provider && (target.model === undefined || target.model === thread.model)) return
    const threadModel = thread.model === undefined ? thread.provider : `${thread.provider}/${thread.model}`
    return yield* invalid(
      "model",
      `This thread runs on ${threadModel}. Send that as model, or start a new thread.`,
      "model_mismatch"
    )
  })
