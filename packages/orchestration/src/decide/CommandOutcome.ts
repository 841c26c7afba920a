/** The outcome of a command: its result, or the rule that rejects it. */
import { defined } from "@millrace/contracts/Defined"
import type { CommandResult } from "@millrace/contracts/Command"
import { CommandRejected, type Rule } from "@millrace/contracts/Errors"
import type { ThreadId } from "@millrace/contracts/Ids"
import { Either } from "effect"
import type { Draft } from "./Draft.ts"
import type { ThreadState } from "../state/ThreadState.ts"

export type CommandOutcome = Either.Either<CommandResult, CommandRejected>

/** `id`: the object that the rule concerns; `message` states what to do next. */
export const rejected = (rule: Rule, message: string, id?: string): CommandRejected =>
  new CommandRejected({ rule, message, ...defined({ id }) })

export const reject = (rule: Rule, message: string, id?: string): Either.Either<never, CommandRejected> =>
  Either.left(rejected(rule, message, id))

export const ok = (result: CommandResult): CommandOutcome => Either.right(result)

/** The thread that a command names. */
export const threadFor = (draft: Draft, id: ThreadId): Either.Either<ThreadState, CommandRejected> => {
  const state = draft.thread(id)
  if (state === undefined)
    return reject(
      "ThreadNotFound",
      "There is no such thread. List threads to find its id: GET /api/threads, millrace threads.",
      id
    )
  return state.deleted ? reject("ThreadDeleted", "This thread was deleted.", id) : Either.right(state)
}
