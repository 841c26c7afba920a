/** A session on one `claude` process: sends user messages and control requests, and maps its messages through `Mapping` and `Normaliser`. */
import { randomUUID } from "node:crypto"
import { mkdir } from "node:fs/promises"
import { ProviderError, type OpenInput, type ProviderSession, type TurnAttachment } from "@millrace/contracts/ProviderAdapter"
import { defined } from "@millrace/contracts/Defined"
import type { Answer } from "@millrace/contracts/Item"
import * as Permits from "@millrace/contracts/Permits"
import { Effect, Exit, Option, Scope } from "effect"
import { isRecord } from "../Fields.ts"
import * as Images from "../Images.ts"
import * as Normaliser from "../Normaliser.ts"
import type { Ledger } from "../process/Ledger.ts"
import { methodNotFound } from "../process/Message.ts"
import * as RpcChild from "../process/RpcChild.ts"
import * as Report from "../Report.ts"
import * as Session from "../Session.ts"
import * as Turns from "../Turns.ts"
import { type Permission, refusedToSubagent, tooLate } from "./PendingRequest.ts"
import * as LiveSettings from "./LiveSettings.ts"
import * as Mapping from "./Mapping.ts"
import * as McpConfig from "./McpConfig.ts"
import * as McpServers from "../McpServers.ts"
import * as Process from "./Process.ts"
import * as History from "./History.ts"
import * as Review from "./Review.ts"
import * as Steering from "./Steering.ts"
import type { Offered } from "@millrace/contracts/State"
import { codec } from "./Codec.ts"
import { offeredBy } from "./Initialize.ts"

export const capabilities = [
  "steer",
  "interrupt",
  "approvals",
  "questions",
  "resume",
  "fork",
  "fork-at",
  "plan",
  "diff",
  "usage",
  "images",
  "compact",
  "review",
  "set-model",
  "set-effort",
  "set-permission-mode"
] as const

/** Maximum bytes of an image: the endpoint takes at most 5 MiB of base64. */
const maxImageBytes = (5 * 1024 * 1024 * 3) / 4

/** The blocks of a user message: the images first, as the endpoint's documentation advises. */
const blocksOf = (text: string, attachments: ReadonlyArray<TurnAttachment> = []) =>
  Effect.map(
    Effect.forEach(attachments.filter(Images.isNative), (image) =>
      Effect.map(Images.base64Of("claude", "startTurn", image), (data) => ({
        type: "image",
        source: { type: "base64", media_type: image.mediaType, data }
      }))
    ),
    (images) => [...images, ...(text === "" && images.length > 0 ? [] : [{ type: "text", text }])]
  )

/** Deadline of a process's first answer, which takes half a second on a quiet machine. */
const startMillis = 30_000
/** Deadlines of an interrupt before the caller escalates: `begun`, to wait for the start of its turn; `answer`, for Claude's answer. */
const interruptMillis = { begun: 2000, answer: 10_000 }
/** Deadline of an interrupt's withdrawals together, well within the time that the caller gives the interrupt. */
const withdrawMillis = 1000
/** Deadlines before a stop closes stdin: of the interrupt's answer, and of the end of the turn that follows it. */
const stopMillis = { interrupt: 1500, terminal: 500 }

const refused = (operation: string, message: string) =>
  new ProviderError({ provider: "claude", operation, outcome: "failed", failure: { kind: "refused", message } })

/** Whether Claude has nothing to resume, or not the message to resume it at: it writes a conversation to disk about 100 ms after a turn, and a `kill -9` before that loses it (measured). */
const isLost = (error: ProviderError): boolean =>
  error.outcome === "failed" && /no (conversation|message) found/i.test(`${error.failure.message} ${error.failure.detail ?? ""}`)

interface Begun {
  readonly child: RpcChild.RpcChild
  readonly offered: Offered
  /** The id of the conversation; `undefined`: a fork, which Claude writes to disk only with its first turn (measured). */
  readonly conversation: string | undefined
  readonly resumed: boolean
  readonly lost?: { readonly resumeKey: string; readonly message: string }
}

