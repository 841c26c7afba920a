/** Packing and pruning a log on request: the bodies and the answer of `POST /api/log/pack` and `POST /api/log/prune`. */
import { Schema } from "effect"

const bytes = (description: string) => Schema.NonNegativeInt.annotations({ description })

/** Which events to remove: the oldest events that exceed one of the limits. At least one limit is required. */
export const PruneRequest = Schema.Struct({
  olderThanDays: Schema.optional(Schema.Number.pipe(Schema.between(1, 3650))).annotations({
    description: "Removes events that are older than this many days, 1 to 3650."
  }),
  maxBytes: Schema.optional(Schema.Int.pipe(Schema.positive())).annotations({
    description: "Removes the oldest events while the packed events take more than this many bytes."
  }),
  force: Schema.optional(Schema.Boolean).annotations({
    description:
      "Also removes events that attached readers, and named readers of the last day, have not received: they get `CursorExpired`. Events of open turns and active goals stay in any case."
  }),
  dryRun: Schema.optional(Schema.Boolean).annotations({
    description: "Reports the events that would be removed, and changes nothing."
  })
})
export type PruneRequest = typeof PruneRequest.Type

export const LogSize = Schema.Struct({
  fileBytes: bytes("The log's database file."),
  coldBytes: bytes("Packed events in it."),
  freeBytes: bytes("Space in the file that the log uses again before the file grows.")
}).annotations({ identifier: "LogSize" })
export type LogSize = typeof LogSize.Type

export const LogWork = Schema.Struct({
  packed: Schema.NonNegativeInt.annotations({ description: "Events that were packed." }),
  removed: Schema.NonNegativeInt.annotations({
    description: "Number of removed events. For a dry run: the maximum number of events that would be removed."
  }),
  removedBytes: Schema.optional(
    bytes("Only for a dry run: the approximate size in the file of the events that would be removed.")
  ),
  readersCut: Schema.optional(
    Schema.NonNegativeInt.annotations({
      description:
        "With `force`: attached readers and named readers of the last day whose next events were removed. For a dry run: whose next events would be removed."
    })
  ),
  retainedFrom: Schema.NonNegativeInt.annotations({
    description: "Events at and below this offset are deleted. A dry run reports the offset and deletes nothing."
  }),
  before: LogSize,
  after: LogSize,
  more: Schema.Boolean.annotations({
    description: "The work is not complete: the request ended after 10 seconds. Send it again to continue."
  })
}).annotations({ identifier: "LogWork" })
export type LogWork = typeof LogWork.Type
