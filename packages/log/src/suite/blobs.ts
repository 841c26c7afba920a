/** L22: blobs, and the references of events to them. */
import { expect } from "@effect/vitest"
import { Effect, Stream, TestClock } from "effect"
import * as Blob from "../Blob.ts"
import type { Envelope } from "../EventLog.ts"
import { type Step, StorageFailure } from "../Storage.ts"
import { event, type Log, type Test } from "./subject.ts"

/** Bytes that do not compress, from a seed. */
const noise = (bytes: number, seed: number): Uint8Array => {
  const out = new Uint8Array(bytes)
  let state = seed
  for (let n = 0; n < bytes; n++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    out[n] = state >>> 24
  }
  return out
}

/** The content of the blob. Empty if there is no such blob. */
const contentOf = (log: Log, hash: string) =>
  Effect.flatMap(log.getBlob(hash), (found) =>
    Effect.map(Stream.runCollect(found?.content ?? Stream.empty), (parts) => Buffer.concat(Array.from(parts)))
  )

const names = (stream: string, hash: string, ...blobs: ReadonlyArray<Blob.Blob>): Envelope => ({
  events: [event(stream, { hash })],
  rows: [],
  blobs,
  references: [{ stream, hash }]
})

const forget = (log: Log, stream: string) =>
  Effect.zipRight(log.append([{ events: [event(stream, {}, "deleted")], rows: [], forget: [stream] }]), log.awaitErased)

const isThere = (log: Log, hash: string) => Effect.map(log.getBlob(hash), (found) => found !== undefined)