/** Starts a process and waits for its first answer. It resumes the conversation of `resumeKey` if Claude still has it, else begins a new one in a second process. */
const begin = Effect.fn("Claude.begin")(function* (
  input: OpenInput,
  options: Process.ClaudeOptions,
  binary: string,
  learn: (offered: Offered) => void
) {
  const scope = yield* Effect.scope
  const start = (conversation: Process.Conversation) =>
    Effect.gen(function* () {
      // Claude ignores a further directory that does not exist.
      const { attachments } = input
      if (attachments !== undefined)
        yield* Effect.ignore(Effect.tryPromise(() => mkdir(attachments, { recursive: true, mode: 0o700 })))
      const own = yield* Scope.fork(scope, { _tag: "Sequential" } as const)
      const opened = Effect.gen(function* () {
        // Closed with the process, or after it failed to start.
        const mcpConfig = yield* McpConfig.file(input.settings)
        const child = yield* RpcChild.open({
          provider: "claude",
          command: binary,
          args: Process.args(options, conversation, input, mcpConfig),
          cwd: input.cwd,
          env: Process.environment({ ...options, env: { ...options.env, ...input.env } }, process.env),
          secrets: McpServers.secrets(input),
          threadId: input.threadId,
          epoch: input.epoch,
          install: Process.notInstalled,
          dialect: codec
        })
        const offered = offeredBy(yield* child.request("initialize", {}, { deadlineMillis: startMillis }))
        yield* McpConfig.remove(mcpConfig)
        learn(offered)
        return { child, offered }
      })
      // P7: a process that failed to start is dead before the next one is started.
      return yield* Scope.extend(opened, own).pipe(Effect.tapErrorCause((cause) => Scope.close(own, Exit.failCause(cause))))
    })
  const conversation = randomUUID()
  const fresh = Effect.map(start({ begin: conversation }), (opened): Begun => ({ ...opened, conversation, resumed: false }))
  const { fork, forkAt, resumeKey } = input
  if (resumeKey === undefined) return yield* fresh
  const lostAs = (message: string) => Effect.map(fresh, (begun): Begun => ({ ...begun, lost: { resumeKey, message } }))
  const at = forkAt === undefined ? undefined : yield* History.lastMessageOf(options, resumeKey, forkAt)
  if (forkAt !== undefined && at === undefined) return yield* lostAs("Claude's stored conversation does not have that turn.")
  return yield* start({ resume: resumeKey, ...(fork === true ? { fork: conversation, ...defined({ at }) } : {}) }).pipe(
    Effect.map((opened): Begun => ({ ...opened, conversation: fork === true ? undefined : resumeKey, resumed: true })),
    Effect.catchIf(isLost, (error) => lostAs(error.failure.detail ?? error.failure.message))
  )
})

