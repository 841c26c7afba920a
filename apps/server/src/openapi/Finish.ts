/**
 * What the platform's generator cannot express, added to its document: discriminators, tags, security, answers in other formats, and headers. Every rule
 * applies to all operations by their path or status, so that a new route of the contract needs nothing here.
 */

/** JSON of the document. */
export type Json = { [key: string]: unknown }
export interface Operation extends Json {
  operationId: string
  summary?: string
  tags: ReadonlyArray<string>
  security: ReadonlyArray<Record<string, ReadonlyArray<string>>>
  responses: Record<string, Answer>
  requestBody?: { content: Content }
  parameters: ReadonlyArray<{ name: string; in: string; required: boolean; description?: string; schema: Json }>
}
export interface Answer extends Json {
  description: string
  content?: Content
  headers?: Json
}
export type Content = Record<string, { schema: Json; example?: unknown }>
export interface Document {
  openapi: string
  info: Json
  servers: ReadonlyArray<Json>
  tags: ReadonlyArray<{ name: string; description: string }>
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Json>; securitySchemes: Json; headers: Json }
}

const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value)

/** Replaces each object of a JSON tree, the inner ones first. */
const mapObjects = (value: unknown, change: (object: Json) => Json): unknown =>
  Array.isArray(value)
    ? value.map((one) => mapObjects(one, change))
    : isObject(value)
      ? change(Object.fromEntries(Object.entries(value).map(([key, one]) => [key, mapObjects(one, change)])))
      : value

const prefix = "#/components/schemas/"
const refOf = (schema: unknown): string | undefined =>
  isObject(schema) && typeof schema["$ref"] === "string" ? schema["$ref"].slice(prefix.length) : undefined

const discriminators = ["type", "_tag", "kind", "status"]

/** A union of named schemas that differ in the value of one field, as `oneOf` with the discriminator. */
const discriminated =
  (schemas: Record<string, Json>) =>
  (schema: Json): Json => {
    const members = schema["anyOf"]
    if (!Array.isArray(members)) return schema
    const names = members.flatMap((member) => refOf(member) ?? [])
    if (names.length !== members.length) return schema
    const valuesOf = (name: string, field: string): ReadonlyArray<string> => {
      const properties = schemas[name]?.["properties"]
      const its = isObject(properties) ? properties[field] : undefined
      return isObject(its) && Array.isArray(its["enum"]) ? its["enum"] : []
    }
    const propertyName = discriminators.find((field) => {
      const values = names.map((name) => valuesOf(name, field))
      return values.every((some) => some.length > 0) && new Set(values.flat()).size === values.flat().length
    })
    if (propertyName === undefined) return schema
    const { anyOf, ...rest } = schema
    const mapping = Object.fromEntries(
      names.flatMap((name) => valuesOf(name, propertyName).map((value) => [value, prefix + name]))
    )
    return { ...rest, oneOf: anyOf, discriminator: { propertyName, mapping } }
  }

/** Schemas of the library for errors that this server reports as `BadRequest`. */
const unused = ["HttpApiDecodeError", "Issue", "PropertyKey"]

const isLibraryTitle = (title: unknown) => typeof title === "string" && /^[a-z][A-Za-z]*(\(.*\))?$/.test(title)
const isLibraryDescription = (description: unknown) =>
  typeof description === "string" && /^an? (string|number|integer|positive|negative|non-|array)/.test(description)

/** The members of a union. The generator nests a union of several payloads, answers or errors. */
const membersOf = (schema: Json): ReadonlyArray<Json> => {
  const members = schema["anyOf"]
  return Array.isArray(members) && Object.keys(schema).length === 1 ? members : [schema]
}

/** Removes what the library adds: nested unions, ids that are not addresses, titles and descriptions that repeat the type, and its own error. */
const cleaned = (object: Json): Json => {
  const { anyOf } = object
  if (Array.isArray(anyOf)) {
    const [only, ...others] = anyOf.flatMap(membersOf).filter((member) => refOf(member) !== unused[0])
    return others.length === 0 && only !== undefined ? only : { ...object, anyOf: [only, ...others] }
  }
  if (!["type", "$ref", "$id"].some((key) => typeof object[key] === "string")) return object
  const { $id: _, $ref, description, title, ...rest } = object
  return {
    ...rest,
    ...(refOf(object) === "Int" ? { type: "integer" } : $ref !== undefined && { $ref }),
    ...(title !== undefined && !isLibraryTitle(title) && { title }),
    ...(description !== undefined && !isLibraryDescription(description) && { description })
  }
}

const shapeOf = (schema: Json) => JSON.stringify({ ...schema, description: undefined, examples: undefined })

/** Replaces an object or a union that has the shape of a named schema by its name: the generator writes a payload and an answer in full. */
const byName = (schemas: Record<string, Json>) => {
  const names = new Map(
    Object.entries(schemas).flatMap(([name, schema]) =>
      "properties" in schema || "oneOf" in schema || "anyOf" in schema ? [[shapeOf(schema), name] as const] : []
    )
  )
  return (schema: Json): Json => {
    const name = names.get(shapeOf(schema))
    return name === undefined ? schema : { $ref: prefix + name, ...("examples" in schema && { examples: schema["examples"] }) }
  }
}

