/** `/openapi.json`, and `/docs`, a page generated from it once. The page loads nothing from other origins. */
import { HttpLayerRouter } from "@effect/platform"
import { Effect } from "effect"
import { AccessConfig } from "../auth/Session.ts"
import * as Document from "../openapi/Document.ts"
import type * as Finish from "../openapi/Finish.ts"
import * as Html from "../page/Html.ts"
import * as Respond from "./Respond.ts"

const introduction = `<p>Every route under <code>/api</code> needs <code>Authorization: Bearer TOKEN</code> or the session cookie.
Errors are JSON: <code>{"_tag", "message", ...}</code>; the message says what to do next.
The machine-readable document is <a href="/openapi.json">/openapi.json</a>.</p>
<h2>Following the log</h2>
<pre>curl -N -H "Authorization: Bearer $TOKEN" -H "Accept: text/event-stream" "$URL/api/events?since=0"</pre>
<p>An event is <code>id: CURSOR</code> and <code>data: {event}</code>. <code>caught-up</code>, <code>heartbeat</code>, <code>bye</code> and
<code>end</code> are named frames without id. Reconnect with <code>Last-Event-ID</code> or <code>?after=CURSOR</code>: no event is lost or repeated.
The WebSocket RPC at <code>/rpc</code> (group <code>MillraceRpcs</code>, JSON) has the main queries, <code>dispatch</code> and
<code>follow</code>, with the same frames and errors.</p>
<p>Pages: <code>GET /api/events?since=N&amp;limit=M</code>; the header <code>X-Millrace-Last-Idx</code> is the next <code>since</code>, and
<code>&amp;wait=30</code> waits up to 30 seconds for the next event.</p>
<h2>Pairing</h2>
<p><code>millrace pair</code>, or <code>POST /api/pair</code>, creates a one-time code. <code>GET /pair?code=CODE</code> exchanges it for a browser session,
<code>POST /pair</code> with <code>{"code", "name"}</code> a token for a program.</p>`

const schemaName = (schema: object): string => {
  const ref: unknown = Reflect.get(schema, "$ref")
  if (typeof ref === "string") return ref.replace(/^.*\//, "")
  const type: unknown = Reflect.get(schema, "type")
  return typeof type === "string" ? type : "value"
}

const operation = (path: string, method: string, op: Finish.Operation): string => {
  const parameters = op.parameters.map(
    (parameter) =>
      `<li><code>${Html.escape(parameter.name)}</code> <small>${parameter.in}${parameter.required ? "" : ", optional"}</small> ${Html.escape(parameter.description ?? "")}</li>`
  )
  const answers = Object.entries(op.responses ?? {}).map(([status, answer]) => {
    const names = Object.values(answer.content ?? {}).map((media) => schemaName(media.schema))
    return `<li><code>${status}</code> ${Html.escape([answer.description, ...names].filter((part) => part !== "").join(" · "))}</li>`
  })
  const body =
    op.requestBody === undefined ? "" : `<h4>Body</h4><pre>${Html.escape(JSON.stringify(op.requestBody.content, null, 2))}</pre>`
  return `<details><summary><b>${method.toUpperCase()}</b> <code>${Html.escape(path)}</code></summary>
${parameters.length === 0 ? "" : `<h4>Parameters</h4><ul>${parameters.join("")}</ul>`}${body}
<h4>Responses</h4><ul>${answers.join("")}</ul></details>`
}

const document = (spec: Finish.Document) => {
  const operations = Object.entries(spec.paths).flatMap(([path, item]) =>
    (["get", "post"] as const).flatMap((method) => {
      const op = item[method]
      return op === undefined ? [] : [operation(path, method, op)]
    })
  )
  const schemas = Object.entries(spec.components.schemas).map(
    ([name, schema]) =>
      `<details><summary><code>${Html.escape(name)}</code></summary><pre>${Html.escape(JSON.stringify(schema, null, 2))}</pre></details>`
  )
  return Html.page(
    "Millrace: the interface",
    `<main class="docs"><h1>Millrace: the interface</h1><p>${Html.escape(String(spec.info["description"]))}</p>${introduction}
<h2>Routes</h2>${operations.join("\n")}<h2>Schemas</h2>${schemas.join("\n")}</main>`
  )
}

/** Generates both on the first request, so that they do not delay the start. */
export const make = Effect.gen(function* () {
  const { port } = yield* AccessConfig
  const spec = yield* Effect.cached(Effect.sync(() => Document.make(port())))
  const html = yield* Effect.cached(Effect.map(spec, document))
  return [
    HttpLayerRouter.route(
      "GET",
      "/openapi.json",
      Effect.map(spec, (value) => Respond.json(value))
    ),
    HttpLayerRouter.route("GET", "/docs", html)
  ]
})