/** Starts Claude. The process lives in the scope. */
export const open = Effect.fn("Claude.open")(function* (
  input: OpenInput,
  options: Process.ClaudeOptions,
  binary: string,
  learn: (offered: Offered) => void = () => {}
): Effect.fn.Return<ProviderSession, ProviderError, Scope.Scope | Ledger> {
  const { child, conversation, lost, offered, resumed } = yield* begin(input, options, binary, learn)
  const normaliser = Normaliser.make(input)
  const clock = yield* Effect.clock
  const mapping = Mapping.make(() => clock.unsafeCurrentTimeMillis())
  const turns = Turns.make()
  const asking = new Map<
    string,
    {
      readonly id: RpcChild.RpcId
      readonly result: (answer: Answer) => Permission
      readonly nativeTurnId: string | undefined
      readonly bySubagent: boolean
    }
  >()
  /** Removes and returns a request. The caller that receives it must answer it, so it is answered once (P6). */
  const take = (nativeRequestId: string) => {
    const request = asking.get(nativeRequestId)
    asking.delete(nativeRequestId)
    return request
  }

  const session = yield* Session.make({
    child,
    normaliser,
    isOpen: (id) => asking.has(String(id)),
    map: (message) => {
      if (message._tag === "Notification") {
        const events = mapping.notification(message.method, message.params)
        turns.note(events)
        const refused: Array<RpcChild.RpcId> = []
        for (const event of events) {
          if (event._tag === "RequestResolved") asking.delete(event.nativeRequestId)
          if (event._tag !== "TurnEnded") continue
          // At the end of a turn Claude drops the turn's requests without an answer, except those of sub-agents (P6).
          for (const [key, request] of asking) {
            if (request.nativeTurnId !== event.nativeTurnId) continue
            asking.delete(key)
            if (request.bySubagent) refused.push(request.id)
          }
        }
        return refused.length === 0
          ? { events }
          : { events, reply: Effect.forEach(refused, (id) => child.respond(id, refusedToSubagent), { discard: true }) }
      }
      const { id, method } = message
      const {
        answer,
        bySubagent = false,
        events,
        nativeRequestId,
        nativeTurnId,
        refusal
      } = mapping.request(id, method, message.params)
      turns.note(events)
      if (refusal !== undefined) return { events, reply: child.respond(id, refusal) }
      if (answer === undefined)
        return { events, reply: child.respondError(id, methodNotFound, `Millrace does not know the request ${method}`) }
      asking.set(nativeRequestId, { id, result: answer, nativeTurnId, bySubagent })
      const late = Effect.suspend(() =>
        take(nativeRequestId) ? child.respond(id, bySubagent ? refusedToSubagent : tooLate) : Effect.void
      )
      return { events, tooLate: late }
    }
  })
  if (lost) yield* session.add([{ _tag: "ConversationLost", ...lost }])
  if (offered.commands !== undefined) yield* session.add([Report.event({ commands: Report.commands(offered.commands) })])

  /** Ends the separate turn that exists only for a background sub-agent's request; the caller answers the request. `false`: not such a turn. */
  const settle = (nativeTurnId: string, outcome: "completed" | "interrupted") =>
    Effect.suspend(() => {
      const events = mapping.settled(nativeTurnId, outcome)
      turns.note(events)
      return events.length === 0 ? Effect.succeed(false) : Effect.as(session.add(events), true)
    })
  const refuseRequestsOf = (nativeTurnId: string) =>
    Effect.forEach(
      [...asking].filter(([, request]) => request.nativeTurnId === nativeTurnId),
      ([key, { id }]) => Effect.suspend(() => (take(key) ? child.respond(id, refusedToSubagent) : Effect.void)),
      { discard: true }
    )
  /** `false`: Claude has taken the message. */
  const cancel = (uuid: string) =>
    Effect.map(
      child.request("cancel_async_message", { message_uuid: uuid }, { deadlineMillis: withdrawMillis }),
      (answer) => isRecord(answer) && answer["cancelled"] === true
    )
  const forget = (uuid: string) =>
    Effect.suspend(() => {
      const events = mapping.withdrawn(uuid)
      turns.note(events)
      return session.add(events)
    })
  const withdraw = (uuid: string) =>
    cancel(uuid).pipe(
      Effect.flatMap((cancelled) => Effect.when(forget(uuid), () => cancelled)),
      Effect.catchAll((error) => Effect.logDebug(error.message))
    )
  /**
   * Withdraws the turn's messages that Claude has not taken: it would answer them after the interrupt. A failure is only logged, as a Claude
   * without this request still takes the interrupt. `true`: the turn waited for the messages only, and has ended.
   */
  const cancelSteers = (nativeTurnId: string) =>
    Effect.map(
      Effect.forEach(mapping.steersOf(nativeTurnId), withdraw, { concurrency: "unbounded", discard: true }),
      () => !turns.running().includes(nativeTurnId)
    )
  /** Claude's answer to an interrupt does not end the turn: its `result` does. */
  const interruptNative = (nativeTurnId: string, deadlineMillis: number) =>
    Effect.gen(function* () {
      if (yield* settle(nativeTurnId, "interrupted")) return yield* refuseRequestsOf(nativeTurnId)
      mapping.interrupting(nativeTurnId)
      if (yield* cancelSteers(nativeTurnId)) return
      yield* child.request("interrupt", {}, { deadlineMillis })
    })
  const say = (content: ReadonlyArray<object>, uuid: string) =>
    child.notify("user", {
      message: { role: "user", content },
      parent_tool_use_id: null,
      session_id: "",
      uuid
    })
  const stopping = Permits.make(1)
  return {
    events: session.events,
    continuity: resumed ? "resumed" : "fresh",
    get resumeKey() {
      return mapping.sessionId() ?? conversation
    },
    capabilities,
    takes: (attachment) => Images.isImage(attachment, maxImageBytes),
    configure: Effect.fn("Claude.configure")((changed) =>
      LiveSettings.configure(child, { ...options, env: { ...options.env, ...input.env } }, changed)
    ),
    startTurn: Effect.fn("Claude.startTurn")(function* ({ action, attachments, text, turnId }) {
      const prompt = action === undefined ? text : action.type === "compact" ? "/compact" : Review.prompt(action.target)
      const content = yield* blocksOf(prompt, attachments)
      const uuid = randomUUID()
      // Claude has no turn ids. The id of the prompt is that of the turn, also in the conversation that Claude stores (History.ts).
      const native = uuid
      mapping.expect(native, uuid)
      turns.ask(native)
      yield* session.bindTurn(turnId, native)
      yield* say(content, uuid).pipe(
        Effect.tapError((error) =>
          Effect.sync(() => {
            if (error.outcome === "unknown") return
            mapping.refuse(native)
            turns.refuse(native)
          })
        )
      )
    }),
    steer: Effect.fn("Claude.steer")(function* ({ attachments, text, turnId }) {
      const content = yield* blocksOf(text, attachments)
      const native = normaliser.nativeTurnOf(turnId)
      const uuid = randomUUID()
      if (native === undefined || !mapping.steer(native, uuid)) return yield* refused("steer", "That turn takes no more text.")
      yield* Steering.send({ say: say(content, uuid), cancel: cancel(uuid), forget: forget(uuid) })
    }),
    interrupt: Effect.fn("Claude.interrupt")(function* (turnId) {
      normaliser.interrupting(turnId)
      // An interrupt does not stop a turn that Claude has not begun.
      const asked = normaliser.nativeTurnOf(turnId)
      if (asked === undefined) return
      const begun = yield* turns.begun(asked).pipe(Effect.timeoutOption(interruptMillis.begun))
      const native = normaliser.nativeTurnOf(turnId)
      if (native === undefined) return
      yield* interruptNative(native, interruptMillis.answer)
      if (Option.isSome(begun)) return
      // The running turn was one that Claude began by itself; the user's turn begins after it.
      yield* turns.begun(native).pipe(Effect.timeoutOption(interruptMillis.begun))
      if (turns.running().includes(native)) yield* interruptNative(native, interruptMillis.answer)
    }),
    answer: Effect.fn("Claude.answer")(function* (requestId, answer) {
      const native = normaliser.answered(requestId)
      const request = native === undefined ? undefined : take(native)
      if (request === undefined) return
      yield* child.respond(request.id, request.result(answer))
      if (request.nativeTurnId !== undefined) yield* settle(request.nativeTurnId, "completed")
    }),
    stop: (reason) =>
      stopping(
        // Settle the turns first, so that Claude can write the conversation to disk.
        Effect.zipRight(
          turns.settle((native) => interruptNative(native, stopMillis.interrupt), stopMillis.terminal),
          child.stop(reason)
        )
      )
  }
})
