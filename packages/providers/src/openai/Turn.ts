/**
 * One turn at an endpoint: sends the conversation and reads the answer. Each tool call becomes a request to the client, and its result is sent
 * with the conversation in the next request, until an answer has no calls. A request is retried only while no part of its answer has arrived.
 */
import { defined } from "@millrace/contracts/Defined"
import * as Text from "@millrace/contracts/Text"
import type { Answer, Failure, Usage } from "@millrace/contracts/Item"
import { Deferred, Effect, Schedule, Stream } from "effect"
import type { NativeEvent } from "../NativeEvent.ts"
import * as Calls from "./Calls.ts"
import type { Endpoint, OpenAiOptions } from "./Endpoint.ts"
import * as Failures from "./Failures.ts"
import * as Mapping from "./Mapping.ts"
import { noResult, type ToolCall, type Transcript, type UserMessage } from "./Transcript.ts"
import * as UnreadContent from "./UnreadContent.ts"
import * as Wire from "./Wire.ts"

export interface Surroundings {
  readonly endpoint: Endpoint
  readonly options: OpenAiOptions
  readonly model: string
  readonly effort: string | undefined
  /** The configured instructions and the thread's. */
  readonly instructions: string | undefined
  readonly transcript: Transcript
  /** Emits events, in order; never waits. */
  readonly emit: (events: ReadonlyArray<NativeEvent>) => void
  /** Waits while the queue of emitted events is full. */
  readonly awaitCapacity: Effect.Effect<void>
  /** Requests that wait for an answer, by native id. */
  readonly openRequests: Map<string, Deferred.Deferred<Answer>>
}

const cut: Failure = { kind: "transport", message: "The endpoint ended its answer before the model had finished it." }

const chatBody = ({ effort, instructions, model, options, transcript }: Surroundings) => ({
  model,
  messages: [...(instructions === undefined ? [] : [{ role: "system", content: instructions }]), ...transcript.render("chat")],
  stream: true,
  stream_options: { include_usage: true },
  ...(options.tools === undefined || options.tools.length === 0
    ? {}
    : { tools: options.tools.map((tool) => ({ type: "function", function: tool })) }),
  ...options.parameters,
  ...(effort === undefined ? {} : { reasoning_effort: effort })
})

const responsesBody = ({ effort, instructions, model, options, transcript }: Surroundings) => ({
  model,
  input: transcript.render("responses"),
  ...defined({ instructions }),
  stream: true,
  store: false,
  ...(options.tools === undefined || options.tools.length === 0
    ? {}
    : { tools: options.tools.map((tool) => Object.assign({ type: "function" }, tool)) }),
  ...options.parameters,
  ...(effort === undefined ? {} : { reasoning: { effort } })
})

/** The failure of a finished answer without usable content (T15). `first`: the first answer of its turn. */
const lacking = (mapping: Mapping.Mapping, finish: string, unread: string, first: boolean): Failure | undefined => {
  const failure = (message: string): Failure => ({
    kind: "protocol",
    message,
    detail: `finish reason ${Text.cut(finish, 100)}${unread === "" ? "" : `; not read: ${unread}`}`
  })
  const refused = mapping.refused()
  if (refused !== undefined) return failure(refused)
  if (mapping.calls().length === 0 && Failures.isCall(finish))
    return failure("The model ended its answer to call a tool, but the answer contains no readable call.")
  // After a call the model may have no further text.
  return first && mapping.empty()
    ? failure("The endpoint ended its answer with nothing in it: no text, no reasoning, no call.")
    : undefined
}

