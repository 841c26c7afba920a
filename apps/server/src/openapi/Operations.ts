/**
 * Tags, security, headers, error answers and other formats of the operations. Every rule applies to all operations by their path or status, so that a new
 * route of the contract needs nothing here, unless its answer is not one JSON value.
 */
import { type Answer, type Content, type Json, type Operation, prefix, refOf } from "./Json.ts"
import { unused } from "./Schemas.ts"

export const tags = {
  threads: "Threads, their turns and their items.",
  events: "The log: snapshots, events and commands.",
  requests: "Approvals and questions of agents.",
  providers: "Agents, and the conversations that they stored.",
  access: "Pairing, tokens and browser sessions.",
  openai: "The OpenAI-compatible interface.",
  mcp: "The MCP server, for agents.",
  server: "The server: health, metrics, processes, shutdown."
}
const tagBySegment: Record<string, keyof typeof tags> = {
  threads: "threads",
  turns: "threads",
  items: "threads",
  state: "events",
  events: "events",
  commands: "events",
  requests: "requests",
  providers: "providers",
  pair: "access",
  tokens: "access",
  v1: "openai",
  mcp: "mcp"
}
const tagOf = (path: string): keyof typeof tags =>
  tagBySegment[path.split("/").find((part) => part !== "" && part !== "api") ?? ""] ?? "server"

const withToken = [{ bearer: [] }, { session: [] }]
/** Routes that need a token only if other machines can reach the server. */
const describing = new Set(["/metrics", "/openapi.json"])
const securityOf = (path: string) =>
  /^\/(api\/|v1\/|mcp$)/.test(path) ? withToken : describing.has(path) ? [{}, ...withToken] : []

const header = (description: string, schema: Json) => ({ description, schema })
export const headers = {
  "x-request-id": header("The id of this request. The server's log names it if the request fails.", { type: "string" }),
  "retry-after": header("Seconds to wait before you send the request again.", { type: "integer", minimum: 1 }),
  "www-authenticate": header("The authentication scheme: `Bearer`.", { type: "string" }),
  "x-millrace-last-idx": header("The last offset that the answer covers: the next `since`.", { type: "integer", minimum: 0 }),
  "x-millrace-cursor": header("The same position as a cursor: the next `after`.", { type: "string" }),
  etag: header("Send it as `If-None-Match`: 304 means that nothing has changed.", { type: "string" })
}
type HeaderName = keyof typeof headers
const refs = (names: ReadonlyArray<HeaderName>) =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]))

const headersOf = (status: string): ReadonlyArray<HeaderName> =>
  status === "401"
    ? ["x-request-id", "www-authenticate"]
    : status === "429" || status === "503"
      ? ["x-request-id", "retry-after"]
      : ["x-request-id"]

const reasons: Record<string, string> = {
  "400": "The request is malformed.",
  "401": "There is no valid token.",
  "403": "The token, the Host or the Origin does not permit this.",
  "404": "There is nothing with this id.",
  "409": "The request contradicts the state of the log.",
  "410": "Retention has removed the events.",
  "413": "The body is too large.",
  "422": "A rule rejected the request. Nothing happened.",
  "429": "A limit is reached. Send the request again later.",
  "502": "The agent cannot be reached.",
  "503": "The server is not ready, or its storage is unavailable. Send the request again later."
}

/** Whether an answer has only the library's own error. */
const isUnused = ({ content = {} }: Answer) => Object.values(content).some(({ schema }) => refOf(schema) === unused[0])

const withReasons = (answers: Operation["responses"]): Operation["responses"] =>
  Object.fromEntries(
    Object.entries(answers)
      .filter(([, answer]) => !isUnused(answer))
      .map(([status, answer]) => [
        status,
        {
          ...answer,
          description: reasons[status] ?? answer.description,
          headers: { ...answer.headers, ...refs(headersOf(status)) }
        }
      ])
  )

const sentence = (name: string) =>
  name.charAt(0).toUpperCase() + name.slice(1).replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)

