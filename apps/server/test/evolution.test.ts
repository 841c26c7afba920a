/**
 * The client of the last release, as a bundle (`scripts/freeze-client.mjs`), against this server, and against one that is newer than both: unknown fields,
 * event types, item kinds, request kinds and frames.
 */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { describe, expect, it } from "@effect/vitest"
import type * as Now from "@millrace/client/createClient"
import type { LogEvent } from "@millrace/contracts/Event"
import type { ThreadId } from "@millrace/contracts/Ids"
import type * as AppStateNow from "@millrace/model/AppState"
import type * as TranscriptNow from "@millrace/model/Transcript"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import { Effect } from "effect"
import * as Hosted from "./support/Hosted.ts"

interface Released {
  readonly createClient: typeof Now.createClient
  readonly AppState: typeof AppStateNow
  readonly Transcript: typeof TranscriptNow
}
const last = new URL("fixtures/clients/0.1.0.mjs", import.meta.url).href
const { AppState, createClient, Transcript } = (await import(last)) as Released

const agent = ScriptedProvider.make({
  turn: (turn) =>
    Effect.gen(function* () {
      yield* turn.start
      yield* turn.ask({ kind: "approval", title: "May I?", choices: ["accept", "decline"] })
      for (let n = 0; n < 20; n++) yield* turn.say(`message ${n} 水車 `)
      yield* turn.complete
    })
})

describe.each(["http", "websocket"] as const)("the last release's client over %s", (transport) => {
  it.scopedLive("D2 D14 runs a turn with an approval on this server; its fold equals the server's views", () =>
    Effect.gen(function* () {
      const { dataDir, server, token } = yield* Hosted.start(undefined, [agent.adapter])
      yield* Effect.promise(async () => {
        await using client = await createClient({ url: `http://127.0.0.1:${server.port}`, token, transport })
        let state = AppState.fromSnapshot(await client.state())
        const accepted = await client.command("thread.create", { provider: "scripted", cwd: dataDir, turn: { text: "go" } })
        const threadId = accepted.threadId as ThreadId
        const transcript = Transcript.make(threadId, { items: [], offset: 0 }, { items: [], offset: 0 })
        for await (const frame of client.follow()) {
          if (frame._tag !== "event") continue
          state = AppState.apply(state, frame.event)
          if (frame.event.stream === `thread/${threadId}`) Transcript.apply(transcript, frame.event)
          if (frame.event.type === "request.opened")
            await client.command("request.answer", {
              requestId: (frame.event.data as { readonly requestId: never }).requestId,
              decision: "accept"
            })
          const session = state.threads[threadId]?.session?.status
          if (Object.keys(state.requests).length === 0 && transcript.turnOrder.length === 1 && session === "ready") break
        }
        const head = AppState.fromSnapshot(await client.state())
        expect(head.offset).toBe(state.offset)
        expect(state.threads).toEqual(head.threads)
        expect(transcript.order.map((id) => transcript.items.get(id)?.value)).toEqual(
          (await client.items(threadId, { limit: 100 })).items.toReversed()
        )
        expect((await client.turns(threadId, {})).items).toMatchObject([{ status: "completed" }])
        expect(await client.commandStatus(accepted.commandId)).toMatchObject({ status: "accepted", threadId })
      })
    })
  )
})

const at = "2030-01-01T00:00:00.000Z"
const threadId = "thr_new" as ThreadId
const event = (offset: number, type: string, data: object) => ({
  offset,
  stream: `thread/${threadId}`,
  version: offset,
  type,
  at,
  epoch: 1,
  signature: "a field of a later version",
  data: { threadId, later: { field: true }, ...data }
})
const item = { turnId: "trn_1", itemId: "itm_1", kind: "hologram" }
/** Events, frames and values that a later version of the server might write. */
const events = [
  event(1, "thread.created", { projectId: "prj_1", provider: "later", title: "t", cwd: "/work" }),
  event(2, "thread.dreamt", { of: "sheep" }),
  event(3, "turn.requested", { turnId: "trn_1", text: "go", strategy: "later" }),
  event(4, "turn.started", { turnId: "trn_1" }),
  event(5, "item.started", item),
  event(6, "item.completed", { ...item, status: "completed", text: "light" }),
  event(7, "request.opened", { turnId: "trn_1", requestId: "req_1", kind: "budget", ask: { kind: "budget", title: "More?" } }),
  event(8, "request.answered", { turnId: "trn_1", requestId: "req_1", kind: "budget", outcome: "raised" }),
  event(9, "turn.completed", { turnId: "trn_1", reason: "later" })
]
const frames = [
  `event: open\ndata: {"logEpoch":"NEW","head":0,"later":1}\nretry: 1000\n\n`,
  ...events.map((one) => `id: NEW-${one.offset}\ndata: ${JSON.stringify(one)}\n\n`),
  `event: weather\ndata: {"sunny":true}\n\n`,
  `event: caught-up\ndata: {"head":9,"replayed":9,"requests":0,"later":1}\n\n`
]

it.scopedLive(
  "D5 a newer server: unknown fields, events, words and frames reach the last release's client and break nothing",
  () =>
    Effect.gen(function* () {
      const server = yield* Effect.acquireRelease(
        Effect.async<ReturnType<typeof createServer>>((resume) => {
          const made = createServer((request, response) => {
            if (request.url?.startsWith("/api/events") === true) {
              response.writeHead(200, { "content-type": "text/event-stream" })
              return void response.write(frames.join(""))
            }
            response.writeHead(200, { "content-type": "application/json" })
            response.end(
              JSON.stringify({ logEpoch: "NEW", offset: 0, more: false, projects: [], threads: [], requests: [], later: [] })
            )
          })
          made.listen(0, "127.0.0.1", () => resume(Effect.succeed(made)))
        }),
        (made) =>
          Effect.sync(() => {
            made.closeAllConnections()
            made.close()
          })
      )
      const { port } = server.address() as AddressInfo
      yield* Effect.promise(async () => {
        await using client = await createClient({ url: `http://127.0.0.1:${port}`, token: "t" })
        let state = AppState.fromSnapshot(await client.state())
        const transcript = Transcript.make(threadId, { items: [], offset: 0 }, { items: [], offset: 0 })
        const got: Array<LogEvent> = []
        for await (const frame of client.follow({ after: "NEW-0" })) {
          if (frame._tag === "caught-up") break
          if (frame._tag !== "event") continue
          got.push(frame.event)
          state = AppState.apply(state, frame.event)
          Transcript.apply(transcript, frame.event)
        }
        expect(got).toEqual(events)
        expect(state.threads[threadId]).toMatchObject({ provider: "later", status: "idle" })
        expect(Transcript.rows(transcript, state.settled)).toMatchObject([
          { kind: "item", item: { kind: "hologram", text: "light" } },
          { kind: "settled" },
          { kind: "end", turn: { status: "completed" } }
        ])
      })
    })
)
