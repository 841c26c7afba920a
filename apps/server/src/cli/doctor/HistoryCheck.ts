/** The check for lost history (L12). */
import { existsSync } from "node:fs"
import { join } from "node:path"
import * as RewindHistory from "@millrace/log/RewindHistory"
import { Effect } from "effect"
import type { Check } from "./Check.ts"

/** Whether the log lost acknowledged events, and the last rewind that it recorded. No check when there is no log yet. */
export const history = (dataDir: string): Effect.Effect<ReadonlyArray<Check>> => {
  const name = "history"
  const file = join(dataDir, "log.db")
  const isMissing = !existsSync(file)
  if (isMissing && !existsSync(join(dataDir, "anchor"))) return Effect.succeed([])
  if (isMissing)
    return Effect.succeed([
      {
        name,
        status: "wrong",
        found: `${file} is missing, but its anchor exists`,
        fix: "Restore a backup before the next start."
      }
    ])
  return RewindHistory.evidence(join(dataDir, "anchor"), file).pipe(
    Effect.flatMap((evidence) => RewindHistory.inspect(evidence, file)),
    Effect.match({
      onFailure: ({ message }): ReadonlyArray<Check> => [{ name, status: "wrong", found: message }],
      onSuccess: ({ contradiction, rewinds: [last] }): ReadonlyArray<Check> => {
        if (contradiction !== undefined)
          return [
            {
              name,
              status: "wrong",
              found: contradiction.reason,
              fix: "If you have a newer copy of the data directory, restore it before the next start. Otherwise start the server: the log gets a new epoch."
            }
          ]
        return last === undefined
          ? [{ name, status: "ok", found: "no acknowledged event is missing" }]
          : [
              {
                name,
                status: "note",
                found: `rewound from ${last.data.from} to ${last.data.to} at ${last.at}: ${last.data.reason}`
              }
            ]
      }
    })
  )
}
