/** Decoders for the demo agent's protocol, which `agent.mjs` documents. Later code trusts the decoded messages. */
import { AgentReport } from "@millrace/contracts/AgentReport"
import { ApprovalOption, Question, Decision, ItemContent, PlanStep, Usage } from "@millrace/contracts/Item"
import { Progress } from "@millrace/contracts/Signal"
import { Schema } from "effect"
import { loose } from "../Fields.ts"

const text = Schema.String
const item = { turn: text, item: text, parent: loose(text), kind: text }
/** An agent names no blobs. */
const Content = ItemContent.omit("blobs", "attachments")

const Files = Schema.Array(Schema.Struct({ name: text, mediaType: text, base64: text }))

export const Initialized = Schema.Struct({ name: text, version: text, protocol: Schema.Literal(1) })
export const Opened = Schema.Struct({ session: text, resumed: Schema.Boolean })
export const Started = Schema.Struct({ turn: text })

export const Notification = Schema.Union(
  Schema.Struct({ method: Schema.Literal("turn/started"), params: Schema.Struct({ turn: text }) }),
  Schema.Struct({ method: Schema.Literal("turn/plan"), params: Schema.Struct({ turn: text, steps: Schema.Array(PlanStep) }) }),
  Schema.Struct({ method: Schema.Literal("turn/usage"), params: Schema.Struct({ turn: text, usage: Usage }) }),
  Schema.Struct({
    method: Schema.Literal("item/progress"),
    params: Schema.Struct({ turn: text, item: text, progress: Progress })
  }),
  Schema.Struct({
    method: Schema.Literal("turn/ended"),
    // Only the turn's id is required (T14). An outcome other than the three known ones is a failure (T11).
    params: Schema.Struct({
      turn: text,
      outcome: loose(text),
      reason: loose(text),
      error: loose(text),
      kind: loose(text),
      usage: loose(Usage)
    })
  }),
  Schema.Struct({ method: Schema.Literal("item/started"), params: Schema.Struct({ ...item, content: Content }) }),
  Schema.Struct({
    method: Schema.Literal("item/completed"),
    params: Schema.Struct({
      turn: text,
      item: text,
      parent: loose(text),
      kind: loose(text),
      status: loose(text),
      content: loose(Content),
      files: loose(Files)
    })
  }),
  Schema.Struct({ method: Schema.Literal("session/report"), params: AgentReport }),
  Schema.Struct({ method: Schema.Literal("session/idle"), params: Schema.Struct({}) }),
  Schema.Struct({ method: Schema.Literal("request/cancelled"), params: Schema.Struct({ request: text, reason: loose(text) }) })
)
export type Notification = typeof Notification.Type

export const Request = Schema.Union(
  Schema.Struct({
    method: Schema.Literal("approval"),
    params: Schema.Struct({
      turn: text,
      request: text,
      item: text,
      title: text,
      command: Schema.optional(text),
      cwd: Schema.optional(text),
      choices: Schema.NonEmptyArray(Decision),
      takes: Schema.optional(Schema.Array(text)),
      options: Schema.optional(Schema.Array(ApprovalOption))
    })
  }),
  Schema.Struct({
    method: Schema.Literal("question"),
    params: Schema.Struct({
      turn: text,
      request: text,
      title: text,
      questions: Schema.NonEmptyArray(Question)
    })
  })
)
export type Request = typeof Request.Type

/** Whether the params are of a delta; checked without Schema, because this is the hot path. */
export const isDelta = (
  params: unknown
): params is { readonly turn: string; readonly item: string; readonly kind: string; readonly text: string } => {
  if (typeof params !== "object" || params === null) return false
  const { turn, item, kind, text } = params as Record<string, unknown>
  return typeof turn === "string" && typeof item === "string" && typeof kind === "string" && typeof text === "string"
}

export const decodeNotification = Schema.decodeUnknownOption(Notification)
export const decodeRequest = Schema.decodeUnknownOption(Request)
