/** decide for rewinds. The files are changed before the command is decided; the conversation goes back in a fork that ends before the turn. */
import type { CommandOf } from "@millrace/contracts/Command"
import { defined } from "@millrace/contracts/Defined"
import type { CommandRejected } from "@millrace/contracts/Errors"
import { namedFiles } from "@millrace/contracts/Workspace"
import { Either } from "effect"
import { type CommandOutcome, reject, threadFor } from "./CommandOutcome.ts"
import { emitFork, ended } from "./decideFork.ts"
import type { Draft } from "./Draft.ts"

/** The change of the files. `undefined`: the command concerns the conversation only. `Left`: why the command is rejected; then no file was changed. */
export type Rewound = Either.Either<{ readonly checkpoint: string; readonly files: number } | undefined, CommandRejected>

const off = reject("Unsupported", "This server cannot take files back, because it takes no checkpoints.")

export const threadRewind = (
  draft: Draft,
  { conversation, threadId, turnId }: CommandOf<"thread.rewind">,
  rewound: Rewound = off
): CommandOutcome =>
  Either.gen(function* () {
    const state = yield* threadFor(draft, threadId)
    const files = yield* rewound
    const isFork = conversation === true && turnId !== undefined
    // After the files have changed, nothing rejects the command.
    if (isFork && files === undefined) yield* ended(draft, state, turnId)
    const forkId = isFork ? emitFork(draft, state, state.title, { threadId, before: turnId }) : undefined
    draft.emit(threadId, "thread.rewound", { threadId, ...defined({ turnId, forkId }), ...files })
    return { projectId: state.projectId, threadId: forkId ?? threadId, ...defined({ checkpoint: files?.checkpoint }) }
  })

/** All files of the command went back, or it is rejected. */
export const workspaceDiscard = (
  draft: Draft,
  { paths, threadId, turnId }: CommandOf<"workspace.discard">,
  rewound: Rewound = off
): CommandOutcome =>
  Either.gen(function* () {
    const { projectId } = yield* threadFor(draft, threadId)
    const files = yield* rewound
    draft.emit(threadId, "thread.rewound", { threadId, ...defined({ turnId }), ...files, paths: namedFiles(paths) })
    return { projectId, threadId, ...defined({ checkpoint: files?.checkpoint }) }
  })
