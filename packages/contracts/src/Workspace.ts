/** The content of a thread's directory and its changes: diffs, files, worktrees, rewinds. A path is relative to the root of the work tree, with `/`. */
import { cut } from "./Text.ts"
import { Schema } from "effect"
import { ItemId, ThreadId, TurnId } from "./Ids.ts"

const count = Schema.Int.pipe(Schema.nonNegative())
/** A path in an answer. Bytes of a file name that are not UTF-8 become U+FFFD. */
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
  truncated: Schema.optional(Schema.Literal(true)).annotations({ description: "There are more changes than the answer holds." }),
  late: Schema.optional(Schema.Literal(true)).annotations({
    description:
      "An agent worked in the directory while one of the two checkpoints was taken. Changes of that time can be missing, or be those of another turn."
  })
}).annotations({ identifier: "Diff", description: "The files that differ between two checkpoints." })
export type Diff = typeof Diff.Type

/** A position in the history of a thread's files. */
export const DiffFrom = Schema.Union(Schema.Literal("start"), TurnId)
export const DiffTo = Schema.Union(Schema.Literal("now"), TurnId)

/** Largest file that is read. */
export const maxFileBytes = 1_048_576
/** Most paths of one answer. */
export const maxFoundFiles = 200

export const FoundFile = Schema.Struct({
  path,
  kind: Schema.Literal("file", "link", "directory"),
  bytes: Schema.optional(count).annotations({ description: "Size of a file." })
}).annotations({ identifier: "FoundFile" })
export type FoundFile = typeof FoundFile.Type

/** Files of a thread's directory. Paths are relative to it. */
export const FoundFiles = Schema.Struct({
  files: Schema.Array(FoundFile).annotations({ description: "The best match first." }),
  truncated: Schema.optional(Schema.Literal(true)).annotations({
    description: "The directory has more files than are searched: 200,000, or those of 100 repositories in it."
  }),
  unnamed: Schema.optional(count).annotations({
    description: "Number of files that are never found, because their names are not UTF-8. Absent: none."
  })
}).annotations({ identifier: "FoundFiles" })
export type FoundFiles = typeof FoundFiles.Type

/** The state of the work tree of a thread's directory. */
export const GitSummary = Schema.Struct({
  repository: Schema.Boolean.annotations({
    description: "false: the directory is in no git repository, or git refuses to read it."
  }),
  prefix: Schema.optional(Schema.String).annotations({
    description:
      "The thread's directory below the root of the work tree, such as `apps/web/`: paths of diffs begin with it. Absent: the directory is the root."
  }),
  branch: Schema.optional(Schema.String).annotations({ description: "Absent: no branch is checked out." }),
  commit: Schema.optional(Schema.String).annotations({ description: "Absent: the repository has no commit." }),
  upstream: Schema.optional(Schema.String).annotations({ description: "The branch that it follows, such as `origin/main`." }),
  ahead: Schema.optional(count).annotations({ description: "Commits that the upstream does not have." }),
  behind: Schema.optional(count).annotations({ description: "Commits of the upstream that the branch does not have." }),
  changed: Schema.optional(count).annotations({ description: "Tracked files that differ from the commit, with conflicts." }),
  untracked: Schema.optional(count).annotations({ description: "Untracked files and directories that are not ignored." }),
  conflicts: Schema.optional(count).annotations({ description: "Files with a conflict of a merge." }),
  dirty: Schema.Boolean.annotations({ description: "There are changed or untracked files." })
}).annotations({ identifier: "GitSummary" })
export type GitSummary = typeof GitSummary.Type

/** A worktree that Millrace created. */
export const Worktree = Schema.Struct({
  threadId: ThreadId,
  cwd: Schema.String.annotations({ description: "Absolute path on the server's machine." }),
  branch: Schema.optional(Schema.String),
  createdAt: Schema.String,
  bytes: Schema.optional(count).annotations({
    description: "Bytes of its files on the disk, without the repository's objects. Absent if reading it took too long."
  }),
  port: Schema.optional(count).annotations({
    description: "The first of its 10 ports (`MILLRACE_PORT`). Absent before the first session in it."
  }),
  missing: Schema.optional(Schema.Literal(true)).annotations({ description: "Its directory does not exist." }),
  dirty: Schema.Boolean.annotations({
    description: "It has changed or untracked files, or a merge or rebase that has not ended; also if that is unknown."
  }),
  unpushed: count.annotations({ description: "Commits made in it that are on no other branch and on no remote." }),
  unknown: Schema.optional(Schema.Literal(true)).annotations({
    description: "Its state is not known: git could not read it, or there are more than 1,000 worktrees before it."
  })
}).annotations({ identifier: "Worktree" })
export type Worktree = typeof Worktree.Type

/** What happens to the conversation: the agent removes its turns, a fork without them is made, or it is not changed. */
export const RewoundConversation = Schema.Literal("native", "fork", "none")

/** What the event of a discard has of its files: at most 100, each of at most 300 characters, so that they fit into one event. */
export const namedFiles = (paths: ReadonlyArray<string>): ReadonlyArray<string> =>
  paths.slice(0, 100).map((path) => cut(path, 300))

export const RewindRequest = Schema.Union(
  Schema.Struct({
    turnId: TurnId.annotations({ description: "The state before this turn began is restored." }),
    files: Schema.Boolean,
    conversation: Schema.Boolean
  }),
  Schema.Struct({
    checkpoint: Schema.String.pipe(Schema.maxLength(200)).annotations({ description: "Of an earlier rewind: the way back." })
  }),
  Schema.Struct({
    paths: Schema.Array(Schema.String.pipe(Schema.minLength(1), Schema.maxLength(4096)))
      .pipe(Schema.minItems(1), Schema.maxItems(1000))
      .annotations({ description: "For `workspace.discard`: the files, relative to the thread's directory." }),
    turnId: Schema.optional(TurnId).annotations({ description: "As in the command." })
  })
).annotations({ identifier: "RewindRequest" })
export type RewindRequest = typeof RewindRequest.Type

export const RewindPreview = Schema.Struct({
  expected: Schema.String.annotations({
    description: "For `thread.rewind` or `workspace.discard`: it is rejected if the files differ from what is shown here."
  }),
  files: Schema.Array(
    Schema.Struct({
      path,
      change: Schema.Literal("restore", "delete", "create"),
      changedSince: Schema.Boolean.annotations({
        description: "A person or another program has changed the file too, after the turn began."
      })
    })
  ),
  left: Schema.optional(Schema.Array(Schema.Struct({ path, reason: Schema.String }))).annotations({
    description: "Files that the turns changed and that stay as they are, at most 1,000."
  }),
  late: Schema.optional(Schema.Literal(true)).annotations({
    description: "An agent may have written before a checkpoint was complete, so some of its changes may stay."
  }),
  conversation: RewoundConversation
}).annotations({ identifier: "RewindPreview" })
export type RewindPreview = typeof RewindPreview.Type
