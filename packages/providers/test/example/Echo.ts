/** The example of docs/adapter.md: an adapter for echo.mjs. */
import { join } from "node:path"
import { type OpenInput, type ProviderAdapter, ProviderError, type ProviderSession } from "@millrace/contracts/ProviderAdapter"
import type { NativeEvent } from "@millrace/providers/NativeEvent"
import * as Normaliser from "@millrace/providers/Normaliser"
import { Ledger } from "@millrace/providers/process/Ledger"
import * as RpcChild from "@millrace/providers/process/RpcChild"
import * as Session from "@millrace/providers/Session"
import { Effect, Schema, type Scope } from "effect"

const provider = "echo"
const capabilities = ["interrupt", "approvals"] as const
const Params = Schema.Struct({ id: Schema.String, text: Schema.optional(Schema.String), action: Schema.optional(Schema.String) })
const isParams = Schema.is(Params)

/** Maps the agent's messages to native events; an unknown message is passed on unchanged. */
const fromNotification = (method: string, params: unknown): ReadonlyArray<NativeEvent> => {
  if (!isParams(params) || (method !== "said" && method !== "ended")) return [{ _tag: "Opaque", method, payload: params }]
  const of = { nativeTurnId: params.id, nativeItemId: "message", kind: "agent-message" } as const
  if (method === "said") return [{ _tag: "ItemDelta", ...of, text: params.text ?? "" }]
  const outcome = "outcome" in params && params.outcome === "completed" ? "completed" : "interrupted"
  const whole: NativeEvent = { _tag: "ItemCompleted", ...of, status: "completed", content: {} }
  return [...(outcome === "completed" ? [whole] : []), { _tag: "TurnEnded", nativeTurnId: params.id, outcome }]
}

const open = Effect.fn("Echo.open")(function* (
  input: OpenInput
): Effect.fn.Return<ProviderSession, ProviderError, Scope.Scope | Ledger> {
  const { cwd, epoch, resumeKey, threadId } = input
  const command = join(import.meta.dirname, "echo.mjs")
  const child = yield* RpcChild.open({ provider, command, args: [], cwd, threadId, epoch, install: "It is part of the tests." })
  yield* child.request("begin", {})
  const normaliser = Normaliser.make(input)
  const session = yield* Session.make({
    child,
    normaliser,
    map: (message) => {
      const { method, params } = message
      if (message._tag === "Notification") return { events: fromNotification(method, params) }
      if (method !== "askPermission" || !isParams(params))
        return { events: [{ _tag: "Opaque", method, payload: params }], reply: child.respondError(message.id, -32601, "unknown") }
      const ask = { kind: "approval", title: params.action ?? "Go on?", choices: ["accept", "decline"] } as const
      const request = { nativeTurnId: params.id, nativeRequestId: String(message.id), ask }
      // `tooLate`: the reply if the turn has already ended when the request arrives.
      return { events: [{ _tag: "RequestOpened", ...request }], tooLate: child.respondError(message.id, -32000, "too late") }
    }
  })
  // The agent keeps no conversation, so each session reports that it starts afresh.
  if (resumeKey !== undefined) yield* session.add([{ _tag: "ConversationLost", resumeKey }])
  const failure = { kind: "refused", message: "Echo cannot be steered." } as const
  return {
    events: session.events,
    continuity: "fresh",
    resumeKey: undefined,
    capabilities,
    startTurn: ({ text, turnId }) =>
      Effect.zipRight(session.bindTurn(turnId, turnId), Effect.asVoid(child.request("turn", { id: turnId, text }))),
    steer: () => Effect.fail(new ProviderError({ provider, operation: "steer", outcome: "failed", failure })),
    interrupt: (turnId) =>
      Effect.suspend(() => {
        normaliser.interrupting(turnId)
        return normaliser.nativeTurnOf(turnId) === undefined ? Effect.void : Effect.asVoid(child.request("stop", { id: turnId }))
      }),
    answer: (requestId, answer) =>
      Effect.suspend(() => {
        const native = normaliser.answered(requestId)
        return native === undefined ? Effect.void : child.respond(native, answer)
      }),
    stop: child.stop
  }
})

export const make: Effect.Effect<ProviderAdapter, never, Ledger> = Effect.map(Ledger, (ledger) => ({
  name: provider,
  probe: Effect.succeed({ provider, installed: true, signedIn: "not-needed", capabilities }),
  open: (input) => Effect.provideService(open(input), Ledger, ledger)
}))
