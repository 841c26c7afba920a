/** decide for the commands that run git in a thread's work tree as the person. Git has run before the command is decided. */
import type { CommandRejected } from "@millrace/contracts/Errors"
import type { DataOf } from "@millrace/contracts/Event"
import type { ThreadId } from "@millrace/contracts/Ids"
import { Either } from "effect"
import { type CommandOutcome, reject, threadFor } from "./CommandOutcome.ts"
import type { Draft } from "./Draft.ts"

type ActEvent = "workspace.committed" | "workspace.merged" | "workspace.pushed" | "workspace.proposed"
type Act = { readonly [T in ActEvent]: { readonly type: T; readonly data: Omit<DataOf<T>, "threadId"> } }[ActEvent]

/** What git has done, as the event that reports it. `Left`: why the command is rejected; then nothing was changed. */
export type Acted = Either.Either<Act, CommandRejected>

const off = reject("Unsupported", "This server runs no git in the directories of threads.")

export const workspaceActed = (draft: Draft, threadId: ThreadId, acted: Acted = off): CommandOutcome =>
  Either.gen(function* () {
    const { projectId } = yield* threadFor(draft, threadId)
    const { data, type } = yield* acted
    draft.emit(threadId, type, { threadId, ...data })
    return { projectId, threadId, commit: data.commit, ...("url" in data ? { url: data.url } : {}) }
  })
