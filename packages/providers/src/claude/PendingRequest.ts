/** Maps Claude's `can_use_tool` requests to `Ask`, and our answers to its results. */
import type { Answer, Answers, Decision, Question } from "@millrace/contracts/Item"
import { type Fields, isRecord, stringAt, optional } from "../Fields.ts"
import type { NativeAsk } from "../NativeEvent.ts"
import { oneLine } from "../OneLine.ts"
import * as Items from "./Items.ts"
import type { CanUseTool } from "./Said.ts"

export interface PendingRequest {
  readonly ask: NativeAsk
  /** The control response that carries an answer back. */
  readonly result: (answer: Answer) => Permission
}

/** The answer in Claude's protocol. */
export type Permission =
  | { readonly behavior: "allow"; readonly updatedInput: Fields; readonly updatedPermissions?: ReadonlyArray<Fields> }
  | { readonly behavior: "deny"; readonly message: string; readonly interrupt?: boolean }

const declined = "The person declined this."

export const tooLate: Permission = { behavior: "deny", message: "The turn has ended: no person was asked.", interrupt: true }

/** Answer to a background sub-agent while too many requests wait: the sub-agent continues without the permission. */
export const tooMany: Permission = {
  behavior: "deny",
  message: "Too many questions of background agents are open, so no person was asked."
}

/** Answer to a sub-agent whose turn has ended: the sub-agent continues without the permission. */
export const refusedToSubagent: Permission = { behavior: "deny", message: "The turn has ended without an answer." }

/**
 * The suggested rules, restricted to this session: Claude proposes to write them into the project's settings. When there are rules, a change of
 * the permission mode is omitted: accepting one command must not accept every edit.
 */
const forSession = (suggestions: CanUseTool["permission_suggestions"]): ReadonlyArray<Fields> => {
  const all = suggestions ?? []
  const rules = all.some(({ type }) => type === "addRules")
  return all
    .filter(({ type }) => !rules || type !== "setMode")
    .map((suggestion): Fields => Object.assign({}, suggestion, { destination: "session" }))
}

const title = ({ input, tool_name: name }: CanUseTool): string => {
  const tool = { name, input }
  const command = name === "Bash" ? stringAt(input, "command") : undefined
  const [change] = Items.plannedChanges(tool)
  if (command !== undefined) return `Run: ${command}`
  if (change !== undefined) return `Change: ${change.path}`
  if (name === Items.planTool) return "Go on with this plan?"
  return `Use ${Items.toolName(name)}: ${JSON.stringify(input)}`
}

/** `called`: the input of the tool call, which can have the plan when the request has not (2.1.332). */
const approval = (request: CanUseTool, itemId: string | undefined, called: unknown): PendingRequest => {
  const { blocked_path: blocked, decision_reason: why, description, input, permission_suggestions, tool_name: name } = request
  const session = forSession(permission_suggestions)
  const changes = Items.plannedChanges({ name, input })
  const kind = Items.itemKind({ name, input })
  // Accepting also lifts a limit: the sandbox, or the directories that Claude may use.
  const lifts = input["dangerouslyDisableSandbox"] === true || Boolean(blocked)
  // `mcp__a__b__c` is a tool of the server `a` or of `a__b`.
  const isAmbiguous = /^mcp__.*__.*__/.test(name)
  const plan = name === Items.planTool ? (stringAt(input, "plan") ?? stringAt(called, "plan")) : undefined
  const reason = [plan ?? description, why, blocked ? `outside what is allowed: ${blocked}` : undefined]
    .filter(Boolean)
    .join("\n")
  const sure: ReadonlyArray<Decision> = session.length > 0 ? ["accept-for-session"] : []
  return {
    ask: {
      kind: "approval",
      title: oneLine(title(request)),
      ...optional("nativeItemId", itemId),
      ...optional("command", name === "Bash" ? stringAt(input, "command") : undefined),
      ...(changes.length > 0 ? { changes } : {}),
      ...(kind === "tool-call" || kind === "web-search" ? { tool: Items.toolName(name) } : {}),
      ...(lifts || isAmbiguous || kind === "plan" ? {} : { complete: true }),
      ...optional("reason", reason === "" ? undefined : reason),
      choices: ["accept", ...sure, "decline", "cancel"],
      takes: name === "Bash" ? ["reason", "input"] : ["reason"]
    },
    result: (answer) => {
      // Question answers to an approval count as decline: they allow nothing.
      const decision = "decision" in answer ? answer.decision : "decline"
      const { input: changed, reason: why } = "answers" in answer ? {} : answer
      const message = why === undefined ? declined : `${declined} Reason: ${why}`
      if (decision === "decline") return { behavior: "deny", message }
      if (decision === "cancel") return { behavior: "deny", message, interrupt: true }
      const remember = decision === "accept-for-session" && session.length > 0
      return { behavior: "allow", updatedInput: { ...input, ...changed }, ...(remember ? { updatedPermissions: session } : {}) }
    }
  }
}

