/** A session on one agent process: sends prompts to its native session, and maps its messages through `Mapping` and `Normaliser`. */
import type { CancelNotification, PromptRequest } from "@agentclientprotocol/sdk"
import { ProviderError, type OpenInput, type ProviderSession, type TurnAttachment } from "@millrace/contracts/ProviderAdapter"
import type { TurnId } from "@millrace/contracts/Ids"
import type { Answer } from "@millrace/contracts/Item"
import type { Offered } from "@millrace/contracts/State"
import * as Permits from "@millrace/contracts/Permits"
import { Effect, type Scope } from "effect"
import { stringAt } from "../Fields.ts"
import * as Images from "../Images.ts"
import * as McpServers from "../McpServers.ts"
import * as Normaliser from "../Normaliser.ts"
import type { Ledger } from "../process/Ledger.ts"
import { methodNotFound, requestKey } from "../process/Message.ts"
import * as RpcChild from "../process/RpcChild.ts"
import * as Session from "../Session.ts"
import * as Turns from "../Turns.ts"
import * as Agents from "./Agents.ts"
import { cancelled, type Outcome } from "./PendingRequest.ts"
import * as Conversation from "./Conversation.ts"
import * as Files from "./Files.ts"
import * as Mapping from "./Mapping.ts"
import * as Report from "../Report.ts"
import * as Settings from "./Settings.ts"
import { codec, type Settings as Choices } from "./Wire.ts"

export const capabilities = [
  "interrupt",
  "approvals",
  "resume",
  "fork",
  "plan",
  "usage",
  "images",
  "set-model",
  "set-effort",
  "set-permission-mode"
] as const

/** Maximum bytes of an image in a prompt: agents send it to endpoints, which accept about 5 MiB of base64. */
const maxImageBytes = (5 * 1024 * 1024 * 3) / 4

const imageBlocks = (provider: string, attachments: ReadonlyArray<TurnAttachment> = []) =>
  Effect.forEach(attachments.filter(Images.isNative), (image) =>
    Effect.map(Images.base64Of(provider, "startTurn", image), (data) => ({
      type: "image" as const,
      mimeType: image.mediaType,
      data
    }))
  )

/** How long a stop waits for the end of a cancelled turn before it closes stdin. */
const cancelMillis = 2000

/** Starts the process in the scope. */
export const start = (
  agent: Agents.AcpAgent,
  command: string,
  where: { readonly cwd: string; readonly threadId: string; readonly epoch: number } & Pick<
    OpenInput,
    "settings" | "env" | "secrets"
  >
) =>
  RpcChild.open({
    provider: agent.name,
    command,
    args: agent.args ?? [],
    cwd: where.cwd,
    env: Agents.environment({ ...agent, env: { ...agent.env, ...where.env } }, process.env),
    secrets: McpServers.secrets(where),
    threadId: where.threadId,
    epoch: where.epoch,
    install: Agents.notInstalled(agent),
    dialect: codec
  })

