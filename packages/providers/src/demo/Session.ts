/** A session on one demo process. */
import { defined } from "@millrace/contracts/Defined"
import type { Failure } from "@millrace/contracts/Item"
import { type OpenInput, ProviderError, type ProviderSession } from "@millrace/contracts/ProviderAdapter"
import type { Settable } from "@millrace/contracts/Settable"
import { permissionModes, settingsOf } from "@millrace/contracts/Settings"
import { Effect, Option, Schema, type Scope } from "effect"
import * as McpServers from "../McpServers.ts"
import * as Normaliser from "../Normaliser.ts"
import type { Ledger } from "../process/Ledger.ts"
import { methodNotFound } from "../process/Message.ts"
import * as RpcChild from "../process/RpcChild.ts"
import * as Session from "../Session.ts"
import * as Mapping from "./Mapping.ts"
import * as Wire from "./Wire.ts"

/** The agent's script, in the same directory as this module, in the sources and in the bundle. */
export const script = new URL("./agent.mjs", import.meta.url)

export const capabilities = [
  "interrupt",
  "approvals",
  "questions",
  "resume",
  "plan",
  "usage",
  "images",
  "set-model",
  "set-effort",
  "set-permission-mode"
] as const

/** `[[mode]]` shows the settings. The permission mode decides what `[[run]]` does. Other settings have no effect, because the demo agent has no model. */
export const settable: Settable = {
  settings: new Set(["model", "effort", "permissionMode", "directories", "mcpServers", "instructions"]),
  permissionModes: new Set(permissionModes)
}

/** Models, efforts and slash commands that a person can choose. */
export const offered = {
  models: [
    { id: "demo-large", name: "Demo, large", efforts: ["low", "medium", "high"] },
    { id: "demo-small", name: "Demo, small" }
  ],
  commands: [
    { name: "mode", description: "Shows the settings of the thread" },
    { name: "help", description: "Says what the demo agent does" }
  ]
}

const failed = (operation: string, failure: Failure) =>
  new ProviderError({ provider: "demo", operation, outcome: "failed", failure })

const decode =
  <A, I>(operation: string, schema: Schema.Schema<A, I>) =>
  (value: unknown) =>
    Effect.mapError(Schema.decodeUnknown(schema)(value), (error) =>
      failed(operation, { kind: "protocol", message: "the demo agent answered in an unknown shape", detail: error.message })
    )

/** Starts the agent. It accepts a turn when this returns. A resumed session keeps its key; the agent has no memory to restore. */
export const open = Effect.fn("Demo.open")(function* (
  input: OpenInput,
  options: {
    /** Path of the script. */
    readonly agent: string
    readonly stopMillis?: { readonly stdin: number; readonly term: number }
    readonly interruptMillis?: number
  }
): Effect.fn.Return<ProviderSession, ProviderError, Scope.Scope | Ledger> {
  const child = yield* RpcChild.open({
    provider: "demo",
    command: process.execPath,
    args: [options.agent],
    cwd: input.cwd,
    ...defined({ env: input.env }),
    secrets: McpServers.secrets(input),
    threadId: input.threadId,
    epoch: input.epoch,
    install: "The demo agent runs with this server's Node, which was removed. Install Millrace again.",
    ...defined({ stopMillis: options.stopMillis })
  })
  // `[[mode]]` shows the settings; the servers have the values of secrets.
  const { mcpServers: _, ...shown } = input.settings ?? {}
  let settings = settingsOf({ ...shown, model: input.model })
  yield* Effect.flatMap(child.request("initialize", { protocol: 1 }), decode("initialize", Wire.Initialized))
  const { session: resumeKey, resumed } = yield* child
    .request("session/open", { cwd: input.cwd, resumeKey: input.resumeKey, settings, mcpServers: McpServers.of(input.settings) })
    .pipe(Effect.flatMap(decode("session/open", Wire.Opened)))

  const normaliser = Normaliser.make(input)
  const session = yield* Session.make({
    child,
    normaliser,
    map: (message) => {
      if (message._tag === "Notification") return { events: [Mapping.fromNotification(message.method, message.params)] }
      const request = Wire.decodeRequest(message)
      if (Option.isNone(request) || typeof message.id !== "string")
        return {
          events: [{ _tag: "Opaque", method: message.method, payload: message.params }],
          reply: child.respondError(message.id, methodNotFound, `there is no method ${message.method}`)
        }
      return {
        events: [Mapping.fromRequest(message.id, request.value)],
        tooLate: child.respondError(message.id, -32002, "the turn has ended")
      }
    }
  })

  return {
    events: session.events,
    continuity: resumed ? "resumed" : "fresh",
    resumeKey,
    capabilities,
    takes: () => true,
    startTurn: ({ attachments, turnId, text }) =>
      Effect.suspend(() => {
        normaliser.expectTurn(turnId)
        return child.request("turn/start", { text, ...defined({ attachments }) })
      }).pipe(
        Effect.flatMap(decode("turn/start", Wire.Started)),
        // With an unknown outcome the turn stays expected, because it may still start.
        Effect.tapError((error) => (error.outcome === "failed" ? Effect.sync(() => normaliser.refuseTurn(turnId)) : Effect.void)),
        Effect.flatMap(({ turn }) => session.bindTurn(turnId, turn))
      ),
    configure: (changed) =>
      Effect.suspend(() => {
        settings = settingsOf({ ...settings, ...changed })
        return Effect.asVoid(child.request("session/configure", { settings }))
      }),
    steer: () =>
      Effect.fail(failed("steer", { kind: "refused", message: "The demo agent cannot be steered; queue the message instead." })),
    interrupt: (turnId) =>
      Effect.suspend(() => {
        const turn = normaliser.nativeTurnOf(turnId)
        if (turn === undefined) return Effect.void
        normaliser.interrupting(turnId)
        return Effect.asVoid(child.request("turn/interrupt", { turn }, { deadlineMillis: options.interruptMillis ?? 2000 }))
      }),
    answer: (requestId, answer) =>
      Effect.suspend(() => {
        const request = normaliser.answered(requestId)
        return request === undefined ? Effect.void : child.respond(request, answer)
      }),
    stop: child.stop
  }
})