/** A question of `AskUserQuestion`. Claude identifies a question by its text, so two questions with the same text have no distinct id. */
const questionOf = (raw: unknown): Question | undefined => {
  const text = stringAt(raw, "question")
  if (text === undefined || !isRecord(raw)) return undefined
  const options: unknown = raw["options"]
  return {
    id: text,
    text,
    ...optional("header", stringAt(raw, "header")),
    ...(raw["multiSelect"] === true ? { multiple: true } : {}),
    ...(Array.isArray(options)
      ? {
          options: options.flatMap((option: unknown) => {
            const label = stringAt(option, "label")
            return label === undefined ? [] : [{ label, ...optional("description", stringAt(option, "description")) }]
          })
        }
      : {})
  }
}

/** Makes ids unique within the request: the second question with the same text gets `TEXT (2)`. */
const distinct = (questions: ReadonlyArray<Question>): ReadonlyArray<Question> => {
  const ids = new Set<string>()
  return questions.map((question) => {
    let id = question.text
    for (let n = 2; ids.has(id); n++) id = `${question.text} (${n})`
    ids.add(id)
    return id === question.id ? question : { ...question, id }
  })
}

/** The answers by question text, as Claude expects them. Answers to questions with the same text are joined in order, each with its header if it has one. */
const answersByText = (questions: ReadonlyArray<Question>, answers: Answers): Readonly<Record<string, string>> => {
  const byText = new Map<string, ReadonlyArray<string>>()
  for (const { header, id, text } of questions) {
    const given = answers[id]?.join(", ")
    if (given === undefined) continue
    const same = questions.filter((one) => one.text === text)
    const label = header ?? `${same.findIndex((one) => one.id === id) + 1}`
    byText.set(text, [...(byText.get(text) ?? []), same.length === 1 ? given : `${label}: ${given}`])
  }
  return Object.fromEntries([...byText].map(([text, given]) => [text, given.join("; ")]))
}

const asksQuestions = (request: CanUseTool, itemId: string | undefined): PendingRequest | undefined => {
  const raw = request.tool_name === "AskUserQuestion" ? request.input["questions"] : undefined
  const [first, ...rest] = Array.isArray(raw) ? distinct(raw.flatMap((one: unknown) => questionOf(one) ?? [])) : []
  if (first === undefined) return undefined
  return {
    ask: { kind: "question", title: oneLine(first.text), ...optional("nativeItemId", itemId), questions: [first, ...rest] },
    result: (answer) => {
      if (!("answers" in answer))
        return {
          behavior: "deny",
          message: "The person did not answer.",
          ...("decision" in answer && answer.decision === "cancel" ? { interrupt: true } : {})
        }
      return { behavior: "allow", updatedInput: { ...request.input, answers: answersByText([first, ...rest], answer.answers) } }
    }
  }
}

/** `itemId`: the tool's item, when the tool call belongs to this conversation. */
export const pending = (request: CanUseTool, itemId: string | undefined, called?: unknown): PendingRequest =>
  asksQuestions(request, itemId) ?? approval(request, itemId, called)
