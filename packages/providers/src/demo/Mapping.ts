/** Maps the demo agent's messages to native events. Pure. */
import { ItemStatus } from "@millrace/contracts/Item"
import { Schema } from "effect"
import { optional } from "../Fields.ts"
import type { NativeEvent } from "../NativeEvent.ts"
import * as Report from "../Report.ts"
import * as Wire from "./Wire.ts"

const isStatus = Schema.is(ItemStatus)
const isOutcome = Schema.is(Schema.Literal("completed", "interrupted", "failed"))
/** The reason of a failure: the agent sent an unknown outcome or status, which does not count as a success (T11). `undefined`: it sent none. */
const unknownWord = (word: string | null | undefined): string | undefined => (word == null ? undefined : `unknown value: ${word}`)

const notification = (message: Wire.Notification): NativeEvent => {
  switch (message.method) {
    case "turn/started":
      return { _tag: "TurnStarted", nativeTurnId: message.params.turn }
    case "turn/plan":
      return { _tag: "TurnUpdated", nativeTurnId: message.params.turn, plan: message.params.steps }
    case "turn/usage":
      return { _tag: "Signal", nativeTurnId: message.params.turn, kind: "usage", data: message.params.usage }
    case "item/progress": {
      const { turn, item, progress } = message.params
      return { _tag: "Signal", nativeTurnId: turn, nativeItemId: item, kind: "progress", data: progress }
    }
    case "turn/ended": {
      const { turn, outcome, reason, error, kind, usage } = message.params
      return {
        _tag: "TurnEnded",
        nativeTurnId: turn,
        outcome: isOutcome(outcome) ? outcome : "failed",
        ...optional("reason", reason ?? (isOutcome(outcome) ? undefined : unknownWord(outcome))),
        ...(error == null ? {} : { error: { kind: kind === "auth" ? kind : ("refused" as const), message: error } }),
        ...(usage == null ? {} : { usage })
      }
    }
    case "item/started": {
      const { turn, item, parent, kind, content } = message.params
      return {
        _tag: "ItemStarted",
        nativeTurnId: turn,
        nativeItemId: item,
        ...optional("nativeParentItemId", parent),
        kind,
        content
      }
    }
    case "item/completed": {
      const { turn, item, parent, kind, status, content, files } = message.params
      return {
        _tag: "ItemCompleted",
        nativeTurnId: turn,
        nativeItemId: item,
        ...optional("nativeParentItemId", parent),
        kind: kind ?? "unknown",
        status: isStatus(status) ? status : "failed",
        ...optional("reason", isStatus(status) ? undefined : unknownWord(status)),
        content: content ?? {},
        ...(files == null ? {} : { files })
      }
    }
    case "session/report": {
      const { commands, ...report } = message.params
      return Report.event({ ...report, ...(commands === undefined ? {} : { commands: Report.commands(commands) }) })
    }
    case "session/idle":
      return { _tag: "AgentIdle" }
    case "request/cancelled":
      return {
        _tag: "RequestResolved",
        nativeRequestId: message.params.request,
        reason: message.params.reason ?? "The agent withdrew the question."
      }
  }
}

/** Maps a notification. An unknown notification is kept unchanged as `Opaque`. */
export const fromNotification = (method: string, params: unknown): NativeEvent => {
  if (method === "item/delta" && Wire.isDelta(params))
    return { _tag: "ItemDelta", nativeTurnId: params.turn, nativeItemId: params.item, kind: params.kind, text: params.text }
  const known = Wire.decodeNotification({ method, params })
  return known._tag === "Some" ? notification(known.value) : { _tag: "Opaque", method, payload: params }
}

/** Maps a request; its native id is the agent's JSON-RPC id. */
export const fromRequest = (id: string, request: Wire.Request): NativeEvent => {
  if (request.method === "approval") {
    const { turn, request: _, item: nativeItemId, ...ask } = request.params
    return {
      _tag: "RequestOpened",
      nativeTurnId: turn,
      nativeRequestId: id,
      ask: { kind: "approval", nativeItemId, ...ask, ...(ask.command === undefined ? {} : { complete: true }) }
    }
  }
  const { turn, title, questions } = request.params
  return { _tag: "RequestOpened", nativeTurnId: turn, nativeRequestId: id, ask: { kind: "question", title, questions } }
}
