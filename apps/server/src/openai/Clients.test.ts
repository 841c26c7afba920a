/**
 * Four third-party clients, unmodified and with their default settings, against a real server: a turn that failed or that a person stopped is run once,
 * a successful answer is returned, and a stream that fails is an error.
 */
import { createOpenAI } from "@ai-sdk/openai"
import { createOpenAICompatible } from "@ai-sdk/openai-compatible"
import { describe, expect, it } from "@effect/vitest"
import * as Client from "@millrace/client/Client"
import type { ThreadId } from "@millrace/contracts/Ids"
import { ChatOpenAI } from "@langchain/openai"
import { Agent, OpenAIProvider, Runner, setTracingDisabled } from "@openai/agents"
import { generateText, streamText } from "ai"
import { Data, Effect, Option, Stream } from "effect"
import OpenAI from "openai"
import { fair } from "../../test/support/Fixture.ts"
import * as Hosted from "../../test/support/Hosted.ts"

class Thrown extends Data.TaggedError("Thrown")<{ readonly error: unknown }> {}

interface Place {
  readonly baseURL: string
  readonly apiKey: string
}

type Call = (at: Place, prompt: string) => Promise<string>

/** The calls by client and endpoint, whole and streamed. Each returns the text or throws. */
const clients: Readonly<Record<string, Call>> = {
  "openai chat": async (at, content) => {
    const answer = await new OpenAI(at).chat.completions.create({ model: "demo", messages: [{ role: "user", content }] })
    return answer.choices[0]?.message.content ?? ""
  },
  "openai chat, streamed": async (at, content) => {
    let text = ""
    const messages = [{ role: "user", content }] as const
    for await (const chunk of await new OpenAI(at).chat.completions.create({
      model: "demo",
      messages: [...messages],
      stream: true
    }))
      text += chunk.choices[0]?.delta.content ?? ""
    return text
  },
  "openai responses": async (at, input) => (await new OpenAI(at).responses.create({ model: "demo", input })).output_text,
  "openai responses, streamed": async (at, input) =>
    (await new OpenAI(at).responses.stream({ model: "demo", input }).finalResponse()).output_text,
  "ai openai-compatible": async (at, prompt) =>
    (await generateText({ model: createOpenAICompatible({ name: "millrace", ...at })("demo"), prompt })).text,
  "ai openai-compatible, streamed": async (at, prompt) => {
    let failed: unknown
    const model = createOpenAICompatible({ name: "millrace", ...at })("demo")
    const { textStream } = streamText({ model, prompt, onError: ({ error }) => void (failed = error) })
    let text = ""
    for await (const piece of textStream) text += piece
    if (failed !== undefined) throw failed
    return text
  },
  "ai openai responses": async (at, prompt) => (await generateText({ model: createOpenAI(at).responses("demo"), prompt })).text,
  "ai openai responses, streamed": async (at, prompt) => {
    let failed: unknown
    const model = createOpenAI(at).responses("demo")
    const { textStream } = streamText({ model, prompt, onError: ({ error }) => void (failed = error) })
    let text = ""
    for await (const piece of textStream) text += piece
    if (failed !== undefined) throw failed
    return text
  },
  "langchain chat": async ({ apiKey, baseURL }, prompt) =>
    (await new ChatOpenAI({ model: "demo", apiKey, configuration: { baseURL } }).invoke(prompt)).text,
  "langchain chat, streamed": async ({ apiKey, baseURL }, prompt) => {
    let text = ""
    for await (const piece of await new ChatOpenAI({ model: "demo", apiKey, configuration: { baseURL } }).stream(prompt))
      text += piece.text
    return text
  },
  "langchain responses": async ({ apiKey, baseURL }, prompt) =>
    (await new ChatOpenAI({ model: "demo", apiKey, useResponsesApi: true, configuration: { baseURL } }).invoke(prompt)).text,
  "langchain responses, streamed": async ({ apiKey, baseURL }, prompt) => {
    let text = ""
    const model = new ChatOpenAI({ model: "demo", apiKey, useResponsesApi: true, configuration: { baseURL } })
    for await (const piece of await model.stream(prompt)) text += piece.text
    return text
  },
  "agents chat": async (at, prompt) => agents(at, prompt, false),
  "agents responses": async (at, prompt) => agents(at, prompt, true),
  "agents responses, streamed": async (at, prompt) => {
    const runner = new Runner({ modelProvider: new OpenAIProvider({ ...at, useResponses: true }), tracingDisabled: true })
    const result = await runner.run(new Agent({ name: "a", model: "demo" }), prompt, { stream: true })
    let text = ""
    for await (const piece of result.toTextStream()) text += piece
    await result.completed
    return text
  }
}

const agents = async (at: Place, prompt: string, useResponses: boolean) => {
  setTracingDisabled(true)
  const runner = new Runner({ modelProvider: new OpenAIProvider({ ...at, useResponses }), tracingDisabled: true })
  return String((await runner.run(new Agent({ name: "a", model: "demo" }), prompt)).finalOutput)
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : JSON.stringify(error))

const made = (run: () => Promise<string>) => Effect.tryPromise({ try: run, catch: (error) => new Thrown({ error }) })

/** Interrupts each turn whose agent says "stop me"; accepts every request. */
const attended = (hosted: Hosted.Hosted) =>
  hosted.host.follow({}).pipe(
    Stream.filterMap((frame) => (frame._tag === "event" ? Option.some(frame.event) : Option.none())),
    Stream.runForEach((event) => {
      const data = event.data as { readonly threadId: ThreadId; readonly requestId?: string; readonly text?: string }
      if (event.type === "request.opened" && data.requestId !== undefined)
        return Effect.flatMap(
          Client.command("request.answer", { requestId: data.requestId, decision: "accept" } as never),
          hosted.host.dispatch
        )
      return event.type === "item.completed" && data.text === "stop me"
        ? Effect.flatMap(Client.command("turn.interrupt", { threadId: data.threadId }), hosted.host.dispatch)
        : Effect.void
    })
  )

describe("third-party clients", () => {
  for (const [name, call] of Object.entries(clients))
    it.live(`T11 D13 ${name}: a failed and an interrupted turn run once each, a completed one gives its answer`, () =>
      Effect.gen(function* () {
        const hosted = yield* Hosted.start()
        yield* Effect.forkScoped(attended(hosted))
        const at = { baseURL: `${hosted.url}/v1`, apiKey: hosted.token }
        const threads = Effect.map(hosted.host.state, (state) => state.threads.length)
        const failed = yield* Effect.flip(made(() => call(at, "[[say so far]] [[fail no luck]]")))
        expect(wordsOf(failed.error)).toContain("no luck")
        expect(yield* threads).toBe(1)
        yield* Effect.flip(made(() => call(at, "[[say stop me]] [[sleep 600000]]")))
        expect(yield* threads).toBe(2)
        expect(yield* made(() => call(at, "[[think hm]] [[run echo hello]] [[say done well]]"))).toBe("done well")
        expect(yield* threads).toBe(3)
      }).pipe(Effect.scoped, fair)
    )
})
