import { createConfig, lintFromString } from "@redocly/openapi-core"
import { validate } from "@scalar/openapi-parser"
import { Ajv2020 } from "ajv/dist/2020.js"
import { expect, it } from "@effect/vitest"
import { Effect, Option, Stream } from "effect"
import { served } from "@millrace/contracts/Capabilities"
import { ThreadId, threadStream } from "@millrace/contracts/Ids"
import { send } from "../../test/support/Fixture.ts"
import * as Hosted from "../../test/support/Hosted.ts"
import * as Pairing from "../auth/Pairing.ts"
import type { Document, Json } from "./Json.ts"

const read = (url: string) => Effect.map(send(`${url}/openapi.json`), ({ body }) => JSON.parse(body) as Document)
const lint = (document: object) =>
  Effect.promise(async () =>
    lintFromString({ source: JSON.stringify(document), config: await createConfig({ extends: ["recommended"] }) })
  )

/** Answers of this server have no field that the document does not name. */
const closed = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(closed)
  if (typeof value !== "object" || value === null) return value
  const object = Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, closed(inner)]))
  return typeof object["properties"] === "object" && !("additionalProperties" in object) && object["type"] === "object"
    ? { ...object, additionalProperties: false }
    : object
}

const makeChecker = (document: Document) => {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  ajv.addSchema({ $id: "doc", ...(closed(document) as Json) })
  return (pointer: ReadonlyArray<string>, value: unknown): ReadonlyArray<string> => {
    const path = pointer.map((part) => encodeURIComponent(part.replace(/~/g, "~0").replace(/\//g, "~1"))).join("/")
    const check = ajv.getSchema(`doc#/${path}`)
    if (check === undefined) return [`the document has nothing at ${pointer.join(" ")}`]
    return check(value) === true ? [] : (check.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`)
  }
}

it.scopedLive("C7 the document passes redocly's recommended rules and scalar's parser, and has the program's version", () =>
  Effect.gen(function* () {
    const { url } = yield* Hosted.start()
    const document = yield* read(url)
    expect(document.info["version"]).toBe(served.version)
    expect(yield* lint(document)).toEqual([])
    expect(yield* Effect.promise(() => validate(document))).toMatchObject({ valid: true })
    // Proves that the rules are active: they reject a document that breaks one.
    const { tags: _, ...untagged } = document
    expect((yield* lint({ ...untagged, servers: [] })).length).toBeGreaterThan(0)
  })
)

/** Routes that are pages, files or sockets. */
const notDescribed = (path: string) =>
  path === "/rpc" || /^\/(docs|docs\.js|app\.css|assets\/.*|[\w.-]+\.(js|svg|css|html))?$/.test(path)

it.scopedLive("C7 every route of the server is in the document, and every operation of the document is a route", () =>
  Effect.gen(function* () {
    const { server, url } = yield* Hosted.start()
    const { paths } = yield* read(url)
    const routes = server.routes
      .filter(({ path }) => !notDescribed(path))
      .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`)
    const operations = Object.entries(paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`)
    )
    expect(operations.toSorted()).toEqual([...new Set(routes)].toSorted())
  })
)

it.scopedLive("C7 the answers of a turn and of refused requests are those of the document", () =>
  Effect.gen(function* () {
    const { dataDir, host, token, url } = yield* Hosted.start()
    const document = yield* read(url)
    const check = makeChecker(document)
    const seen = new Set<string>()
    /** Sends a request and checks status, content type, headers and body of the answer. */
    const ask = (
      template: string,
      given: {
        readonly path?: string
        readonly body?: unknown
        readonly status?: number
        readonly token?: string
        readonly accept?: string
      } = {}
    ) =>
      Effect.gen(function* () {
        const method = given.body === undefined ? "GET" : "POST"
        const { body, headers, status } = yield* send(`${url}${given.path ?? template}`, {
          method,
          headers: {
            authorization: `Bearer ${given.token ?? token}`,
            ...(given.accept !== undefined && { accept: given.accept })
          },
          ...(given.body !== undefined && { body: JSON.stringify(given.body) })
        })
        const name = `${method} ${template} ${status}`
        seen.add(name)
        expect([name, body]).toEqual([`${method} ${template} ${given.status ?? 200}`, body])
        const answer = document.paths[template]?.[method.toLowerCase()]?.responses[status]
        for (const header of Object.keys(answer?.headers ?? {}))
          if (header !== "etag" && header !== "x-millrace-cursor")
            expect([name, Object.keys(headers)]).toEqual([name, expect.arrayContaining([header])])
        const type = String(headers["content-type"]).replace(/;.*/, "")
        const at = ["paths", template, method.toLowerCase(), "responses", String(status), "content", type, "schema"]
        const json: unknown = type === "application/json" ? JSON.parse(body) : body
        expect([name, check(at, json)]).toEqual([name, []])
        return json as Record<string, unknown>
      })

    const text = "[[think hm]] [[run echo hi]] [[say done]]"
    const { threadId } = yield* ask("/api/threads", { body: { provider: "demo", cwd: dataDir, turn: { text } } })
    const id = ThreadId.make(String(threadId))
    const until = (type: string) =>
      host.follow({ stream: threadStream(id) }).pipe(
        Stream.filterMap((frame) => (frame._tag === "event" ? Option.some(frame.event) : Option.none())),
        Stream.takeUntil((event) => event.type === type),
        Stream.runDrain
      )
    yield* until("request.opened")
    yield* ask("/api/state")
    const requests = (yield* ask("/api/requests")) as unknown as ReadonlyArray<{ requestId: string }>
    const answer = { body: { decision: "accept" }, path: `/api/requests/${requests[0]?.requestId}/answer` }
    yield* ask("/api/requests/{id}/answer", answer)
    yield* until("turn.completed")
    yield* ask("/api/threads/{id}", { path: `/api/threads/${threadId}` })
    yield* ask("/api/threads/{id}/items", { path: `/api/threads/${threadId}/items?limit=50` })
    yield* ask("/api/threads/{id}/turns", { path: `/api/threads/${threadId}/turns` })
    yield* ask("/api/threads")
    yield* ask("/api/state")
    const events = (yield* ask("/api/events", { path: "/api/events?since=0" })) as unknown as ReadonlyArray<{ type: string }>
    expect(events.map(({ type }) => type)).toEqual(
      expect.arrayContaining(["thread.created", "request.answered", "turn.completed"])
    )
    yield* ask("/api/events", { path: "/api/events?since=0", accept: "application/x-ndjson" })
    yield* ask("/api/commands", { body: { commandId: "c1", type: "thread.rename", threadId, title: "renamed" } })
    yield* ask("/api/commands/{id}", { path: "/api/commands/c1" })
    yield* ask("/api/threads/{id}/export", { path: `/api/threads/${threadId}/export?format=ndjson` })
    for (const path of [
      "/api/capabilities",
      "/api/providers",
      "/api/processes",
      "/api/tokens",
      "/health",
      "/ready",
      "/metrics",
      "/openapi.json",
      "/v1/models"
    ])
      yield* ask(path)
    yield* ask("/v1/models/{model}", { path: "/v1/models/demo" })
    yield* ask("/v1/chat/completions", { body: { model: "demo", messages: [{ role: "user", content: "[[say hi]]" }] } })
    const { id: responseId } = yield* ask("/v1/responses", { body: { model: "demo", input: "[[say hi]]" } })
    yield* ask("/v1/responses/{id}", { path: `/v1/responses/${responseId}` })
    yield* ask("/v1/responses/{id}/input_items", { path: `/v1/responses/${responseId}/input_items` })
    yield* ask("/api/pair", { body: { name: "phone" } })
    const { code } = yield* Pairing.create(dataDir, {})
    yield* ask("/pair", { body: { code, name: "program" } })

    yield* ask("/api/commands", { body: { commandId: "c2", type: "turn.start" }, status: 400 })
    yield* ask("/api/events", { path: "/api/events?after=nonsense", status: 400 })
    yield* ask("/api/state", { token: "mlr_wrong", status: 401 })
    yield* ask("/v1/models", { token: "mlr_wrong", status: 401 })
    yield* ask("/pair", { body: { code: "wrong" }, status: 403 })
    yield* ask("/api/shutdown", { body: {}, status: 403 })
    yield* ask("/api/threads/{id}", { path: "/api/threads/thr_none", status: 404 })
    yield* ask("/v1/models/{model}", { path: "/v1/models/none", status: 404 })
    yield* ask("/api/commands", { body: { commandId: "c1", type: "thread.rename", threadId, title: "other" }, status: 409 })
    yield* ask("/api/events", { path: `/api/events?after=${"0".repeat(26)}-1`, status: 409 })
    yield* ask("/api/threads", { body: { provider: "none", cwd: dataDir }, status: 422 })
    yield* ask("/api/threads/{id}/turns", { path: `/api/threads/thr_none/turns`, body: { text: "x" }, status: 422 })
    expect(seen.size).toBeGreaterThan(35)
  })
)
