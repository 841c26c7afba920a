/** `/docs`: the document for people, made once. Forms try each operation (`docs.js`). The page loads nothing from other origins. */
import type { HttpServerResponse } from "@effect/platform"
import * as Html from "../page/Html.ts"
import { type Field, fieldsOf, resolved, typeOf } from "./Fields.ts"
import { isObject, type Document, type Json, type Operation } from "./Json.ts"

const introduction = `<p>Every route under <code>/api</code> and <code>/v1</code> needs <code>Authorization: Bearer TOKEN</code> or the session cookie.
Errors are JSON: <code>{"_tag", "message", ...}</code>; the message says what to do next.
The machine-readable document is <a href="/openapi.json">/openapi.json</a>.</p>
<p>To follow the log: <code>curl -N -H "Authorization: Bearer $TOKEN" -H "Accept: text/event-stream" "$URL/api/events?since=0"</code>.
Reconnect with <code>Last-Event-ID</code> or <code>?after=CURSOR</code>: no event is lost or repeated.
The WebSocket RPC at <code>/rpc</code> (group <code>MillraceRpcs</code>) has the main queries, <code>dispatch</code> and <code>follow</code>.</p>
<p><label for="token">Token for the forms below</label>
<input id="token" type="password" autocomplete="off" placeholder="empty: the session of this browser"></p>`

/** Text with `code` in backticks. */
const prose = (text: string): string => Html.escape(text).replace(/`([^`]+)`/g, "<code>$1</code>")
const pre = (value: unknown): string =>
  `<pre>${Html.escape(typeof value === "string" ? value : JSON.stringify(value, null, 2))}</pre>`

/** The page of one document. */
export const make = (document: Document): HttpServerResponse.HttpServerResponse => {
  const { info, paths, tags, components } = document
  /** A type whose names of schemas are links. */
  const typed = (type: string): string =>
    Html.escape(type).replace(/[A-Z]\w+/g, (name) =>
      name in components.schemas ? `<a href="#schema-${name}">${name}</a>` : name
    )
  const line = ({ about, isRequired, name, type }: Field): string =>
    `<li><code>${Html.escape(name)}</code> ${typed(type)}${isRequired ? "" : ", optional"}${about === undefined ? "" : `. ${prose(about)}`}</li>`
  const fields = (schema: Json): string => {
    const lines = fieldsOf(document, schema).map(line)
    return lines.length === 0 ? `<p>${typed(typeOf(schema))}</p>` : `<ul>${lines.join("")}</ul>`
  }
  const examplesOf = (schema: Json): ReadonlyArray<unknown> => {
    const examples = schema["examples"] ?? resolved(document, schema)["examples"]
    return Array.isArray(examples) ? examples : []
  }

  const form = (path: string, method: string, operation: Operation): string => {
    const { operationId, parameters, requestBody, responses } = operation
    const inputs = parameters.map(({ in: place, name, required }) => {
      const id = `${operationId}-${name}`
      return `<p><label for="${id}">${Html.escape(name)}${required ? "" : " (optional)"}</label>
<input id="${id}" name="${Html.escape(name)}" data-in="${place}"${required ? " required" : ""}></p>`
    })
    const types = Object.keys(responses["200"]?.content ?? {})
    const accept =
      types.length < 2 || method === "post"
        ? ""
        : `<p><label for="${operationId}-accept">accept</label> <select id="${operationId}-accept" name="accept" data-in="header">${types.map((type) => `<option>${type}</option>`).join("")}</select></p>`
    const body = requestBody?.content["application/json"]?.schema
    const [example = {}] = body === undefined ? [] : examplesOf(body)
    const text =
      body === undefined
        ? ""
        : `<p><label for="${operationId}-body">body</label>
<textarea id="${operationId}-body" rows="6" spellcheck="false">${Html.escape(JSON.stringify(example, null, 2))}</textarea></p>`
    return `<form data-path="${Html.escape(path)}" data-method="${method.toUpperCase()}"><h4>Try it</h4>${inputs.join("")}${accept}${text}
<p><button>Send</button> <button type="button" data-curl>Copy as curl</button></p><output tabindex="0" aria-label="Answer of ${operationId}"></output></form>`
  }

  const operationPart = (path: string, method: string, operation: Operation): string => {
    const { operationId, parameters, requestBody, responses, summary } = operation
    const given = parameters.map(({ description, in: place, name, required, schema }) =>
      line({ name, type: `${typeOf(schema)} (${place})`, isRequired: required, about: description })
    )
    const body = Object.entries(requestBody?.content ?? {}).map(([type, { schema }]) => `<h4>Body: ${type}</h4>${fields(schema)}`)
    const answers = Object.entries(responses).map(([status, { content = {}, description, headers = {} }]) => {
      const bodies = Object.entries(content).map(([type, { schema }]) => `<code>${type}</code> ${typed(typeOf(schema))}`)
      const names = Object.keys(headers).filter((name) => name !== "x-request-id")
      const sent = names.length === 0 ? "" : `. Headers: ${names.map((name) => `<code>${name}</code>`).join(", ")}`
      return `<li><b>${status}</b> ${prose(description)} ${bodies.join("; ")}${sent}</li>`
    })
    return `<details id="${operationId}"><summary><b>${method.toUpperCase()}</b> <code>${Html.escape(path)}</code> ${prose(summary ?? "")}</summary>
${given.length === 0 ? "" : `<h4>Parameters</h4><ul>${given.join("")}</ul>`}${body.join("")}
<h4>Answers</h4><ul>${answers.join("")}</ul>${form(path, method, operation)}</details>`
  }

  const operations = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ tag: operation.tags[0], html: operationPart(path, method, operation) }))
  )
  const groups = tags.map(
    ({ description, name }) =>
      `<section aria-labelledby="tag-${name}"><h3 id="tag-${name}">${name}</h3><p>${Html.escape(description)}</p>
${operations.flatMap(({ html, tag }) => (tag === name ? [html] : [])).join("\n")}</section>`
  )
  const schemas = Object.entries(components.schemas).map(([name, schema]) => {
    const { description } = schema
    const about = typeof description === "string" ? `<p>${prose(description)}</p>` : ""
    const data =
      isObject(schema["properties"]) && isObject(schema["properties"]["data"]) ? schema["properties"]["data"] : undefined
    const inner = data !== undefined && name.endsWith("Event") ? `<p><code>data</code>:</p>${fields(data)}` : ""
    return `<details id="schema-${name}"><summary><code>${name}</code></summary>${about}${fields(schema)}${inner}${examplesOf(schema).map(pre).join("")}</details>`
  })
  const links = tags.map(({ name }) => `<a href="#tag-${name}">${name}</a>`)
  return Html.page(
    "Millrace: the interface",
    `<main class="docs"><h1>Millrace: the interface</h1><p>${Html.escape(String(info["description"]))} Version ${Html.escape(String(info["version"]))}.</p>
<nav aria-label="Parts">${links.join(" ")} <a href="#schemas">schemas</a></nav>${introduction}
<h2>Routes</h2>${groups.join("\n")}<h2 id="schemas">Schemas</h2>${schemas.join("\n")}</main>`,
    { script: "/docs.js" }
  )
}
