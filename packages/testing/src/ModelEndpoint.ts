/**
 * A model endpoint on loopback. It follows the script in the prompt (ModelScript). It speaks the OpenAI Responses API (`POST /v1/responses`, server-sent
 * events), Chat Completions (`POST /v1/chat/completions`, ChatAnswer.ts) and the Gemini API (GeminiAnswer.ts). Real agents run against it offline and without an account.
 */
import { Deferred, Effect, FiberSet, type Scope } from "effect"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import * as ChatAnswer from "./ChatAnswer.ts"
import * as GeminiAnswer from "./GeminiAnswer.ts"
import { words, write } from "./ModelStream.ts"
import { type ChatBody, nextSteps, ofChat, type ResponsesBody, type Step } from "./ModelScript.ts"

export interface ModelEndpoint {
  readonly port: number
  /** Bodies of the newest requests, oldest first, at most 100. */
  readonly requests: Effect.Effect<ReadonlyArray<ResponsesBody>>
  /** Bodies of the newest chat requests, unchanged. */
  readonly chats: Effect.Effect<ReadonlyArray<ChatBody>>
  /** Returns when a client has cut its request. */
  readonly cut: Effect.Effect<void>
}

export interface Options {
  /** The models that `GET /v1/models` lists. Default: none. */
  readonly models?: ReadonlyArray<string>
  /** The required value of the `Authorization` header; otherwise 401. Default: no check. */
  readonly key?: string
  /** Headers of the answer to `[[status CODE]]`. */
  readonly headers?: Readonly<Record<string, string>>
  /** Number of first requests whose connection is cut before any part of the answer. */
  readonly dropFirst?: number
}

type Body = ResponsesBody & ChatBody & GeminiAnswer.GeminiBody

const readBody = (request: IncomingMessage) =>
  Effect.async<Body>((resume) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      const text = Buffer.concat(chunks).toString("utf8")
      resume(Effect.try(() => JSON.parse(text === "" ? "{}" : text) as Body).pipe(Effect.orElseSucceed(() => ({}))))
    })
  })

const send = (response: ServerResponse, type: string, data: object) =>
  write(response, `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`)

const respond = Effect.fn("ModelEndpoint.respond")(function* (
  serial: number,
  steps: ReadonlyArray<Step>,
  response: ServerResponse
) {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" })
  const id = `resp_${serial}`
  yield* send(response, "response.created", { response: { id, status: "in_progress" } })
  let outputs = 0
  let message: { readonly id: string; text: string } | undefined
  const add = (item: object) => send(response, "response.output_item.added", { output_index: outputs, item })
  const done = (item: object) => send(response, "response.output_item.done", { output_index: outputs++, item })
  const closeMessage = Effect.suspend(() => {
    const open = message
    message = undefined
    return open
      ? done({ type: "message", id: open.id, role: "assistant", content: [{ type: "output_text", text: open.text }] })
      : Effect.void
  })
  const say = Effect.fnUntraced(function* (delta: string) {
    if (message === undefined) {
      message = { id: `msg_${serial}_${outputs}`, text: "" }
      yield* add({ type: "message", id: message.id, role: "assistant", content: [] })
    }
    message.text += delta
    const at = { item_id: message.id, output_index: outputs, content_index: 0 }
    yield* send(response, "response.output_text.delta", { ...at, delta })
  })
  const play = Effect.fnUntraced(function* (step: Step) {
    switch (step._tag) {
      case "Text":
        for (const word of words(step.text)) yield* say(word)
        return
      case "Deltas":
        for (let n = 1; n <= step.count && !response.destroyed; n++) {
          yield* say(`d${n} `)
          if (step.everyMillis > 0) yield* Effect.sleep(step.everyMillis)
        }
        return
      case "Think": {
        const item_id = `rs_${serial}_${outputs}`
        const at = { item_id, output_index: outputs, summary_index: 0 }
        yield* add({ type: "reasoning", id: item_id, summary: [] })
        yield* send(response, "response.reasoning_summary_part.added", { ...at, part: { type: "summary_text", text: "" } })
        for (const delta of words(step.text)) yield* send(response, "response.reasoning_summary_text.delta", { ...at, delta })
        yield* done({
          type: "reasoning",
          id: item_id,
          summary: [{ type: "summary_text", text: step.text }],
          encrypted_content: null
        })
        return
      }
      case "Call": {
        yield* closeMessage
        const call_id = `call_${serial}_${outputs}`
        yield* done(
          step.custom
            ? { type: "custom_tool_call", id: `ctc_${serial}`, call_id, name: step.name, input: step.arguments }
            : { type: "function_call", id: `fc_${serial}`, call_id, ...toolOf(step.name), arguments: step.arguments }
        )
        return
      }
      case "Hang":
        return yield* Effect.async<void>((resume) => void response.once("close", () => resume(Effect.void)))
      case "Cut":
        // The client must receive the written bytes before the connection breaks.
        yield* Effect.sleep(50)
        return void response.destroy()
      case "Failed":
        yield* send(response, "response.failed", {
          response: { id, status: "failed", error: { code: step.code, message: "scripted failure" } }
        })
        return void response.end()
      case "Garbage":
        return yield* write(response, `data: ${step.text}\n\n`)
      case "Flood":
        return yield* write(response, `data: ${"x".repeat(step.bytes)}\n\n`)
      case "Finish":
        yield* closeMessage
        yield* send(response, "response.incomplete", {
          response: { id, status: "incomplete", incomplete_details: { reason: step.reason } }
        })
        return void response.end()
      case "Leak":
      case "Plain":
      case "Status":
        return
    }
  })
  for (const step of steps) {
    if (response.destroyed || response.writableEnded) return
    yield* play(step)
  }
  if (response.destroyed || response.writableEnded) return
  yield* closeMessage
  const usage = {
    input_tokens: 100,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: 10,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 110
  }
  yield* send(response, "response.completed", { response: { id, status: "completed", output: [], usage } })
  response.end()
})

