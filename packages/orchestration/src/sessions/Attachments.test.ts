/** Attachments on their way: from an upload to the agent, from the agent to an item, and out with their thread. Copies are real files. */
import { describe, expect, it } from "@effect/vitest"
import type { LogEvent } from "@millrace/contracts/Event"
import type { ItemId, ThreadId } from "@millrace/contracts/Ids"
import { EventLog } from "@millrace/log/EventLog"
import * as EventLogMemory from "@millrace/log/EventLogMemory"
import * as EventLogSqlite from "@millrace/log/EventLogSqlite"
import * as Kit from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Deferred, Effect, Fiber, Layer, Stream } from "effect"
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as AttachmentFiles from "./AttachmentFiles.ts"

const png = Buffer.from("iVBORw0KGgo=", "base64")
const upload = (content: string | Uint8Array, mediaType: string) =>
  Effect.flatMap(EventLog, (log) => log.putBlob(Stream.make(Buffer.from(content)), mediaType))
const data = (event: LogEvent) => event.data as Record<string, unknown>
const until = (type: string, count = 1) => Effect.map(Kit.eventually(Kit.ofType(type), count), data)

interface Fixture {
  readonly root: string
  readonly turns: Array<ScriptedProvider.Turn>
  readonly scripted: ScriptedProvider.Scripted
  /** Done when the directory of a thread was removed. */
  readonly removed: Deferred.Deferred<void>
}

/** `log`: default in memory. The agent takes images. */
const within = <A, E>(
  use: (fixture: Fixture) => Effect.Effect<A, E, Kit.Services>,
  more: Partial<ScriptedProvider.Options> = {},
  logOf: (directory: string) => Layer.Layer<EventLog, unknown> = () => EventLogMemory.layer()
) =>
  Effect.scoped(
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const root = join(directory, "attachments")
      const removed = yield* Deferred.make<void>()
      const turns: Array<ScriptedProvider.Turn> = []
      const scripted = ScriptedProvider.make({
        takes: ({ mediaType }) => mediaType.startsWith("image/"),
        turn: (turn) =>
          Effect.zipRight(
            Effect.sync(() => void turns.push(turn)),
            Effect.all([turn.start, turn.say("seen"), turn.complete], { discard: true })
          ),
        ...more
      })
      const files = Layer.effect(
        AttachmentFiles.AttachmentFiles,
        Effect.map(AttachmentFiles.AttachmentFiles, (real) => ({
          ...real,
          remove: (threadId: ThreadId) => Effect.zipRight(real.remove(threadId), Deferred.succeed(removed, undefined))
        }))
      ).pipe(Layer.provide(AttachmentFiles.layer(root)))
      return yield* Effect.provide(
        use({ root, turns, scripted, removed }),
        Kit.layerOver(logOf(directory), { providers: [scripted], attachmentFiles: files })
      )
    })
  )

const create = (body: {
  readonly text: string
  readonly attachments: ReadonlyArray<{ readonly blob: string; readonly name: string }>
}) =>
  Effect.map(
    Kit.dispatch("thread.create", { provider: "scripted", cwd: "/work", turn: body }),
    ({ threadId }) => threadId as ThreadId
  )

const stores: ReadonlyArray<readonly [string, (directory: string) => Layer.Layer<EventLog, unknown>]> = [
  ["memory", () => EventLogMemory.layer()],
  ["SQLite", (directory) => EventLogSqlite.layer({ file: join(directory, "log.db") })]
]

