/** Appends events that no reader has received, and trims them, while no server uses the directory. */
import type { ThreadId } from "@millrace/contracts/Ids"
import * as EventLogSqlite from "@millrace/log/EventLogSqlite"
import { DateTime, Effect } from "effect"
import { join } from "node:path"

/** After this call every cursor that was issued earlier is below retention. */
export const forget = (dataDir: string, threadId: ThreadId) =>
  Effect.gen(function* () {
    const log = yield* EventLogSqlite.make({ file: join(dataDir, "log.db") })
    const event = {
      stream: `thread/${threadId}`,
      type: "provider.event",
      at: DateTime.formatIso(yield* DateTime.now),
      epoch: 1,
      data: { threadId, epoch: 1, method: "test/unseen", payload: {} }
    }
    yield* log.append([{ events: [event, event, event], rows: [] }])
    yield* log.trim(yield* log.head)
  }).pipe(Effect.scoped)
