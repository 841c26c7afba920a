import { describe, expect, it } from "@effect/vitest"
import { Chunk, Effect, Stream } from "effect"
import type { Frame } from "@millrace/contracts/Frame"
import * as CursorStore from "./CursorStore.ts"

const event = (offset: number): Frame => ({
  _tag: "event",
  cursor: `c-${offset}`,
  event: { offset, stream: "thread/thr_1", version: offset, type: "x", at: "", epoch: 0, data: {} }
})

describe("CursorStore", () => {
  it.effect("D2 the cursor moves only past events that the reader has processed", () =>
    Effect.gen(function* () {
      const store = yield* CursorStore.memory
      const frames = Stream.fromChunks(
        Chunk.make(event(1), event(2)),
        Chunk.make<[Frame]>({ _tag: "caught-up", head: 2, replayed: 0, requests: 0 }),
        Chunk.make(event(3))
      )
      const places: Array<string | undefined> = []
      yield* frames.pipe(
        CursorStore.keeping(store, "me"),
        Stream.runForEach(() => Effect.map(store.load("me"), (place) => places.push(place)))
      )
      expect(places).toEqual([undefined, undefined, "c-2", "c-2"])
      expect(yield* store.load("me")).toBe("c-3")
      expect(yield* store.load("other")).toBeUndefined()
    })
  )
})
