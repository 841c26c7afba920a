/** Where a thread works: a field of `thread.create`. Separate from `Workspace.ts`, so that it adds little to a client. */
import { Schema } from "effect"

const Ref = Schema.String.pipe(Schema.minLength(1), Schema.maxLength(250))
/** No other thread's turn runs at the same time. */
const exclusive = Schema.optional(Schema.Boolean).annotations({
  description:
    "true: while one of its turns runs, no turn of another thread starts in its directory, in one above it or below it, and the other way round. Such turns wait in their queues."
})
/** Where a new thread works: in the directory itself, or in a new worktree of its repository. */
export const WorkspaceChoice = Schema.Union(
  Schema.Struct({ kind: Schema.Literal("directory"), exclusive }),
  Schema.Struct({
    kind: Schema.Literal("worktree"),
    base: Schema.optional(Ref).annotations({ description: "What the branch starts from. Default: HEAD." }),
    branch: Schema.optional(Ref).annotations({ description: "Default: a new branch." }),
    exclusive
  })
)
export type WorkspaceChoice = typeof WorkspaceChoice.Type