/** Sends one request and reads its answer to the end. `first`: the first request of its turn. */
const request = (around: Surroundings, turn: string, mapping: Mapping.Mapping, first: boolean): Effect.Effect<void, Failure> =>
  Effect.suspend(() => {
    const { endpoint, options, awaitCapacity, emit } = around
    const dialect = options.api ?? "chat"
    const unread = UnreadContent.make(turn, `openai/${dialect}`)
    let hasEnded = false
    let failed: Failure | undefined
    const read = (event: string | Failure): void => {
      if (hasEnded || failed !== undefined) return
      if (typeof event !== "string") return void (failed = event)
      const all = Wire.decode(dialect, event)
      if (all === undefined)
        return emit([
          {
            _tag: "Opaque",
            nativeTurnId: turn,
            method: "millrace/bad-line",
            payload: { text: Text.cut(event, 4096), bytes: Buffer.byteLength(event) }
          }
        ])
      for (const part of all)
        if (part._tag === "Failed") failed = part.failure
        else if (part._tag === "Other") emit(unread.keep(part, event))
        else emit(mapping.push(part))
      hasEnded = event.trim() === Wire.done || (dialect === "responses" && mapping.finish() !== undefined)
    }
    return endpoint.answer(dialect === "chat" ? chatBody(around) : responsesBody(around)).pipe(
      Stream.takeUntil((event) => {
        read(event)
        return hasEnded || failed !== undefined
      }),
      Stream.runForEachChunk(() => awaitCapacity),
      // An answer with a finish reason is complete, even if the connection then fails.
      Effect.catchAll((failure) => (mapping.finish() === undefined ? Effect.fail(failure) : Effect.void)),
      Effect.flatMap(() => {
        emit(unread.end())
        if (failed !== undefined) return Effect.fail(failed)
        // Some servers send [DONE] without a finish reason.
        const finish = mapping.finish() ?? (hasEnded && mapping.begun() ? "stop" : undefined)
        const wrong = finish === undefined ? cut : (Failures.ofFinish(finish) ?? lacking(mapping, finish, unread.names(), first))
        return wrong === undefined ? Effect.void : Effect.fail(wrong)
      })
    )
  })

/** Reason of a turn that ends because a person cancelled a call. */
export const cancelled = "the call was cancelled"

/** Requests the result of each call. Afterwards the transcript has a result for every call. `false`: a person cancelled, so the turn must end. */
const call = ({ openRequests, emit, transcript }: Surroundings, turn: string, name: string, calls: ReadonlyArray<ToolCall>) =>
  Effect.suspend(() => {
    const results = new Map<string, string>()
    const ask = (one: ToolCall, at: number) =>
      Effect.gen(function* () {
        const native = `${name} call ${at + 1}`
        const waiting = yield* Deferred.make<Answer>()
        openRequests.set(native, waiting)
        emit(Calls.opened(turn, native, one))
        const given = Calls.given(yield* Deferred.await(waiting))
        if (given === undefined) return false
        results.set(one.id, given.text)
        emit([Calls.closed(turn, native, one, given)])
        return true
      })
    return Effect.forEach(calls, ask, { concurrency: "unbounded" }).pipe(
      Effect.map((all) => all.every(Boolean)),
      Effect.ensuring(
        Effect.sync(() => {
          openRequests.clear()
          for (const { id } of calls) transcript.add({ role: "tool", id, text: results.get(id) ?? noResult })
        })
      )
    )
  })

/** The first message of a turn. */
export type Prompt = Pick<UserMessage, "text" | "images">

export interface Over {
  readonly usage: Usage | undefined
  readonly outcome: "completed" | "interrupted"
}

/** Runs a turn. `turn`: its native id. Fails with the failure of the turn. */
export const run = (around: Surroundings, turn: string, prompt: Prompt): Effect.Effect<Over, Failure> =>
  Effect.gen(function* () {
    const { options, emit, transcript } = around
    transcript.add({ role: "user", ...prompt })
    let usage: Usage | undefined
    for (let n = 1; ; n++) {
      const name = `${turn} ${n}`
      let mapping = Mapping.make(turn, name)
      yield* Effect.suspend(() => {
        mapping = Mapping.make(turn, name)
        return request(around, turn, mapping, n === 1)
      }).pipe(
        Effect.retry({
          while: (failure) => Failures.isPassing(failure) && !mapping.begun(),
          times: 2,
          schedule: Schedule.exponential(options.retryMillis ?? 500)
        }),
        // The transcript has the text that was emitted, so that the model sees the same as the person.
        Effect.onExit((exit) =>
          Effect.sync(() => {
            const whole = exit._tag === "Success"
            const answerText = mapping.text()
            if (whole || answerText !== "")
              transcript.add({ role: "assistant", text: answerText, calls: whole ? mapping.calls() : [] })
          })
        )
      )
      emit(mapping.close())
      usage = Mapping.added(usage, mapping.usage())
      const calls = mapping.calls()
      if (calls.length === 0) return { usage, outcome: "completed" }
      if (!(yield* call(around, turn, name, calls))) return { usage, outcome: "interrupted" }
    }
  })