for (const [store, logOf] of stores)
  describe(`over ${store}`, () => {
    it.live("an agent gets the images it takes natively and the path of every other file, and the log says which", () =>
      within(
        ({ root, turns }) =>
          Effect.gen(function* () {
            const image = yield* upload(png, "image/png")
            const notes = yield* upload("some notes", "text/plain; charset=utf-8")
            const threadId = yield* create({
              text: "look",
              attachments: [
                { blob: image.hash, name: "shot.png" },
                { blob: notes.hash, name: "my notes!" },
                { blob: notes.hash, name: "my notes?" }
              ]
            })
            yield* until("turn.completed")
            const [turn] = turns
            const path = join(root, threadId, `${notes.hash.slice(0, 12)}-my_notes_.txt`)
            expect(turn?.text).toBe(
              `look\n\nAttached files, to be read from disk:\n- ${path} (my notes!, text/plain, 10 bytes)\n- ${path} (my notes?, text/plain, 10 bytes)`
            )
            expect(turn?.attachments.map(({ delivery, name }) => [name, delivery])).toEqual([
              ["shot.png", "native"],
              ["my notes!", "path"],
              ["my notes?", "path"]
            ])
            expect(readFileSync(path, "utf8")).toBe("some notes")
            expect(readFileSync(turn!.attachments[0]!.path).equals(png)).toBe(true)
            expect(statSync(path).mode & 0o777).toBe(0o600)
            expect(statSync(join(root, threadId)).mode & 0o777).toBe(0o700)
            expect((yield* until("turn.started"))["attachments"]).toEqual([
              { blob: image.hash, delivery: "native" },
              { blob: notes.hash, delivery: "path" }
            ])
          }),
        {},
        logOf
      )
    )

    it.live("L14 the copies and the blobs go with their thread, and its hash is then unknown", () =>
      within(
        ({ removed, root }) =>
          Effect.gen(function* () {
            const { hash } = yield* upload("a secret", "text/plain")
            const threadId = yield* create({ text: "look", attachments: [{ blob: hash, name: "a.txt" }] })
            yield* until("turn.completed")
            yield* Kit.dispatch("thread.delete", { threadId })
            yield* Deferred.await(removed)
            expect(readdirSync(root)).toEqual([])
            expect(yield* (yield* EventLog).getBlob(hash)).toBeUndefined()
            const error = yield* Effect.flip(create({ text: "look", attachments: [{ blob: hash, name: "a.txt" }] }))
            expect(error).toMatchObject({ _tag: "CommandRejected", rule: "BlobNotFound", id: hash })
          }),
        {},
        logOf
      )
    )

    it.live("L22 an image that an agent shows is a blob and an attachment of its item", () =>
      within(
        () =>
          Effect.gen(function* () {
            yield* create({ text: "show", attachments: [] })
            yield* until("turn.completed")
            const { attachments, result } = yield* until("item.completed", 2)
            const [shown] = attachments as ReadonlyArray<{ readonly blob: string }>
            expect(attachments).toEqual([
              { blob: expect.any(String), name: "image-1.png", mediaType: "image/png", bytes: png.length }
            ])
            expect(result).toBe("[image: image-1.png]")
            const found = yield* (yield* EventLog).getBlob(shown!.blob)
            expect(Buffer.concat(Array.from(yield* Stream.runCollect(found!.content))).equals(png)).toBe(true)
          }),
        {
          turn: (turn) =>
            Effect.gen(function* () {
              yield* turn.start
              const item = { turnId: turn.turnId, itemId: "itm_shown" as ItemId, kind: "tool-call" }
              yield* turn.emit({
                _tag: "ItemCompleted",
                ...item,
                status: "completed",
                content: { tool: "camera", result: "[image: image-1.png]" },
                files: [{ name: "image-1.png", mediaType: "image/png", base64: png.toString("base64") }]
              })
              yield* turn.complete
            })
        },
        logOf
      )
    )
  })

