/**
 * A model endpoint on loopback that speaks the OpenAI Responses API (`POST /v1/responses`, server-sent events) and does what the prompt
 * says (ModelScript): what real agents run against in tests, offline and without an account.
 */
import { Effect, FiberSet, type Scope } from "effect"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { nextSteps, type ResponsesBody, type Step } from "./ModelScript.ts"

export interface ModelEndpoint {
  readonly port: number
  /** Bodies of the newest requests, oldest first, at most 100. */
  readonly requests: Effect.Effect<ReadonlyArray<ResponsesBody>>
}

const readBody = (request: IncomingMessage) =>
  Effect.async<ResponsesBody>((resume) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      const text = Buffer.concat(chunks).toString("utf8")
      resume(Effect.try(() => JSON.parse(text === "" ? "{}" : text) as ResponsesBody).pipe(Effect.orElseSucceed(() => ({}))))
    })
  })

/** Waits for the socket when its buffer is full; a client that is gone ends the wait. */
const send = (response: ServerResponse, type: string, data: object) =>
  Effect.async<void>((resume) => {
    if (response.destroyed || response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`))
      return resume(Effect.void)
    const done = () => {
      response.off("drain", done)
      response.off("close", done)
      resume(Effect.void)
    }
    response.on("drain", done)
    response.on("close", done)
  })

const words = (text: string) => text.split(/(?<= )/)

const respond = Effect.fn("ModelEndpoint.respond")(function* (serial: number, body: ResponsesBody, response: ServerResponse) {
  const steps = nextSteps(body)
  const status = steps.find((step) => step._tag === "Status")
  if (status) {
    response.writeHead(status.code, { "content-type": "application/json" })
    response.end(JSON.stringify({ error: { message: "scripted failure", type: "server_error" } }))
    return
  }
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
            : { type: "function_call", id: `fc_${serial}`, call_id, name: step.name, arguments: step.arguments }
        )
        return
      }
      case "Hang":
        return yield* Effect.async<void>((resume) => void response.once("close", () => resume(Effect.void)))
      case "Cut":
        // Lets what was written reach the client before the connection breaks.
        yield* Effect.sleep(50)
        return void response.destroy()
      case "Failed":
        yield* send(response, "response.failed", {
          response: { id, status: "failed", error: { code: step.code, message: "scripted failure" } }
        })
        return void response.end()
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

/** Listens on a free loopback port until the scope closes; open streams are cut then. */
export const make: Effect.Effect<ModelEndpoint, never, Scope.Scope> = Effect.gen(function* () {
  const seen: Array<ResponsesBody> = []
  const fork = yield* FiberSet.makeRuntime<never>()
  let serial = 0
  const answer = Effect.fnUntraced(function* (request: IncomingMessage, response: ServerResponse) {
    const body = yield* readBody(request)
    if (request.method === "POST" && request.url?.endsWith("/responses") === true) {
      seen.push(body)
      if (seen.length > 100) seen.shift()
      return yield* respond(++serial, body, response)
    }
    const isModels = request.method === "GET" && request.url?.includes("/models") === true
    response.writeHead(isModels ? 200 : 404, { "content-type": "application/json" })
    response.end(JSON.stringify(isModels ? { object: "list", data: [] } : { error: { message: "no such route" } }))
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
  return { port: (server.address() as AddressInfo).port, requests: Effect.sync(() => [...seen]) }
})
