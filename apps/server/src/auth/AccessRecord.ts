/**
 * What administrators did that is no command on a thread, so that the log has no event for it: `<data>/access.jsonl`, one line each, mode 0600, appended
 * before it takes effect (X6).
 */
import { appendFileSync } from "node:fs"
import { join } from "node:path"
import { DateTime, Effect } from "effect"
import { attempt } from "./AccessFile.ts"

interface By {
  /** The token's name, or `local` where nobody is asked for one. */
  readonly actor: string
  readonly tokenId: string | undefined
}
export type Entry = By &
  (
    | { readonly action: "shutdown"; readonly mode: "drain" | "now"; readonly deadlineMs: number }
    /** `revoked`: the token's id. */
    | { readonly action: "revoke"; readonly revoked: string }
  )

/** Unlike commands, an order that ends the server is not refused because a full disk cannot hold its record: then it is said in the program's log. */
export const write = (dataDir: string, entry: Entry): Effect.Effect<void> => {
  const file = join(dataDir, "access.jsonl")
  return Effect.flatMap(DateTime.now, (now) =>
    attempt(file, () => appendFileSync(file, `${JSON.stringify({ at: DateTime.formatIso(now), ...entry })}\n`, { mode: 0o600 }))
  ).pipe(
    Effect.catchAll(({ message }) =>
      Effect.logWarning(`${entry.actor} ordered a ${entry.action}, which could not be recorded: ${message}`)
    )
  )
}
