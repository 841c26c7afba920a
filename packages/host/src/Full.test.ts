/** A log at its configured bound: what clients and agents get, and what happens when there is space again. */
import { expect, it } from "@effect/vitest"
import type { Command } from "@millrace/contracts/Command"
import * as DataDirectory from "@millrace/log/DataDirectory"
import { EventLog } from "@millrace/log/EventLog"
import * as EventLogSqlite from "@millrace/log/EventLogSqlite"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Context, Effect, Layer, Stream } from "effect"
import { statSync } from "node:fs"
import * as Host from "./Host.ts"

type Create = Extract<Command, { readonly type: "thread.create" }>
const create = (commandId: string, cwd: string, text: string) =>
  ({ commandId, type: "thread.create", provider: "demo", cwd, turn: { text } }) as Create

const filler = (n: number) => ({
  events: [
    {
      stream: "project/prj_old",
      type: "note",
      at: "2026-11-20T09:00:00.000Z",
      epoch: 0,
      data: { text: Array.from({ length: 25 }, () => "x".repeat(4_000)), n }
    }
  ],
  rows: []
})

it.scopedLive(
  "L9 T11 at the bound of the log commands are refused and the agent waits; with space the turn ends with its whole text",
  () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryDirectory
      const file = yield* Effect.gen(function* () {
        const directory = yield* DataDirectory.make(dataDir)
        const log = yield* EventLogSqlite.make({ file: directory.logFile, anchor: directory.anchorFile })
        yield* Effect.forEach([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], (n) => log.append([filler(n)]))
        return directory.logFile
      }).pipe(Effect.scoped)
      const context = yield* Layer.build(
        Host.layer({
          dataDir,
          maxLogBytes: statSync(file).size + 150_000,
          providers: { codex: false, claude: false, acp: false }
        })
      )
      const host = Context.get(context, Host.Host)
      const log = Context.get(context, EventLog)
      const { cursor, threadId } = yield* host.dispatch(create("c1", dataDir, "[[deltas 60000 0]]"))
      // The agent's text fills the rest.
      const again = (n: number) => host.dispatch(create(`next-${n}`, dataDir, "[[say hello]]"))
      const refused = yield* Effect.iterate(
        { n: 0, error: undefined as { readonly message: string } | undefined },
        {
          while: ({ error }) => error === undefined,
          body: ({ n }) =>
            Effect.match(again(n), { onFailure: (error) => ({ n, error }), onSuccess: () => ({ n: n + 1, error: undefined }) })
        }
      )
      expect(refused.error).toMatchObject({ _tag: "StorageUnavailable", message: expect.stringContaining("bound") })
      expect((yield* host.thread(threadId!)).status).toBe("running")
      // Space is freed: the agent continues by itself.
      yield* log.trim(9)
      const frames = yield* host.follow({ stream: `thread/${threadId!}`, after: cursor }).pipe(
        Stream.takeUntil((frame) => frame._tag === "event" && frame.event.type === "turn.completed"),
        Stream.runCollect
      )
      const text = Array.from(frames, (frame) =>
        frame._tag === "event" && frame.event.type === "item.delta" ? (frame.event.data as { readonly text: string }).text : ""
      ).join("")
      expect(text.trim().split(" ").length).toBe(60_000)
      expect((yield* again(refused.n)).status).toBe("accepted")
    })
)