/** The name of a tool from `NAMESPACE/TOOL`: Codex gives the tools of each MCP server a namespace. */
const toolOf = (name: string) => {
  const [tool = "", namespace] = name.split("/").toReversed()
  return namespace === undefined ? { name: tool } : { namespace, name: tool }
}

/** Listens on a free loopback port until the scope closes. Then it cuts open streams. */
export const makeWith = Effect.fn("ModelEndpoint.make")(function* (
  options: Options
): Effect.fn.Return<ModelEndpoint, never, Scope.Scope> {
  const seen: Array<ResponsesBody> = []
  const chats: Array<ChatBody> = []
  const fork = yield* FiberSet.makeRuntime<never>()
  const cut = yield* Deferred.make<void>()
  let serial = 0
  let drops = options.dropFirst ?? 0
  const remember = <A>(list: Array<A>, body: A) => {
    list.push(body)
    if (list.length > 100) list.shift()
  }
  /** Answers with an HTTP error status and an error object. */
  const refuse = (response: ServerResponse, code: number, error: object, headers: Options["headers"] = {}) => {
    response.writeHead(code, { "content-type": "application/json", ...headers })
    response.end(JSON.stringify({ error }))
  }
  const answer = Effect.fnUntraced(function* (request: IncomingMessage, response: ServerResponse) {
    const body = yield* readBody(request)
    const authorization = request.headers.authorization ?? ""
    if (options.key !== undefined && authorization !== `Bearer ${options.key}`)
      return refuse(response, 401, { message: `Incorrect API key provided: ${authorization}`, code: "invalid_api_key" })
    if (request.method === "GET" && request.url?.includes("/models") === true) {
      response.writeHead(200, { "content-type": "application/json" })
      const data = (options.models ?? []).map((id) => ({ id, object: "model" }))
      return void response.end(JSON.stringify({ object: "list", data }))
    }
    const isChat = request.url?.endsWith("/chat/completions") === true
    const [, gemini] = /:(generateContent|streamGenerateContent)\b/.exec(request.url ?? "") ?? []
    if (request.method !== "POST" || (!isChat && gemini === undefined && request.url?.endsWith("/responses") !== true))
      return refuse(response, 404, { message: "no such route" })
    if (isChat) remember(chats, body)
    else remember(seen, body)
    if (drops-- > 0) return void response.destroy()
    if (gemini === "generateContent") return GeminiAnswer.aside(response)
    const steps = nextSteps(isChat ? ofChat(body) : gemini === undefined ? body : GeminiAnswer.ofGemini(body))
    for (const step of steps) {
      if (step._tag === "Status")
        return refuse(response, step.code, { message: "scripted failure", type: "scripted" }, options.headers)
      if (step._tag === "Plain") {
        response.on("close", () => Deferred.unsafeDone(cut, Effect.void))
        response.writeHead(200, { "content-type": "text/plain" })
        return void response.write("hello")
      }
      if (step._tag === "Leak") return refuse(response, 500, { message: `it broke with ${authorization}` })
    }
    response.on("close", () => {
      if (!response.writableEnded) Deferred.unsafeDone(cut, Effect.void)
    })
    if (gemini !== undefined) return yield* GeminiAnswer.respond(++serial, steps, response)
    return yield* isChat ? ChatAnswer.respond(++serial, steps, response) : respond(++serial, steps, response)
  })
  const server = yield* Effect.acquireRelease(
    Effect.sync(() => createServer((request, response) => void fork(answer(request, response)))),
    (open) =>
      Effect.async<void>((resume) => {
        open.close(() => resume(Effect.void))
        open.closeAllConnections()
      })
  )
  yield* Effect.async<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void)))
  return {
    port: (server.address() as AddressInfo).port,
    requests: Effect.sync(() => [...seen]),
    chats: Effect.sync(() => [...chats]),
    cut: Deferred.await(cut)
  }
})

export const make = makeWith({})
