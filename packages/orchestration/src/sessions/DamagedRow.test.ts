/** A row that the disk has damaged costs its own thread only. The databases are real files. */
import { describe, expect, it } from "@effect/vitest"
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { EventLog } from "@millrace/log/EventLog"
import * as EventLogSqlite from "@millrace/log/EventLogSqlite"
import * as Sqlite from "@millrace/log/internal/Sqlite"
import * as Kit from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Deferred, Effect, Layer, Logger } from "effect"
import { Engine } from "../engine/Engine.ts"
import * as Views from "../readmodel/Views.ts"
import { AttachmentFiles } from "./AttachmentFiles.ts"

const store = Effect.gen(function* () {
  const file = `${yield* temporaryDirectory}/log.db`
  const log = yield* EventLogSqlite.make({ file })
  const damage = (collection: string, value: string, key?: string) =>
    Effect.sync(() => {
      const db = Sqlite.openWriter(file, "NORMAL")
      const { changes } = db
        .prepare(`UPDATE rows SET value = ${value} WHERE collection = ? AND key = coalesce(?, key)`)
        .run(collection, key ?? null)
      Sqlite.close(db)
      expect(changes).toBeGreaterThan(0)
    })
  return { log, damage }
})

/** Another last byte of a compressed value. */
const flipped = "CAST(substr(value, 1, length(value) - 3) || x'000000' AS BLOB)"
const damages = [
  ["a compressed row", "x'010000000000000000aa'"],
  ["a row of text", "'no JSON'"]
] as const

const create = (text: string, provider = "scripted") =>
  Effect.map(Kit.dispatch("thread.create", { provider, cwd: "/work", turn: { text } }), ({ threadId, turnId }) => ({
    threadId: threadId as ThreadId,
    turnId: turnId as TurnId
  }))
const data = (event: { readonly data: unknown }) => event.data as Record<string, unknown>
const advice = expect.stringContaining("millrace verify") as string

/** Keeps the messages of errors. */
const recording = (lines: Array<string>) =>
  Logger.replace(
    Logger.defaultLogger,
    Logger.make(({ logLevel, message }) => {
      if (logLevel._tag === "Error") lines.push(String(message))
    })
  )

it.scoped("L6 T5 a damaged row of a live thread: the start is ready, its commands fail, and other threads are served", () =>
  Effect.gen(function* () {
    const { damage, log } = yield* store
    const hangs = ScriptedProvider.make({ turn: (turn) => Effect.zipRight(turn.start, Effect.never) })
    const first = yield* Kit.start(log, { providers: [hangs] })
    const made = yield* first.run(
      Effect.gen(function* () {
        const damaged = yield* create("a long prompt ".repeat(500))
        const intact = yield* create("short")
        yield* Kit.eventually(Kit.ofType("turn.started"), 2)
        return { damaged, intact }
      })
    )
    const { damaged, intact } = made!
    yield* first.kill
    yield* damage("turn", flipped, damaged.turnId)
    yield* damage("live", "'no JSON'")
    const lines: Array<string> = []
    yield* Effect.gen(function* () {
      const second = yield* Kit.start(log)
      yield* second.run(
        Effect.gen(function* () {
          const engine = yield* Engine
          const ended = yield* Kit.eventually(Kit.ofType("turn.interrupted"))
          expect(data(ended)).toMatchObject({ turnId: intact.turnId })
          // Before the engine takes them, all are in its lanes: one batch.
          const lost = { _tag: "OwnerLost", reason: "a test" } as const
          const [refused, accepted, ...facts] = yield* Effect.all(
            [
              Effect.flip(Kit.dispatch("turn.start", { threadId: damaged.threadId, text: "more" })),
              Kit.dispatch("turn.start", { threadId: intact.threadId, text: "more" }),
              engine.submit({ ...lost, threadId: damaged.threadId }),
              engine.submit({ _tag: "QueueReleased", threadId: intact.threadId })
            ],
            { concurrency: "unbounded" }
          )
          expect(refused).toMatchObject({ _tag: "StorageUnavailable", message: advice })
          expect(accepted.threadId).toBe(intact.threadId)
          expect(facts[0]).toBe(false)
          yield* Kit.eventually(Kit.ofType("turn.completed"))
          expect((yield* (yield* Views.Views).thread(intact.threadId)).status).toBe("idle")
        })
      )
      yield* second.close
    }).pipe(Effect.provide(recording(lines)))
    expect(lines.filter((line) => line.includes(damaged.threadId))).toEqual([advice])
  })
)

for (const [name, value] of damages)
  describe(name, () => {
    it.scoped("T2 a turn whose prompt is damaged fails with the reason", () =>
      Effect.gen(function* () {
        const { damage, log } = yield* store
        const opening = yield* Deferred.make<void>()
        const go = yield* Deferred.make<void>()
        const agent = ScriptedProvider.make({
          open: () => Effect.zipRight(Deferred.succeed(opening, undefined), Deferred.await(go))
        })
        yield* Effect.gen(function* () {
          const { turnId } = yield* create("hello")
          yield* Deferred.await(opening)
          yield* damage("turn", value, turnId)
          yield* Deferred.succeed(go, undefined)
          const failed = yield* Kit.eventually(Kit.ofType("turn.failed"))
          expect(data(failed)).toMatchObject({ turnId, error: { message: advice } })
          expect(agent.calls.filter((call) => call.startsWith("start"))).toEqual([])
        }).pipe(Effect.provide(Kit.layerOver(Layer.succeed(EventLog, log), { providers: [agent] })))
      })
    )

    it.scoped("T2 a turn whose agent needs a damaged history fails with the reason", () =>
      Effect.gen(function* () {
        const { damage, log } = yield* store
        const providers = [ScriptedProvider.make(), ScriptedProvider.make({ name: "two" })]
        yield* Effect.gen(function* () {
          const { threadId } = yield* create("hello")
          yield* Kit.eventually(Kit.ofType("turn.completed"))
          yield* Kit.dispatch("thread.handover", { threadId, provider: "two" })
          yield* damage("item", value)
          yield* Kit.dispatch("turn.start", { threadId, text: "go on" })
          const failed = yield* Kit.eventually(Kit.ofType("turn.failed"))
          expect(data(failed)).toMatchObject({ error: { message: advice } })
        }).pipe(Effect.provide(Kit.layerOver(Layer.succeed(EventLog, log), { providers })))
      })
    )

    it.scoped("L14 the sweep of attachments keeps those of a damaged thread and continues", () =>
      Effect.gen(function* () {
        const { damage, log } = yield* store
        const first = yield* Kit.start(log)
        const made = yield* first.run(Effect.zipLeft(create("hello"), Kit.eventually(Kit.ofType("turn.completed"))))
        const { threadId } = made!
        yield* first.close
        yield* damage("thread-state", value, threadId)
        const unknown = "thr_unknown" as ThreadId
        const removed = yield* Deferred.make<ThreadId>()
        const files = Layer.succeed(AttachmentFiles, {
          directoryOf: (id) => `/attachments/${id}`,
          place: () => Effect.succeed([]),
          remove: (id) => Effect.asVoid(Deferred.succeed(removed, id)),
          threads: Effect.succeed([threadId, unknown]),
          removeRemains: Effect.void
        })
        const lines: Array<string> = []
        yield* Effect.gen(function* () {
          const second = yield* Kit.start(log, { attachmentFiles: files })
          expect(yield* Deferred.await(removed)).toBe(unknown)
          yield* second.close
        }).pipe(Effect.provide(recording(lines)))
        expect(lines.filter((line) => line.includes(threadId))).toEqual([advice])
      })
    )
  })
