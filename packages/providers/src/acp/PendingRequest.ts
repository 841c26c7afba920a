/** Maps `session/request_permission` to `Ask`, and our answers to one of the options that the agent offered. */
import { defined } from "@millrace/contracts/Defined"
import type { Answer, ApprovalOption, Decision } from "@millrace/contracts/Item"
import { stringAt } from "../Fields.ts"
import type { NativeAsk } from "../NativeEvent.ts"
import { oneLine } from "../OneLine.ts"
import * as Items from "./Items.ts"
import type { PermissionOption, ToolCall } from "./Wire.ts"

/** The answer in the protocol's shape. */
export interface Outcome {
  readonly outcome: { readonly outcome: "cancelled" } | { readonly outcome: "selected"; readonly optionId: string }
}

export const cancelled: Outcome = { outcome: { outcome: "cancelled" } }

export interface PendingRequest {
  readonly ask: NativeAsk
  readonly result: (answer: Answer) => Outcome
  /** Whether the answer refuses the request. */
  readonly declines: (answer: Answer) => boolean
}

/** Our decision for each option kind of version 1. A second refusing kind keeps its native name, so that `decline` selects one option. */
const kinds: ReadonlyMap<string, Decision> = new Map([
  ["allow_once", "accept"],
  ["allow_always", "accept-for-session"],
  ["reject_once", "decline"]
])

const optionsOf = (offered: ReadonlyArray<PermissionOption>): ReadonlyArray<ApprovalOption> => {
  const declines = offered.some(({ kind }) => kind === "reject_once")
  const kindOf = (kind: string) => (kind === "reject_always" && !declines ? "decline" : (kinds.get(kind) ?? kind))
  return offered.map(({ kind, name, optionId }) => ({
    optionId,
    label: oneLine(name ?? "") || optionId,
    kind: kindOf(kind ?? "other")
  }))
}

/**
 * The unambiguous decisions: exactly one option has that kind. When no option refuses, `decline` is sent as the protocol's answer
 * "cancelled".
 */
const choicesOf = (options: ReadonlyArray<ApprovalOption>): readonly [Decision, ...Array<Decision>] => {
  const count = (decision: Decision) => options.filter(({ kind }) => kind === decision).length
  const clear: Array<Decision> = (["accept", "accept-for-session"] as const).filter((decision) => count(decision) === 1)
  if (count("decline") < 2) clear.push("decline")
  const [first = "cancel", ...rest] = clear
  return first === "cancel" ? [first] : [first, ...rest, "cancel"]
}

/** The chosen option. An answer without an option id chooses the only option of its decision's kind; with several it chooses none. */
const optionFor = (options: ReadonlyArray<ApprovalOption>, answer: Answer): ApprovalOption | undefined => {
  if ("answers" in answer) return undefined
  const { optionId } = answer
  if (optionId !== undefined) return options.find((option) => option.optionId === optionId)
  const fitting = options.filter(({ kind }) => "decision" in answer && kind === answer.decision)
  return fitting.length === 1 ? fitting[0] : undefined
}

/** The agent's text about the call: the plan to approve, or the reason of the request. */
const reasonOf = (call: ToolCall): string | undefined => {
  const shown = Items.textOf(call)
  return shown === "" ? stringAt(call.rawInput, "plan") : shown
}

/** `call`: the tool call of the request, with all its updates merged. */
export const pending = (call: ToolCall, offered: ReadonlyArray<PermissionOption>): PendingRequest => {
  const options = optionsOf(offered)
  const command = Items.commandOf(call)
  const changes = Items.changesOf(call)
  const reason = reasonOf(call)
  const files = changes.map(({ path }) => path).join(", ")
  const title = command ? `Run: ${command}` : files === "" ? (call.title ?? "Allow what the agent asks?") : `Change: ${files}`
  return {
    ask: {
      kind: "approval",
      title: oneLine(title),
      nativeItemId: call.toolCallId,
      ...(command ? { command } : {}),
      ...(changes.length > 0 ? { changes } : {}),
      ...(Items.isComplete(call) ? { complete: true } : {}),
      ...defined({ cwd: Items.cwdOf(call), reason }),
      choices: choicesOf(options),
      options
    },
    result: (answer) => {
      const option = optionFor(options, answer)
      return option === undefined ? cancelled : { outcome: { outcome: "selected", optionId: option.optionId } }
    },
    declines: (answer) => {
      const option = optionFor(options, answer)
      return option === undefined || option.kind === "decline" || option.kind.startsWith("reject")
    }
  }
}