describe("copies of attachments", () => {
  it.live("T4 a copy that cannot be written fails the turn with a sentence, and the next turn runs", () =>
    within(({ root, turns }) =>
      Effect.gen(function* () {
        const { hash } = yield* upload("x", "text/plain")
        writeFileSync(root, "a file in the place of the directory")
        const threadId = yield* create({ text: "look", attachments: [{ blob: hash, name: "a.txt" }] })
        const { error } = yield* until("turn.failed")
        expect(error).toMatchObject({
          message: expect.stringMatching(/^The attachment a\.txt could not be written for the agent: E/)
        })
        yield* Kit.dispatch("turn.start", { threadId, text: "go on" })
        yield* until("turn.completed")
        expect(turns.map(({ text }) => text)).toEqual(["go on"])
      })
    )
  )

  it.live("T12 a steer is delivered like a prompt", () =>
    Effect.flatMap(Deferred.make<void>(), (steered) =>
      within(
        ({ scripted }) =>
          Effect.gen(function* () {
            const { hash } = yield* upload(png, "image/png")
            const threadId = yield* create({ text: "wait", attachments: [] })
            yield* until("turn.started")
            const attachments = [{ blob: hash, name: "shot.png" }]
            const { turnId } = yield* Kit.dispatch("turn.start", { threadId, text: "and this", attachments, strategy: "steer" })
            yield* Deferred.await(steered)
            expect(scripted.calls).toContain(`steer ${turnId} and this native:shot.png`)
            expect(yield* until("turn.updated")).toMatchObject({ turnId, attachments: [{ blob: hash, delivery: "native" }] })
          }),
        {
          capabilities: ["steer", "interrupt"],
          onSteer: Effect.asVoid(Deferred.succeed(steered, undefined)),
          turn: (turn) => Effect.zipRight(turn.start, Effect.never)
        }
      )
    )
  )

  it.live("L14 a copy that is being written when its thread is deleted does not stay", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const root = join(yield* temporaryDirectory, "attachments")
        const writing = yield* Deferred.make<void>()
        const release = yield* Deferred.make<void>()
        const written = yield* Deferred.make<void>()
        const removed = yield* Deferred.make<void>()
        let calls = 0
        const files = Layer.effect(
          AttachmentFiles.AttachmentFiles,
          Effect.map(AttachmentFiles.AttachmentFiles, (real) => ({
            ...real,
            place: (...of: Parameters<typeof real.place>) =>
              calls++ === 0
                ? real.place(...of)
                : Deferred.succeed(writing, undefined).pipe(
                    Effect.zipRight(Deferred.await(release)),
                    Effect.zipRight(real.place(...of)),
                    Effect.ensuring(Deferred.succeed(written, undefined)),
                    Effect.uninterruptible
                  ),
            remove: (threadId: ThreadId) => Effect.zipRight(real.remove(threadId), Deferred.succeed(removed, undefined))
          }))
        ).pipe(Layer.provide(AttachmentFiles.layer(root)))
        yield* Effect.provide(
          Effect.gen(function* () {
            const { hash } = yield* upload(png, "image/png")
            // Another thread keeps the blob, so that the copy can be written.
            yield* create({ text: "keep", attachments: [{ blob: hash, name: "a.png" }] })
            yield* until("turn.completed")
            const threadId = yield* create({ text: "look", attachments: [{ blob: hash, name: "a.png" }] })
            yield* Deferred.await(writing)
            yield* Kit.dispatch("thread.delete", { threadId })
            // Enough for all that can run before the copy is written.
            yield* Effect.repeatN(Effect.yieldNow(), 2_000)
            yield* Deferred.succeed(release, undefined)
            yield* Effect.zipRight(Deferred.await(written), Deferred.await(removed))
            expect(readdirSync(root)).not.toContain(threadId)
          }),
          Kit.layer({ providers: [ScriptedProvider.make({ takes: () => true })], attachmentFiles: files })
        )
      })
    )
  )

  it.live("L14 a start removes the directories of deleted threads and the files of versions that did not know their thread", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const root = join(directory, "attachments")
        for (const name of ["thr_unknown", "other"]) mkdirSync(join(root, name), { recursive: true })
        const ofEarlierVersion = `${"0a".repeat(32)}.png`
        for (const name of [ofEarlierVersion, `${ofEarlierVersion}.1.tmp`, "notes.txt"]) writeFileSync(join(root, name), "words")
        const swept = yield* Deferred.make<void>()
        const files = Layer.effect(
          AttachmentFiles.AttachmentFiles,
          Effect.map(AttachmentFiles.AttachmentFiles, (real) => ({
            ...real,
            removeRemains: Effect.zipRight(real.removeRemains, Deferred.succeed(swept, undefined))
          }))
        ).pipe(Layer.provide(AttachmentFiles.layer(root)))
        yield* Effect.provide(Deferred.await(swept), Kit.layer({ attachmentFiles: files }))
        expect(readdirSync(root).toSorted()).toEqual(["notes.txt", "other"])
      })
    )
  )

  it.live("L14 a start removes the unfinished copies of an earlier server; finished ones and its own stay", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const root = join(yield* temporaryDirectory, "attachments")
        const threadId = "thr_kept" as ThreadId
        mkdirSync(join(root, threadId), { recursive: true })
        for (const name of [".earlier-0.tmp", "0a0a0a0a0a0a-notes.tmp"]) writeFileSync(join(root, threadId, name), "words")
        const log = yield* EventLogMemory.make()
        const { hash } = yield* log.putBlob(Stream.make(png), "image/png")
        const writing = yield* Deferred.make<void>()
        const sweeps = yield* Deferred.make<void>()
        const slow = EventLog.of({
          ...log,
          getBlob: () =>
            Effect.map(log.getBlob(hash), (found) => ({
              ...found!,
              content: Stream.fromEffect(
                Effect.as(Effect.zipRight(Deferred.succeed(writing, undefined), Deferred.await(sweeps)), png)
              )
            }))
        })
        const names = () => readdirSync(join(root, threadId)).toSorted()
        yield* Effect.gen(function* () {
          const files = yield* AttachmentFiles.AttachmentFiles
          const one = { blob: hash, name: "a.png", mediaType: "image/png", bytes: png.length }
          const placing = yield* Effect.fork(files.place(threadId, [one]))
          yield* Deferred.await(writing)
          yield* files.removeRemains
          expect(names()).toEqual([expect.stringMatching(/^\..+\.tmp$/), "0a0a0a0a0a0a-notes.tmp"])
          yield* Deferred.succeed(sweeps, undefined)
          yield* Fiber.join(placing)
          expect(names()).toEqual(["0a0a0a0a0a0a-notes.tmp", `${hash.slice(0, 12)}-a.png`].toSorted())
        }).pipe(Effect.provide(Layer.provide(AttachmentFiles.layer(root), Layer.succeed(EventLog, slow))))
      })
    )
  )

  it.live("C4 a blob that is deleted between its lookup and the commit rejects that command and no other", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const log = yield* Kit.memory
        const { hash } = yield* log.putBlob(Stream.make(png), "image/png")
        // The lookup finds what the commit does not.
        const seen = yield* log.getBlob(hash)
        yield* log.sweepBlobs(Number.MAX_SAFE_INTEGER)
        const stale = { ...log, getBlob: (asked: string) => (asked === hash ? Effect.succeed(seen) : log.getBlob(asked)) }
        yield* Effect.provide(
          Effect.gen(function* () {
            const [rejected, made] = yield* Effect.all(
              [
                Effect.flip(create({ text: "look", attachments: [{ blob: hash, name: "a.png" }] })),
                create({ text: "no attachment", attachments: [] })
              ],
              { concurrency: 2 }
            )
            expect(rejected).toMatchObject({ _tag: "CommandRejected", rule: "BlobNotFound", id: hash })
            expect(made).toMatch(/^thr_/)
          }),
          Kit.layerOver(Layer.succeed(EventLog, stale))
        )
      })
    )
  )

  it.live("T3 after a hand-over the transcript names the files, and where they are", () => {
    const two = ScriptedProvider.make({ name: "two", takes: () => true })
    return within(({ root, scripted }) =>
      Effect.provide(
        Effect.gen(function* () {
          const { hash } = yield* upload(png, "image/png")
          const threadId = yield* create({ text: "look", attachments: [{ blob: hash, name: "shot.png" }] })
          yield* until("turn.completed")
          yield* Kit.dispatch("thread.handover", { threadId, provider: "two" })
          yield* Kit.dispatch("turn.start", { threadId, text: "go on" })
          yield* until("turn.completed", 2)
          expect(two.calls.find((call) => call.startsWith("start"))).toContain(
            `[user] look\n[attached shot.png (image/png): ${join(root, threadId, `${hash.slice(0, 12)}-shot.png`)}]`
          )
        }),
        Kit.layer({ providers: [scripted, two], attachmentFiles: AttachmentFiles.layer(root) })
      )
    )
  })
})
