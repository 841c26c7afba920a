/** The whole text of items, for readers that give text to programs. Of a text over 64 KiB, events and rows have only the beginning (L22). */
import type { ItemContent } from "@millrace/contracts/Item"
import type { EventLog, LogUnavailable } from "@millrace/log/EventLog"
import { Chunk, Effect, Stream } from "effect"

export type Blobs = Pick<typeof EventLog.Service, "getBlob">

/** The item with a whole field, or at least its first `maxBytes`; unchanged if it has it, or if its thread was deleted meanwhile. */
const withWhole = <I extends ItemContent>(
  log: Blobs,
  item: I,
  field: "output" | "text",
  maxBytes: number
): Effect.Effect<I, LogUnavailable> => {
  const blob = item.blobs?.[field]
  if (blob === undefined) return Effect.succeed(item)
  return Effect.flatMap(log.getBlob(blob.hash), (found) => {
    if (found === undefined) return Effect.succeed(item)
    let bytes = 0
    const parts = Stream.takeUntil(found.content, (part) => (bytes += part.length) >= maxBytes)
    return Stream.runCollect(parts).pipe(
      Effect.map((read) => ({ ...item, [field]: Buffer.concat(Chunk.toReadonlyArray(read)).toString() })),
      Effect.catchTag("NotFound", () => Effect.succeed(item))
    )
  })
}

/** The item with its whole text; unchanged if it has it, or if its thread was deleted meanwhile. */
export const withWholeText = <I extends ItemContent>(log: Blobs, item: I): Effect.Effect<I, LogUnavailable> =>
  withWhole(log, item, "text", Number.POSITIVE_INFINITY)

/** The item with at least the first `maxBytes` of its text and of its output. */
export const withBeginnings = <I extends ItemContent>(log: Blobs, item: I, maxBytes: number): Effect.Effect<I, LogUnavailable> =>
  Effect.flatMap(withWhole(log, item, "text", maxBytes), (whole) => withWhole(log, whole, "output", maxBytes))
