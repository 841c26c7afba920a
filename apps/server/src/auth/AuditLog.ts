/**
 * Audit record of administrators' actions that are not commands on a thread and so have no event in the log: `<data>/access.jsonl`, one line per action,
 * mode 0600, appended before the action takes effect (X6).
 */
import { appendFileSync } from "node:fs"
import { join } from "node:path"
import { DateTime, Effect } from "effect"
import { attempt } from "./AccessFile.ts"

interface By {
  /** The token's name, or `local` without authentication. */
  readonly actor: string
  readonly tokenId: string | undefined
}
export type Entry = By &
  (
    | { readonly action: "shutdown"; readonly mode: "drain" | "now"; readonly deadlineMs: number }
    | { readonly action: "log.pack" }
    | {
        readonly action: "log.prune"
        readonly olderThanDays: number | undefined
        readonly maxBytes: number | undefined
        /** Whether events that readers have not received are removed too. */
        readonly force: boolean
      }
    /** `revoked`: the token's id. */
    | { readonly action: "revoke"; readonly revoked: string }
  )

/** Appends an entry. If that fails (a full disk), the action still takes effect, unlike a command, and the program's log has a warning. */
export const write = (dataDir: string, entry: Entry): Effect.Effect<void> => {
  const file = join(dataDir, "access.jsonl")
  return Effect.flatMap(DateTime.now, (now) =>
    attempt(file, () => appendFileSync(file, `${JSON.stringify({ at: DateTime.formatIso(now), ...entry })}\n`, { mode: 0o600 }))
  ).pipe(Effect.catchAll(({ message }) => Effect.logWarning(`Cannot record the ${entry.action} by ${entry.actor}: ${message}`)))
}
