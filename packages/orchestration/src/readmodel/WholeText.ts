/** The whole text of items, for readers that give text to programs. Of a text over 64 KiB, events and rows have only the beginning (L22). */
import type { ItemContent } from "@millrace/contracts/Item"
import type { EventLog, LogUnavailable } from "@millrace/log/EventLog"
import { Chunk, Effect, Stream } from "effect"

export type Blobs = Pick<typeof EventLog.Service, "getBlob">

/** The item with its whole text; unchanged if it has it, or if its thread was deleted meanwhile. */
export const withWholeText = <I extends ItemContent>(log: Blobs, item: I): Effect.Effect<I, LogUnavailable> => {
  const blob = item.blobs?.["text"]
  if (blob === undefined) return Effect.succeed(item)
  return Effect.flatMap(log.getBlob(blob.hash), (found) =>
    found === undefined
      ? Effect.succeed(item)
      : Effect.map(Stream.runCollect(found.content), (parts) => ({
          ...item,
          text: Buffer.concat(Chunk.toReadonlyArray(parts)).toString()
        }))
  )
}
