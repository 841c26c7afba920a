/** The disk usage of the log and of the other files of a data directory: the answer of `GET /api/log`. */
import { Schema } from "effect"
import { ThreadId } from "./Ids.ts"

const bytes = (description: string) => Schema.NonNegativeInt.annotations({ description })

export const LogUsage = Schema.Struct({
  head: Schema.NonNegativeInt.annotations({ description: "The last committed offset." }),
  retainedFrom: Schema.NonNegativeInt.annotations({
    description: "Events at and below this offset are deleted. 0: no event is deleted."
  }),
  at: Schema.String.annotations({ description: "The time of the measurement, at most 60 seconds ago." }),
  fileBytes: bytes("The log's database file."),
  coldBytes: bytes("Packed old events in the file."),
  freeBytes: bytes("Space in the file that the log uses again before the file grows."),
  blobBytes: bytes("Large values in the file."),
  bytesPerDay: bytes("Growth of the log on average over the last seven days, or since its first event."),
  maxFileBytes: Schema.optional(bytes("The configured bound of the file; absent: none.")),
  diskFreeBytes: bytes("Free space of the disk."),
  daysUntilFull: Schema.optional(
    Schema.NonNegativeInt.annotations({
      description:
        "Days until the file reaches its bound or the disk is full, at this growth. Absent for a log that does not grow."
    })
  ),
  otherBytes: Schema.Record({ key: Schema.String, value: Schema.NonNegativeInt }).annotations({
    description:
      "Other files of the data directory by kind: `access`, `attachments`, `search`, `migrations` (copies of the log before an update), `replaced` (files that a restore moved aside), `other`, ..."
  }),
  threads: Schema.Array(Schema.Struct({ threadId: ThreadId, bytes: bytes("The thread's events, packed or not.") })).annotations({
    description: "The largest threads, at most 20, largest first."
  })
}).annotations({ identifier: "LogUsage" })
export type LogUsage = typeof LogUsage.Type
