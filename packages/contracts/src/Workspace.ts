/** What a thread's directory holds, and how it changes: diffs, files, worktrees, rewinds. A path is relative to the root of the work tree, with `/`. */
import { Schema } from "effect"
import { ItemId, ThreadId, TurnId } from "./Ids.ts"

const count = Schema.Int.pipe(Schema.nonNegative())
/** A path in an answer. Bytes of a file name that are no UTF-8 read as U+FFFD. */
const path = Schema.String

/** Lines of a file that changed together. */
export const Hunk = Schema.Struct({
  oldStart: count,
  oldLines: count,
  newStart: count,
  newLines: count,
  turnId: Schema.optional(TurnId).annotations({ description: "The last turn of the range that changed the file." }),
  itemId: Schema.optional(ItemId)
}).annotations({ identifier: "Hunk" })
export type Hunk = typeof Hunk.Type

/** One file that differs between two checkpoints. */
export const ChangedFile = Schema.Struct({
  path,
  oldPath: Schema.optional(path).annotations({ description: "renamed: its path before." }),
  status: Schema.Literal("added", "modified", "deleted", "renamed"),
  additions: count.annotations({ description: "Added lines; 0 for a binary file." }),
  deletions: count,
  binary: Schema.Boolean,
  hunks: Schema.optional(Schema.Array(Hunk)).annotations({ description: "With `hunks=1`, of a text file." })
}).annotations({ identifier: "ChangedFile" })
export type ChangedFile = typeof ChangedFile.Type

export const Diff = Schema.Struct({
  base: Schema.String.annotations({ description: "The checkpoint that the files are compared with." }),
  files: Schema.Array(ChangedFile),
  truncated: Schema.optional(Schema.Literal(true)).annotations({ description: "There are more changes than the answer holds." })
}).annotations({ identifier: "Diff", description: "The files that differ between two checkpoints." })
export type Diff = typeof Diff.Type

/** A position in the history of a thread's files. */
export const DiffFrom = Schema.Union(Schema.Literal("start"), TurnId)
export const DiffTo = Schema.Union(Schema.Literal("now"), TurnId)

export const FoundFile = Schema.Struct({
  path,
  kind: Schema.Literal("file", "link", "directory"),
  bytes: Schema.optional(count)
}).annotations({ identifier: "FoundFile" })
export type FoundFile = typeof FoundFile.Type

/** Files of a thread's directory, the best match first. */
export const FoundFiles = Schema.Struct({
  files: Schema.Array(FoundFile),
  truncated: Schema.optional(Schema.Literal(true))
}).annotations({ identifier: "FoundFiles" })
export type FoundFiles = typeof FoundFiles.Type

/** The state of a thread's work tree. */
export const GitSummary = Schema.Struct({
  branch: Schema.optional(Schema.String).annotations({ description: "Absent: no branch is checked out." }),
  ahead: Schema.optional(count),
  behind: Schema.optional(count),
  dirty: Schema.Boolean
}).annotations({ identifier: "GitSummary" })
export type GitSummary = typeof GitSummary.Type

/** A worktree that Millrace created. */
export const Worktree = Schema.Struct({
  threadId: ThreadId,
  cwd: Schema.String.annotations({ description: "Absolute path on the server's machine." }),
  branch: Schema.optional(Schema.String),
  createdAt: Schema.String,
  bytes: Schema.optional(count),
  dirty: Schema.Boolean,
  unpushed: count.annotations({ description: "Commits that are on no other branch and on no remote." })
}).annotations({ identifier: "Worktree" })
export type Worktree = typeof Worktree.Type

/** What happens to the conversation: the agent takes its turns back, a fork without them is made, or it stays as it is. */
export const RewoundConversation = Schema.Literal("native", "fork", "none")

export const RewindRequest = Schema.Struct({
  turnId: TurnId.annotations({ description: "The state before this turn began is restored." }),
  files: Schema.Boolean,
  conversation: Schema.Boolean
})

export const RewindPreview = Schema.Struct({
  expected: Schema.String.annotations({
    description: "For `thread.rewind`: it is refused if the files differ from what is shown here."
  }),
  files: Schema.Array(
    Schema.Struct({
      path,
      change: Schema.Literal("restore", "delete", "create"),
      changedSince: Schema.Boolean.annotations({ description: "The file has changed after the last turn that changed it." })
    })
  ),
  conversation: RewoundConversation
}).annotations({ identifier: "RewindPreview" })
export type RewindPreview = typeof RewindPreview.Type
