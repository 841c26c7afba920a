/** A call that continues a thread: which one, whether it may, and what of it the agent has heard already. */
import { Effect, Schema } from "effect"
import { ThreadId, type TurnId } from "@millrace/contracts/Ids"
import type { TurnView } from "@millrace/contracts/State"
import { EventLog } from "@millrace/log/EventLog"
import { unavailable } from "../http/Events.ts"
import { Service } from "../Service.ts"
import { type Failure, fromWire, invalid } from "./Failure.ts"
import * as Prompt from "./Prompt.ts"

/** Ids of answers name their turn, so that an answer can be continued. */
export const responseId = (turnId: TurnId): string => `resp_${turnId.slice("trn_".length)}`
export const turnOfResponse = (id: string): string => `trn_${id.slice("resp_".length)}`

interface Target {
  readonly provider: string
  readonly model: string | undefined
}

/** `provider` or `provider/model`; the model's own name may hold slashes. */
export const parseModel = (model: string): Target => {
  const slash = model.indexOf("/")
  return slash < 0
    ? { provider: model, model: undefined }
    : { provider: model.slice(0, slash), model: model.slice(slash + 1) || undefined }
}

const isThread = Schema.is(ThreadId)
const notFound = invalid(
  "previous_response_id",
  "There is no such response here. Leave it out to begin anew.",
  "previous_response_not_found",
  404
)

/** The thread that the call continues: named by the header, or by the answer before. */
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

/** The turn of an answer. */
export const turnRow = (id: string): Effect.Effect<TurnView | undefined, Failure, EventLog> =>
  id.startsWith("resp_")
    ? Effect.flatMap(EventLog, (log) =>
        Effect.mapError(
          log.view((view) => view.row("turn", turnOfResponse(id))?.value as TurnView | undefined),
          (error) => fromWire(unavailable(error))
        )
      )
    : Effect.as(Effect.void, undefined)

/** Turns that a page of history reads at a time, and all that are looked through for instructions. */
const pageTurns = 100
const maxTurns = 1000

/** The first turn, from the newest, or from the one before `than`, that fits. */
const newest = (threadId: ThreadId, fits: (turn: TurnView) => boolean, than?: TurnId) =>
  Effect.flatMap(EventLog, (log) =>
    Effect.mapError(
      log.view((view) => {
        let before = (than === undefined ? undefined : view.row("turn", than)?.rank) ?? Number.MAX_SAFE_INTEGER
        for (let seen = 0; seen < maxTurns; seen += pageTurns) {
          const rows = view.rows({ collection: "turn", parent: threadId, before, limit: pageTurns })
          const found = rows.map(({ value }) => value as TurnView).find(fits)
          if (found !== undefined || rows.length < pageTurns) return found
          before = rows.at(-1)?.rank ?? 0
        }
        return undefined
      }),
      (error) => fromWire(unavailable(error))
    )
  )

/** An answer that was continued already cannot be continued a second time: the agent has one conversation, and it went on. */
export const checkNewest = (threadId: ThreadId, previous: string) =>
  Effect.gen(function* () {
    const last = yield* newest(threadId, ({ origin }) => origin === "user")
    if (last === undefined || last.turnId === turnOfResponse(previous)) return
    return yield* invalid(
      "previous_response_id",
      `This response was continued already, and a conversation cannot branch. Continue ${responseId(last.turnId)}, or begin anew without previous_response_id.`,
      "previous_response_not_latest"
    )
  })

/** Instructions that the agent was not given yet stand before what is asked; the newest that it was given hold. `again`: as that turn was begun. */
export const textOf = (threadId: ThreadId, { instructions, text }: Prompt.Prompt, again: TurnId | undefined) =>
  instructions === undefined
    ? Effect.succeed(text)
    : Effect.map(
        newest(threadId, (turn) => turn.text.startsWith("Instructions:\n"), again),
        (last) => {
          const block = Prompt.instructed(instructions)
          return last?.text.startsWith(block) === true ? text : `${block}${text}`
        }
      )

/** A continued thread keeps its agent. */
export const checkTarget = (threadId: ThreadId, target: Target) =>
  Effect.gen(function* () {
    const thread = yield* Effect.mapError((yield* Service).thread(threadId), (error) =>
      error._tag === "NotFound" ? invalid("X-Millrace-Thread", error.message, "thread_not_found", 404) : fromWire(error)
    )
    if (thread.provider === target.provider && (target.model === undefined || target.model === thread.model)) return
    const its = thread.model === undefined ? thread.provider : `${thread.provider}/${thread.model}`
    return yield* invalid("model", `This thread is run by ${its}. Send that as model, or begin a new thread.`, "model_mismatch")
  })
