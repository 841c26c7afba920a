/**
 * The script of a scripted model, read from the newest prompt. Directives, in order:
 *
 *   [[say TEXT]]            streams TEXT word by word          [[think TEXT]]        a reasoning summary, word by word
 *   [[deltas N MS]]         N deltas `d1 d2 ...`, one every MS  [[hang]]              keeps the stream open
 *   [[shell COMMAND]]       runs COMMAND in the sandbox        [[escalate COMMAND]]  the same, but Codex asks a person first
 *   [[patch FILE TEXT]]     adds FILE with TEXT                [[ask Q | A | B]]     a question with options
 *   [[cut]]                 breaks the connection              [[status CODE]]       answers with that HTTP status
 *   [[failed CODE]]         `response.failed` with that code   [[call TOOL JSON]]    any tool that the agent offers; NAMESPACE/TOOL for Codex
 *   [[finish REASON]]       ends the answer with that reason   [[garbage TEXT]]      an event whose data is TEXT
 *     [[flood BYTES]]         one event of BYTES bytes           [[leak]]              an error that contains the request's key
 *     [[plain]]               an answer that is no event stream and has no end
 *
 * A tool call (shell, escalate, patch, ask, call) ends a response; the next steps play when its output arrives.
 */

export type Step =
  | { readonly _tag: "Text"; readonly text: string }
  | { readonly _tag: "Deltas"; readonly count: number; readonly everyMillis: number }
  | { readonly _tag: "Think"; readonly text: string }
  | { readonly _tag: "Call"; readonly name: string; readonly arguments: string; readonly custom?: true }
  | { readonly _tag: "Hang" }
  | { readonly _tag: "Cut" }
  | { readonly _tag: "Status"; readonly code: number }
  | { readonly _tag: "Failed"; readonly code: string }
  | { readonly _tag: "Finish"; readonly reason: string }
  | { readonly _tag: "Garbage"; readonly text: string }
  | { readonly _tag: "Flood"; readonly bytes: number }
  | { readonly _tag: "Leak" }
  | { readonly _tag: "Plain" }

interface InputItem {
  readonly type?: string
  readonly role?: string
  readonly content?: string | ReadonlyArray<{ readonly text?: string }>
}

/** The fields of the body of `POST /v1/responses` that the script reads. */
export interface ResponsesBody {
  readonly model?: string
  readonly input?: ReadonlyArray<InputItem>
  readonly tools?: ReadonlyArray<{ readonly name?: string; readonly type?: string }>
}

interface ChatMessage {
  readonly role?: string
  readonly content?: string | null
}

/** The fields of the body of `POST /v1/chat/completions` that the script reads. */
export interface ChatBody {
  readonly model?: string
  readonly messages?: ReadonlyArray<ChatMessage>
}

/** Converts a chat to the input of the other dialect. */
export const ofChat = ({ messages = [], model }: ChatBody): ResponsesBody => ({
  ...(model === undefined ? {} : { model }),
  input: messages.map(({ content, role }) =>
    role === "tool" ? { type: "function_call_output" } : { ...(role === undefined ? {} : { role }), content: content ?? "" }
  )
})

const call = (name: string, args: unknown): Step => ({ _tag: "Call", name, arguments: JSON.stringify(args) })

const question = (text: string): Step => {
  const [asked = "", ...options] = text.split("|").map((part) => part.trim())
  const labels = options.length > 0 ? options : ["Yes", "No"]
  return call("request_user_input", {
    questions: [
      { id: "q1", header: "Question", question: asked, options: labels.map((label) => ({ label, description: `Take ${label}` })) }
    ]
  })
}

const patch = (text: string): Step => {
  const [, file = "", body = ""] = /^(\S+)\s*([\s\S]*)$/.exec(text) ?? []
  const added = body.split("\n").map((line) => `+${line}`)
  return {
    _tag: "Call",
    name: "apply_patch",
    custom: true,
    arguments: ["*** Begin Patch", `*** Add File: ${file}`, ...added, "*** End Patch", ""].join("\n")
  }
}

const step = (name: string, text: string): ReadonlyArray<Step> => {
  const [first = "0", second = "0"] = text.split(/\s+/)
  switch (name) {
    case "say":
      return [{ _tag: "Text", text }]
    case "deltas":
      return [{ _tag: "Deltas", count: Number(first), everyMillis: Number(second) }]
    case "think":
      return [{ _tag: "Think", text }]
    case "shell":
      return [call("exec_command", { cmd: text })]
    case "escalate":
      return [call("exec_command", { cmd: text, sandbox_permissions: "require_escalated", justification: "The script says so." })]
    case "call": {
      const [, tool = "", args = "{}"] = /^(\S+)\s*([\s\S]*)$/.exec(text) ?? []
      return [{ _tag: "Call", name: tool, arguments: args }]
    }
    case "patch":
      return [patch(text)]
    case "ask":
      return [question(text)]
    case "hang":
      return [{ _tag: "Hang" }]
    case "cut":
      return [{ _tag: "Cut" }]
    case "status":
      return [{ _tag: "Status", code: Number(first) }]
    case "failed":
      return [{ _tag: "Failed", code: first }]
    case "finish":
      return [{ _tag: "Finish", reason: first }]
    case "garbage":
      return [{ _tag: "Garbage", text }]
    case "flood":
      return [{ _tag: "Flood", bytes: Number(first) }]
    case "plain":
      return [{ _tag: "Plain" }]
    case "leak":
      return [{ _tag: "Leak" }]
    default:
      return []
  }
}

/** The directives of a prompt. A prompt without directives gets `You said: ...`. */
export const parse = (prompt: string): ReadonlyArray<Step> => {
  const steps = [...prompt.matchAll(/\[\[(\w+)\s*([\s\S]*?)\]\]/g)].flatMap(([, name = "", text = ""]) => step(name, text.trim()))
  return steps.length > 0 ? steps : [{ _tag: "Text", text: `You said: ${prompt.trim()}` }]
}

const textOf = (item: InputItem): string =>
  typeof item.content === "string" ? item.content : (item.content ?? []).map((part) => part.text ?? "").join("\n")

/** Whether an input is a person's prompt. Text that the agent adds is in angle brackets. */
const isPrompt = (item: InputItem) =>
  item.role === "user" && !textOf(item).trimStart().startsWith("<") && textOf(item).trim() !== ""

/** The steps of this response. Skips one tool call for each tool output since the newest prompt. */
export const nextSteps = (body: ResponsesBody): ReadonlyArray<Step> => {
  const input = body.input ?? []
  const at = input.findLastIndex(isPrompt)
  const prompt = input[at]
  if (prompt === undefined) return [{ _tag: "Text", text: "ok" }]
  const outputs = input.slice(at + 1).filter((item) => item.type?.endsWith("_output") === true).length
  const segments: Array<Array<Step>> = [[]]
  for (const each of parse(textOf(prompt))) {
    segments.at(-1)?.push(each)
    if (each._tag === "Call") segments.push([])
  }
  const segment = segments[outputs] ?? []
  return segment.length > 0 ? segment : [{ _tag: "Text", text: "All done." }]
}