const json = (schema: Json): Content => ({ "application/json": { schema } })
/** Routes whose 503 is the readiness itself. */
const answersReadiness = new Set(["/health", "/ready"])
const notReady = { $ref: `${prefix}NotReady` }
const withNotReady = (answer: Answer = { description: "" }): Answer => {
  const schema = answer.content?.["application/json"]?.schema
  const errors = schema === undefined ? [] : Array.isArray(schema["oneOf"]) ? schema["oneOf"] : [schema]
  return { ...answer, content: json(errors.length === 0 ? notReady : { anyOf: [...errors, notReady] }) }
}

export const finishOperation = (path: string, operation: Operation): Operation => {
  const operationId = operation.operationId.replace(/^.*\./, "")
  return {
    ...operation,
    operationId,
    summary: operation.summary ?? sentence(operationId),
    tags: [tagOf(path)],
    security: securityOf(path),
    responses: withReasons({
      ...operation.responses,
      ...(!answersReadiness.has(path) && !path.startsWith("/v1/") && { 503: withNotReady(operation.responses["503"]) }),
      500: { description: "Internal error.", content: json({ $ref: `${prefix}InternalError` }) }
    })
  }
}

const successOf = (answers: Operation["responses"]) => Object.keys(answers).find((status) => status.startsWith("2")) ?? "200"

/** Adds content types and headers to the success answer. */
const answers =
  (more: { readonly content?: Content; readonly headers?: ReadonlyArray<HeaderName>; readonly unchanged?: true }) =>
  (operation: Operation): Operation => {
    const status = successOf(operation.responses)
    const answer = operation.responses[status] ?? { description: "Success" }
    return {
      ...operation,
      responses: {
        ...operation.responses,
        [status]: {
          ...answer,
          content: { ...answer.content, ...more.content },
          headers: { ...answer.headers, ...refs(more.headers ?? []) }
        },
        ...(more.unchanged && {
          304: { description: "Not changed since the `If-None-Match`.", headers: refs([...(more.headers ?? []), "x-request-id"]) }
        })
      }
    }
  }

const lines = (contentMediaType: string, name: string, description: string, example: string): Content => ({
  [contentMediaType]: {
    schema: { type: "string", contentMediaType, contentSchema: { $ref: prefix + name }, description },
    example
  }
})

const stored = `{"offset":42,"stream":"thread/thr_01KB7R","version":7,"type":"turn.dispatched","at":"2026-11-20T09:00:00.000Z","epoch":1,"data":{"threadId":"thr_01KB7R","turnId":"trn_01KB7S"}}`
const openAiStream = {
  content: {
    "text/event-stream": {
      schema: { type: "string", description: "With `stream: true`: OpenAI's events." },
      example: "data: {}\n\n"
    }
  }
}

/** Operations with answers that are not one JSON value, by their ids. */
export const special: Record<string, (operation: Operation) => Operation> = {
  state: answers({ headers: ["x-millrace-last-idx", "etag"], unchanged: true }),
  events: answers({
    headers: ["x-millrace-last-idx", "x-millrace-cursor", "etag"],
    unchanged: true,
    content: {
      ...lines("application/x-ndjson", "Event", "One event on each line.", `${stored}\n`),
      ...lines(
        "text/event-stream",
        "Frame",
        "One frame in each block. A block without `event:` is an event: `data:` is the event, `id:` its cursor. In other blocks `event:` is the frame's `_tag`, and `data:` has its other fields.",
        `event: open\ndata: {"logEpoch":"01KB7Q0000000000000000000A","head":42}\nretry: 1000\n\ndata: ${stored}\nid: 01KB7Q0000000000000000000A-42\n\nevent: caught-up\ndata: {"head":42,"replayed":1,"requests":0}\n\n`
      )
    }
  }),
  exportThread: answers({
    content: {
      "application/json": { schema: { type: "object" } },
      "application/x-ndjson": { schema: { type: "string", description: "The header, then one event on each line." } },
      "text/markdown": { schema: { type: "string" } }
    }
  }),
  importThread: (operation) => ({
    ...operation,
    requestBody: {
      required: true,
      content: {
        "application/json": { schema: { type: "object", description: "A `json` export." } },
        "application/x-ndjson": { schema: { type: "string", description: "An `ndjson` export." } }
      }
    }
  }),
  createChatCompletion: answers(openAiStream),
  createResponse: answers(openAiStream),
  openPairingLink: answers({})
}