/** The names of the schemas that these values refer to, also through other schemas. */
const reachable = (schemas: Record<string, Json>, from: unknown): ReadonlySet<string> => {
  const found = new Set<string>()
  const visit = (value: unknown) =>
    mapObjects(value, (object) => {
      const name = refOf(object)
      if (name !== undefined && !found.has(name)) {
        found.add(name)
        visit(schemas[name])
      }
      return object
    })
  visit(from)
  return found
}

/** A newer server may add fields to an answer. */
const open = (object: Json): Json => {
  const { additionalProperties, ...rest } = object
  return additionalProperties === false ? rest : object
}

export const tags = {
  threads: "Threads, their turns and their items.",
  events: "The log: snapshots, events and commands.",
  requests: "Approvals and questions of agents.",
  providers: "Agents, and the conversations that they stored.",
  access: "Pairing, tokens and browser sessions.",
  openai: "The OpenAI-compatible interface.",
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
  v1: "openai"
}
const tagOf = (path: string): keyof typeof tags =>
  tagBySegment[path.split("/").find((part) => part !== "" && part !== "api") ?? ""] ?? "server"

const withToken = [{ bearer: [] }, { session: [] }]
/** Routes that need a token only if other machines can reach the server. */
const describing = new Set(["/metrics", "/openapi.json"])
const securityOf = (path: string) => (/^\/(api|v1)\//.test(path) ? withToken : describing.has(path) ? [{}, ...withToken] : [])

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
  "422": "A rule refused the request. Nothing happened.",
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

const finishOperation = (path: string, operation: Operation): Operation => {
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

/** Operations with answers that are not one JSON value. */
const special: Record<string, (operation: Operation) => Operation> = {
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

const plainError = (description: string, ...tags: ReadonlyArray<string>): Json => ({
  type: "object",
  required: ["_tag", "message"],
  properties: { _tag: { type: "string", enum: tags }, message: { type: "string" } },
  description
})
/** Errors that no handler returns (`Guard.ts`, `NotReady.ts`). */
const ofGuard = {
  InternalError: plainError("A fault of the server. Its log has the `x-request-id` of the answer.", "InternalError"),
  NotReady: plainError("The server starts, shuts down or is unavailable.", "Starting", "ShuttingDown", "Unavailable")
}

/** `cookie`: the name of the session cookie. */
export const finish = (
  generated: object,
  { cookie, version }: { readonly cookie: string; readonly version: string }
): Document => {
  const raw = JSON.parse(JSON.stringify(generated)) as Document
  const clean = mapObjects(raw.components.schemas, cleaned) as Record<string, Json>
  const { Int: _, ...used } = Object.fromEntries(Object.entries(clean).filter(([name]) => !unused.includes(name)))
  const schemas: Record<string, Json> = { ...used, ...ofGuard }
  const union = discriminated(schemas)
  const known = mapObjects(schemas, union) as Record<string, Json>
  const named = {
    ...raw,
    paths: mapObjects(mapObjects(mapObjects(raw.paths, cleaned), union), byName(known)) as Document["paths"],
    components: { schemas: known }
  }
  const paths = Object.fromEntries(
    Object.entries(named.paths).map(([path, item]) => [
      path,
      Object.fromEntries(
        Object.entries(item).map(([method, operation]) => {
          const done = finishOperation(path, operation)
          return [method, special[done.operationId]?.(done) ?? done]
        })
      )
    ])
  )
  // Bodies under /api are strict: the server refuses an unknown field.
  const strict = reachable(
    named.components.schemas,
    Object.entries(paths).flatMap(([path, item]) =>
      path.startsWith("/v1/") ? [] : Object.values(item).map(({ parameters, requestBody }) => [parameters, requestBody])
    )
  )
  const opened = Object.fromEntries(
    Object.entries(named.components.schemas).map(([name, schema]) => [name, strict.has(name) ? schema : mapObjects(schema, open)])
  ) as Record<string, Json>
  const openAnswers = (item: Record<string, Operation>) =>
    Object.fromEntries(
      Object.entries(item).map(([method, operation]) => [
        method,
        { ...operation, responses: mapObjects(operation.responses, open) }
      ])
    )
  const info = { ...named.info, version, license: { name: "Apache-2.0", identifier: "Apache-2.0" } }
  return {
    openapi: named.openapi,
    info,
    servers: [{ url: "/" }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths: Object.fromEntries(Object.entries(paths).map(([path, item]) => [path, openAnswers(item)])) as Document["paths"],
    components: {
      schemas: opened,
      headers,
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "A token: `millrace token create`, or `POST /pair`." },
        session: {
          type: "apiKey",
          in: "cookie",
          name: cookie,
          description: "The session of a paired browser. A change also needs the server's own `Origin`."
        }
      }
    }
  }
}