/** Starts the agent and its native session. The process lives in the scope. */
export const open = Effect.fn("Acp.open")(function* (
  input: OpenInput,
  agent: Agents.AcpAgent,
  command: string,
  learn: { readonly offered: (offered: Offered) => void; readonly settings: (settings: Choices) => void }
): Effect.fn.Return<ProviderSession, ProviderError, Scope.Scope | Ledger> {
  const provider = agent.name
  const child = yield* start(agent, command, input)
  const begun = yield* Conversation.handshake(provider, child).pipe(
    Effect.flatMap((abilities) => Conversation.begin(provider, child, abilities, input, learn.settings)),
    Effect.tapError(() => child.stop("its start failed"))
  )
  const { continuity, forks, live, notices, sessionId, takesImages } = begun
  const normaliser = Normaliser.make(input)
  const mapping = Mapping.make(sessionId)
  const turns = Turns.make()
  const asking = new Map<string, { readonly id: RpcChild.RpcId; readonly result: (answer: Answer) => Outcome }>()
  /** Removes and returns a request. The caller that receives it must answer it, so it is answered once (P6). */
  const take = (nativeRequestId: string) => {
    const request = asking.get(nativeRequestId)
    asking.delete(nativeRequestId)
    return request
  }
  /** Answers all open requests as cancelled, as the protocol requires when their turn is cancelled or has ended. */
  const giveUpAsking = Effect.suspend(() =>
    Effect.forEach(
      [...asking.keys()].flatMap((key) => take(key) ?? []),
      ({ id }) => child.respond(id, cancelled),
      { discard: true }
    )
  )

  const refusedBy = (id: RpcChild.RpcId) => (refusal: Files.Refusal) => child.respondError(id, refusal.code, refusal.message)
  /** The agent reads the files of turns as copies in the thread's attachment directory. */
  const readable = [input.cwd, ...(input.attachments === undefined ? [] : [input.attachments])]
  /** Answers a file request at once, without a person: the agent requests permission where it needs one. A write is recorded in the log. */
  const file = (id: RpcChild.RpcId, method: string, params: unknown): Session.Mapped | undefined => {
    if (method === "fs/read_text_file") {
      const read = Files.read(readable, params)
      return {
        events: [],
        reply: Effect.matchEffect(read, { onFailure: refusedBy(id), onSuccess: (text) => child.respond(id, text) })
      }
    }
    if (method !== "fs/write_text_file") return undefined
    const written = (bytes: number) =>
      Effect.zipRight(
        session.add([{ _tag: "Opaque", method, payload: { path: stringAt(params, "path"), bytes } }]),
        child.respond(id, {})
      )
    return {
      events: [],
      reply: Effect.matchEffect(Files.write(input.cwd, params), { onFailure: refusedBy(id), onSuccess: written })
    }
  }

  const session: Session.Session = yield* Session.make({
    child,
    normaliser,
    isOpen: (id) => asking.has(requestKey(id)),
    atExit: () => {
      for (const native of turns.running()) turns.refuse(native)
      return []
    },
    map: (message) => {
      if (message._tag === "Notification") {
        const events = mapping.notification(message.method, message.params)
        turns.note(events)
        for (const event of events)
          if (event._tag === "Signal" && event.kind === "agent" && event.data.commands !== undefined)
            learn.offered({ commands: event.data.commands })
        const turnEnded = events.some((event) => event._tag === "TurnEnded") && asking.size > 0
        return turnEnded ? { events, reply: giveUpAsking } : { events }
      }
      const { id, method, params } = message
      const answeredFile = file(id, method, params)
      if (answeredFile !== undefined) return answeredFile
      const { answer, events, nativeRequestId } = mapping.request(id, method, params)
      if (answer === undefined) {
        const reply =
          method === "session/request_permission"
            ? child.respond(id, cancelled)
            : child.respondError(id, methodNotFound, `Millrace does not know the method ${method}`)
        return { events, reply }
      }
      asking.set(nativeRequestId, { id, result: answer })
      const late = Effect.suspend(() => (take(nativeRequestId) ? child.respond(id, cancelled) : Effect.void))
      return { events, tooLate: late }
    }
  })
  if (notices.length > 0) yield* session.add(notices)

  const refused = (operation: string, message: string) =>
    new ProviderError({ provider, operation, outcome: "failed", failure: { kind: "refused", message } })
  /** The protocol has no turn ids: our turn id also serves as the native one. */
  const ours = (turnId: TurnId): string => turnId
  /** Sends the cancel. The turn ends with the answer to its prompt. */
  const cancel = (nativeTurnId: string) =>
    Effect.suspend(() => {
      mapping.cancelling(nativeTurnId)
      return Effect.zipRight(child.notify("session/cancel", { sessionId } satisfies CancelNotification), giveUpAsking)
    })
  const stopping = Permits.make(1)
  return {
    events: session.events,
    continuity,
    resumeKey: sessionId,
    // An agent takes images, copies conversations and changes settings only if it says so.
    capabilities: capabilities.filter(
      (one) =>
        (one !== "images" || takesImages) &&
        (one !== "fork" || forks) &&
        (!one.startsWith("set-") || live.capabilities.includes(one))
    ),
    configure: (changed) =>
      Effect.zipRight(
        live.configure(changed),
        Effect.suspend(() => session.add([Report.event(Settings.reportOf(live.offered()))]))
      ),
    takes: (attachment) => takesImages && Images.isImage(attachment, maxImageBytes),
    startTurn: Effect.fn("Acp.startTurn")(function* ({ attachments, text, turnId }) {
      const native = ours(turnId)
      const images = yield* imageBlocks(provider, attachments)
      if (turns.running().length > 0) return yield* refused("session/prompt", "Another turn runs in this session.")
      turns.ask(native)
      yield* session.bindTurn(turnId, native)
      yield* session.add(mapping.begin(native, text))
      const request: PromptRequest = {
        sessionId,
        prompt: [...images, ...(text === "" && images.length > 0 ? [] : [{ type: "text" as const, text }])]
      }
      yield* child
        .notify("session/prompt", { nativeTurnId: native, ...request })
        .pipe(Effect.tapError((error) => Effect.sync(() => error.outcome === "failed" && turns.refuse(native))))
    }),
    steer: () => Effect.fail(refused("steer", "The Agent Client Protocol cannot steer a turn.")),
    interrupt: Effect.fn("Acp.interrupt")(function* (turnId) {
      normaliser.interrupting(turnId)
      const native = normaliser.nativeTurnOf(turnId)
      if (native !== undefined) yield* cancel(native)
    }),
    answer: Effect.fn("Acp.answer")(function* (requestId, answer) {
      const native = normaliser.answered(requestId)
      const request = native === undefined ? undefined : take(native)
      if (request === undefined) return
      yield* child.respond(request.id, request.result(answer))
      // The protocol's answer "cancelled" belongs to a cancelled turn.
      if ("decision" in answer && answer.decision === "cancel" && answer.optionId === undefined)
        yield* Effect.forEach(turns.running(), cancel, { discard: true })
    }),
    stop: (reason) => stopping(Effect.zipRight(turns.settle(cancel, cancelMillis), child.stop(reason)))
  }
})
