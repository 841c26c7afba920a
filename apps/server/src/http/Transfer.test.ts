/** Export and import over HTTP and by the command line's client, against a whole server. */
import { expect, it } from "@effect/vitest"
import { HttpServer, HttpServerRequest } from "@effect/platform"
import { NodeHttpServer } from "@effect/platform-node"
import { Chunk, Effect, Layer, Stream } from "effect"
import { createServer } from "node:http"
import * as HttpTransport from "@millrace/client/HttpTransport"
import { StorageUnavailable } from "@millrace/contracts/Errors"
import type { ThreadId } from "@millrace/contracts/Ids"
import { command } from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import * as Hosted from "../../test/support/Hosted.ts"
import * as Transfer from "./Transfer.ts"

it.live("D10 X1 a thread is exported and imported over HTTP and found by its title; errors have their line and status", () =>
  Effect.gen(function* () {
    const { dataDir, host, token, url } = yield* Hosted.start(undefined, [ScriptedProvider.make().adapter])
    const accepted = yield* host.dispatch(
      command("thread.create", { provider: "scripted", cwd: dataDir, turn: { text: "mend the parser" } }),
      "tester"
    )
    const threadId = accepted.threadId as ThreadId
    yield* host.follow({}).pipe(
      Stream.takeUntil((frame) => frame._tag === "event" && frame.event.type === "turn.completed"),
      Stream.runDrain
    )
    const transfer = HttpTransport.make({ url, token })
    const whole = (format: "json" | "ndjson" | "markdown") =>
      Effect.map(Stream.runCollect(Stream.decodeText(transfer.exportThread(threadId, format))), Chunk.join(""))
    const ndjson = yield* whole("ndjson")
    expect(yield* whole("markdown")).toContain("mend the parser")
    expect((JSON.parse(yield* whole("json")) as { count: number }).count).toBe(ndjson.trim().split("\n").length - 2)
    const send = (text: string) => transfer.importThread(Stream.make(Buffer.from(text)), {})
    const first = yield* send(ndjson)
    expect(first).toMatchObject({ created: true, turns: 1 })
    expect(yield* send(ndjson)).toMatchObject({ threadId: first.threadId, created: false, written: 0 })
    // Many chunks, read twice from the unlinked file.
    expect(yield* send(`${" ".repeat(3_000_000)}${ndjson}`)).toMatchObject({ threadId: first.threadId, written: 0 })
    expect(yield* Effect.flip(send("{}"))).toMatchObject({ _tag: "ImportFailed", reason: "malformed", line: 1 })
    expect(yield* Effect.flip(send(""))).toMatchObject({ _tag: "BadRequest" })
    expect(yield* Effect.flip(transfer.nativeThreads("scripted", {}))).toMatchObject({ _tag: "NotFound" })
    const missing = Stream.runDrain(transfer.exportThread("thr_none" as ThreadId, "json"))
    expect(yield* Effect.flip(missing)).toMatchObject({ _tag: "NotFound" })
    const get = (path: string, headers: Record<string, string> = { authorization: `Bearer ${token}` }) =>
      Effect.promise(() => fetch(`${url}${path}`, { headers }))
    expect((yield* get(`/api/threads/${threadId}/export`, {})).status).toBe(401)
    expect((yield* get(`/api/threads/${threadId}/export?format=pdf`)).status).toBe(400)
    const found = yield* get("/api/threads?search=PARSER%20mend")
    const { items } = yield* Effect.promise(() => found.json() as Promise<{ items: ReadonlyArray<{ threadId: string }> }>)
    expect(items.map((thread) => thread.threadId).sort()).toEqual([threadId, first.threadId].sort())
    expect((yield* get(`/api/threads?search=${"x".repeat(201)}`)).status).toBe(400)
  }).pipe(Effect.scoped)
)

/** The text of an answer of `Transfer.download` with this document, as a client reads it over a socket. */
const downloaded = (document: Stream.Stream<string, StorageUnavailable>, ended: () => "expired" | undefined) =>
  Effect.gen(function* () {
    const server = yield* Layer.build(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 }))
    const session = { actor: "test", scope: "read", ended } as const
    const answer = Effect.map(HttpServerRequest.HttpServerRequest, (request) =>
      Transfer.download(request, "thr_a" as ThreadId, "ndjson", session, document)
    )
    yield* Effect.provide(HttpServer.serveEffect(answer), server)
    const url = yield* Effect.provide(
      HttpServer.addressFormattedWith((address) => Effect.succeed(address)),
      server
    )
    return yield* Effect.tryPromise(async () => (await fetch(url)).text()).pipe(Effect.either)
  })
const begin = Stream.make('{"begun":true}\n')

it.scopedLive("D10 an export that fails in the middle breaks the connection and does not end as a short answer", () =>
  Effect.gen(function* () {
    const breaking = new StorageUnavailable({ message: "The disk is gone.", retryAfterMillis: 1000 })
    const read = yield* downloaded(Stream.concat(begin, Stream.fail(breaking)), () => undefined)
    expect(read._tag).toBe("Left")
  })
)

it.scopedLive("X9 an export whose token expires in the middle breaks the connection", () =>
  Effect.gen(function* () {
    let hasExpired = false
    const rest = Stream.fromEffect(
      Effect.sync(() => {
        hasExpired = true
        return '{"late":true}\n'
      })
    )
    const document = Stream.concat(begin, rest)
    const read = yield* downloaded(document, () => (hasExpired ? "expired" : undefined))
    expect(read._tag).toBe("Left")
    expect((yield* downloaded(document, () => undefined))._tag).toBe("Right")
  })
)
