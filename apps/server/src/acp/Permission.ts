/** Requests of a thread as permission requests of an editor. */
import type { PermissionOption, PermissionOptionKind, RequestPermissionRequest } from "@agentclientprotocol/sdk"
import type { BodyOf } from "@millrace/contracts/Command"
import type { Ask, Decision } from "@millrace/contracts/Item"
import type { RequestId } from "@millrace/contracts/Ids"
import * as ToolCalls from "./ToolCalls.ts"

export interface Permission {
  readonly request: Omit<RequestPermissionRequest, "sessionId">
  /** The answer that an option stands for. `undefined`: the request has no such option. */
  readonly answerOf: (optionId: string) => BodyOf<"request.answer"> | undefined
}

const kinds: Readonly<Record<string, PermissionOptionKind>> = {
  accept: "allow_once",
  "accept-for-session": "allow_always",
  decline: "reject_once",
  cancel: "reject_once"
}
const names: Readonly<Record<Decision, string>> = {
  accept: "Allow",
  "accept-for-session": "Allow for this session",
  decline: "Decline",
  cancel: "Decline and stop the turn"
}

interface Choice {
  readonly option: PermissionOption
  readonly answer: Omit<BodyOf<"request.answer">, "requestId">
}

const choicesOf = (ask: Ask): ReadonlyArray<Choice> => {
  if (ask.kind === "question") {
    const [question, ...more] = ask.questions
    if (more.length > 0 || question.multiple === true || question.secret === true) return []
    return (question.options ?? []).map(({ label }, index) => ({
      option: { optionId: `option-${index}`, name: label, kind: "allow_once" as const },
      answer: { answers: { [question.id]: [label] } }
    }))
  }
  if (ask.kind === "approval" && ask.options !== undefined)
    return ask.options.map(({ kind, label, optionId }) => ({
      option: { optionId, name: label, kind: kinds[kind] ?? "allow_once" },
      answer: { optionId }
    }))
  return ask.choices.map((decision) => ({
    option: { optionId: decision, name: names[decision], kind: kinds[decision] ?? "reject_once" },
    answer: { decision }
  }))
}

/** What is asked, as text: the title alone is not enough to answer a question. */
const textOf = (ask: Ask): string | undefined => {
  if (ask.kind === "question") return ask.questions.map(({ text }) => text).join("\n")
  return ask.kind === "sign-in" ? ask.instructions : ask.reason
}

/** The tool call of a request. `itemId`: the item that it is about; without one the request is shown as its own tool call. */
export const toolCallOf = (cwd: string, requestId: RequestId, ask: Ask) => {
  const text = textOf(ask)
  const content = ask.kind === "approval" ? ToolCalls.described(cwd, "", { ...ask, text }).content : []
  return {
    toolCallId: ask.itemId ?? requestId,
    title: ask.title,
    content:
      content.length > 0 || text === undefined
        ? content
        : [{ type: "content" as const, content: { type: "text" as const, text } }]
  }
}

/** `undefined`: the editor cannot answer it, because it needs a text or several answers. */
export const make = (cwd: string, requestId: RequestId, ask: Ask): Permission | undefined => {
  const choices = choicesOf(ask)
  if (choices.length === 0) return undefined
  return {
    request: { toolCall: toolCallOf(cwd, requestId, ask), options: choices.map(({ option }) => option) },
    answerOf: (optionId) => {
      const answer = choices.find(({ option }) => option.optionId === optionId)?.answer
      return answer === undefined ? undefined : { requestId, ...answer }
    }
  }
}