export const blobs = (test: Test): void => {
  test("L22 an upload is read back byte for byte by the hash of its content; the same content again is the same blob", (log) =>
    Effect.gen(function* () {
      for (const content of [
        Uint8Array.of(),
        Buffer.from("é😀".repeat(10)),
        Buffer.from("the same line\n".repeat(200_000)),
        noise(Blob.partBytes * 2 + 1, 7),
        noise(Blob.partBytes, 8)
      ]) {
        const { bytes, hash, mediaType } = yield* log.putBlob(Stream.rechunk(Stream.make(content), 1), "text/x")
        expect({ hash, bytes, mediaType }).toEqual({
          hash: Blob.plain(content, "").hash,
          bytes: content.length,
          mediaType: "text/x"
        })
        expect((yield* log.putBlob(Stream.make(content.subarray(0, 5), content.subarray(5)), "text/y")).hash).toBe(hash)
        expect((yield* contentOf(log, hash)).equals(content)).toBe(true)
        expect(yield* log.getBlob(hash)).toMatchObject({ hash, bytes, mediaType: "text/y" })
      }
      expect(yield* log.getBlob("0".repeat(64))).toBeUndefined()
      const broken = log.putBlob(Stream.concat(Stream.make(noise(10, 1)), Stream.fail("no more")), "text/plain")
      expect(yield* Effect.flip(broken)).toBe("no more")
      expect(yield* isThere(log, Blob.plain(noise(10, 1), "").hash)).toBe(false)
    }))

  test("L22 blobs and references are committed with their events: small and large, new and known", (log) =>
    Effect.gen(function* () {
      const small = yield* Blob.make(Buffer.from("small ".repeat(20_000)), "text/plain")
      const large = yield* Blob.make(noise(Blob.partBytes * 3, 3), "image/png")
      expect([small.codec, large.codec]).toEqual(["deflate", "identity"])
      yield* log.append([names("thread/thr_a", small.hash, small), names("thread/thr_a", large.hash, large)])
      yield* log.append([names("thread/thr_b", small.hash, small), names("thread/thr_b", large.hash)])
      expect((yield* contentOf(log, small.hash)).toString()).toBe("small ".repeat(20_000))
      expect((yield* contentOf(log, large.hash)).equals(noise(Blob.partBytes * 3, 3))).toBe(true)
    }))

  test("L22 an upload has its own media type, also if an item's text has the same content; that text does not change it back", (log) =>
    Effect.gen(function* () {
      for (const content of [Buffer.from("{}".repeat(50_000)), noise(Blob.partBytes * 2, 4)]) {
        const text = yield* Blob.make(content, "text/plain")
        yield* log.append([names("thread/thr_a", text.hash, text)])
        yield* log.putBlob(Stream.make(content), "application/json")
        expect(yield* log.getBlob(text.hash)).toMatchObject({ mediaType: "application/json" })
        yield* log.append([names("thread/thr_b", text.hash, text)])
        expect(yield* log.getBlob(text.hash)).toMatchObject({ mediaType: "application/json" })
      }
    }))

  test("L22 an event that names a blob which is not stored is refused, and nothing is written", (log) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(log.append([names("thread/thr_a", "0".repeat(64))]))
      expect(error).toMatchObject({ _tag: "BlobMissing", stream: "thread/thr_a", hash: "0".repeat(64) })
      expect(yield* log.head).toBe(0)
      yield* log.append([{ events: [event("thread/thr_a")], rows: [] }])
    }))

  let failsAt: Step | undefined
  test(
    "L22 an append that fails stores none of its blobs, and succeeds when it is repeated",
    (log) =>
      Effect.gen(function* () {
        const blob = yield* Blob.make(Buffer.from("kept ".repeat(20_000)), "text/plain")
        for (const step of ["begin", "streams", "blobs", "events", "commit"] as const) {
          failsAt = step
          expect(yield* Effect.flip(log.append([names("thread/thr_a", blob.hash, blob)]))).toMatchObject({ reason: "io" })
          expect([step, yield* isThere(log, blob.hash)]).toEqual([step, false])
        }
        failsAt = undefined
        yield* log.append([names("thread/thr_a", blob.hash, blob)])
        expect(yield* isThere(log, blob.hash)).toBe(true)
      }),
    {
      onStep: (step) => {
        if (step === failsAt) throw new StorageFailure("io", "the disk is gone")
      }
    }
  )

  test("L22 a blob stays while one stream refers to it, and is deleted with the last reference", (log) =>
    Effect.gen(function* () {
      const blob = yield* Blob.make(noise(Blob.partBytes * 2, 5), "text/plain")
      yield* log.append([names("thread/thr_a", blob.hash, blob), names("thread/thr_a", blob.hash)])
      yield* log.append([names("thread/thr_b", blob.hash, blob)])
      const found = yield* log.getBlob(blob.hash)
      yield* forget(log, "thread/thr_unknown")
      yield* forget(log, "thread/thr_a")
      expect(yield* isThere(log, blob.hash)).toBe(true)
      yield* forget(log, "thread/thr_b")
      expect(yield* isThere(log, blob.hash)).toBe(false)
      // A reader that holds it is not given another blob's bytes.
      const other = yield* Blob.make(noise(Blob.partBytes * 2, 6), "text/plain")
      yield* log.append([names("thread/thr_c", other.hash, other)])
      expect(yield* Effect.flip(Stream.runDrain(found!.content))).toMatchObject({ _tag: "NotFound", id: blob.hash })
      yield* log.append([names("thread/thr_b", blob.hash, blob)])
      expect((yield* contentOf(log, blob.hash)).length).toBe(Blob.partBytes * 2)
    }))

  test("L22 an upload without a reference is deleted after its time; one that is used or put again is not", (log) =>
    Effect.gen(function* () {
      const put = (seed: number) =>
        Effect.map(log.putBlob(Stream.make(noise(Blob.partBytes + seed, seed)), "text/plain"), ({ hash }) => hash)
      yield* TestClock.adjust(1_000)
      const [unused, used, again, usedAgain] = [yield* put(1), yield* put(2), yield* put(3), yield* put(4)]
      yield* log.append([names("thread/thr_a", used), names("thread/thr_a", usedAgain)])
      yield* TestClock.adjust(1_000)
      yield* put(3)
      yield* put(4)
      // An upload of content that only the forgotten stream used is deleted with it; an upload of other content stays.
      yield* forget(log, "thread/thr_a")
      expect(yield* Effect.forEach([unused, used, again, usedAgain], (hash) => isThere(log, hash))).toEqual([
        true,
        false,
        true,
        false
      ])
      yield* put(4)
      yield* log.append([names("thread/thr_b", usedAgain)])
      yield* log.sweepBlobs(2_000)
      expect(yield* Effect.forEach([unused, again, usedAgain], (hash) => isThere(log, hash))).toEqual([false, true, true])
      // Used, and put again later: its use keeps it.
      const kept = yield* put(5)
      yield* log.append([names("thread/thr_c", kept)])
      yield* put(5)
      yield* log.sweepBlobs(2_001)
      expect(yield* isThere(log, kept)).toBe(true)
      expect(yield* Effect.forEach([again, usedAgain], (hash) => isThere(log, hash))).toEqual([false, true])
    }))
}
