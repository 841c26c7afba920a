/** `session/request_permission` as our `Ask`, and our answers as one of the options that the agent offered. */
import type { Answer, Decision } from "@millrace/contracts/Item"
import type { NativeAsk } from "../NativeEvent.ts"
import { oneLine } from "../OneLine.ts"
import * as Items from "./Items.ts"
import type { PermissionOption, ToolCall } from "./Wire.ts"

/** The protocol's own shape. */
export interface Outcome {
  readonly outcome: { readonly outcome: "cancelled" } | { readonly outcome: "selected"; readonly optionId: string }
}

export const cancelled: Outcome = { outcome: { outcome: "cancelled" } }

export interface Asked {
  readonly ask: NativeAsk
  readonly result: (answer: Answer) => Outcome
}

/** In order of preference, for each decision. What was not allowed in one of these words is not allowed. */
const wanted: Readonly<Record<Decision, ReadonlyArray<string>>> = {
  accept: ["allow_once", "allow_always"],
  "accept-for-session": ["allow_always", "allow_once"],
  decline: ["reject_once", "reject_always"],
  cancel: []
}

/** Answers where a decision was asked for are a refusal. */
export const decisionOf = (answer: Answer): Decision => ("decision" in answer ? answer.decision : "decline")

/** `call`: all that is known of the tool call which it is about. */
export const asked = (call: ToolCall, options: ReadonlyArray<PermissionOption>): Asked => {
  const offers = (kind: string) => options.some((option) => option.kind === kind)
  const once: ReadonlyArray<Decision> = offers("allow_once") ? ["accept"] : []
  const always: ReadonlyArray<Decision> = offers("allow_always") ? ["accept-for-session"] : []
  const command = Items.commandOf(call)
  const changes = Items.changesOf(call)
  const files = changes.map(({ path }) => path).join(", ")
  const title = command ? `Run: ${command}` : files === "" ? (call.title ?? "Allow what the agent asks?") : `Change: ${files}`
  const [first, ...rest]: ReadonlyArray<Decision> = [...once, ...always, "decline"]
  return {
    ask: {
      kind: "approval",
      title: oneLine(title),
      nativeItemId: call.toolCallId,
      ...(command ? { command } : {}),
      ...(changes.length > 0 ? { changes } : {}),
      choices: [first ?? "decline", ...rest, "cancel"]
    },
    result: (answer) => {
      const option = wanted[decisionOf(answer)].flatMap((kind) => options.find((offered) => offered.kind === kind) ?? []).at(0)
      return option === undefined ? cancelled : { outcome: { outcome: "selected", optionId: option.optionId } }
    }
  }
}
