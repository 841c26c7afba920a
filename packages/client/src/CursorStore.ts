/** Stores a reader's cursor between runs. The file store of the command line is in apps/server/src/cli/client/CursorFile.ts. */
import { Effect, Ref, Schema, Stream } from "effect"
import type { Frame } from "@millrace/contracts/Frame"

/** The cursor could not be loaded or saved. */
export class CursorStoreError extends Schema.TaggedError<CursorStoreError>()("CursorStoreError", { message: Schema.String }) {}

export interface CursorStore {
  /** Undefined: no cursor was saved for this reader. */
  readonly load: (reader: string) => Effect.Effect<string | undefined, CursorStoreError>
  readonly save: (reader: string, cursor: string) => Effect.Effect<void, CursorStoreError>
}

export const memory: Effect.Effect<CursorStore> = Effect.map(Ref.make<ReadonlyMap<string, string>>(new Map()), (places) => ({
  load: (reader) => Effect.map(Ref.get(places), (all) => all.get(reader)),
  save: (reader, cursor) => Ref.update(places, (all) => new Map(all).set(reader, cursor))
}))

/**
 * Saves the reader's cursor. The cursor of a chunk is saved when the consumer pulls the next chunk, because it has then processed the chunk.
 * So a reader that dies receives its last chunk again, and misses nothing.
 */
export const keeping =
  (store: CursorStore, reader: string) =>
  <E, R>(frames: Stream.Stream<Frame, E, R>): Stream.Stream<Frame, E | CursorStoreError, R> =>
    frames.pipe(
      Stream.chunks,
      Stream.flatMap((chunk) => {
        let last: string | undefined
        for (const frame of chunk) if (frame._tag === "event") last = frame.cursor
        const here = Stream.fromChunk(chunk)
        return last === undefined ? here : Stream.concat(here, Stream.execute(store.save(reader, last)))
      })
    )
