/** A transcript as Markdown: turns, messages, commands with their output, changes, requests and their answers. */
import type { DomainEvent } from "@millrace/contracts/Event"
import type { ExportHeader, Imported } from "@millrace/contracts/Import"
import type { Answer, Ask } from "@millrace/contracts/Item"

type Data<T extends Imported["type"]> = Extract<Imported, { readonly type: T }>["data"]

/** Wraps text in a fence longer than any in the text. */
const fenced = (text: string, language = ""): string => {
  const longest = Math.max(2, ...Array.from(text.matchAll(/`{3,}/g), ([ticks]) => ticks.length))
  const fence = "`".repeat(longest + 1)
  return `${fence}${language}\n${text.replace(/\n$/, "")}\n${fence}\n\n`
}
/** Joins text into one line. */
const line = (text: string): string => text.replaceAll(/\s+/g, " ").trim()
const code = (text: string): string => `\`${line(text).replaceAll("`", "'")}\``
const minute = (at: string): string => at.slice(0, 16).replace("T", " ")
const because = (reason: string | undefined): string => (reason === undefined ? "" : `: ${line(reason)}`)
const value = (of: unknown): string => (typeof of === "string" ? of : (JSON.stringify(of, undefined, 2) ?? ""))

/** The label of the chosen option. In an older log the answer has only the option's id; the label is then read from the request. */
const optionOf = (
  ask: Ask,
  { label, optionId }: { readonly label?: string | undefined; readonly optionId?: string | undefined }
): string | undefined =>
  label ?? (ask.kind === "approval" ? ask.options?.find((option) => option.optionId === optionId)?.label : undefined) ?? optionId

const answered = (ask: Ask, answer: Answer | undefined): string =>
  answer === undefined
    ? ""
    : "answers" in answer
      ? Object.entries(answer.answers)
          .map(([id, given]) => `${line(id)}: **${line(given.join(", "))}**`)
          .join("; ")
      : ["decision" in answer ? answer.decision : undefined, optionOf(ask, answer)]
          .flatMap((words) => (words === undefined ? [] : [`**${line(words)}**`]))
          .join(" ")

const item = (data: Data<"item.imported">): string => {
  const state = data.status === "completed" ? "" : ` (${data.status}${because(data.reason)})`
  switch (data.kind) {
    case "user-message":
      return `**You**${state}\n\n${data.text ?? ""}\n\n`
    case "agent-message":
      return `**${data.parentItemId === undefined ? "Agent" : "Sub-agent"}**${state}\n\n${data.text ?? ""}\n\n`
    case "reasoning":
      return data.text ? `*Reasoning*${state}\n\n${data.text.replaceAll(/^/gm, "> ")}\n\n` : ""
    case "command": {
      const exit = data.exitCode === undefined ? "" : ` exit ${data.exitCode}`
      const cut = data.truncatedBytes === undefined ? "" : `*${data.truncatedBytes} bytes were cut.*\n\n`
      return `**Command**${exit}${state}\n\n${fenced(`$ ${data.command ?? ""}${data.output ? `\n${data.output}` : ""}`)}${cut}`
    }
    case "file-change":
      return (data.changes ?? [])
        .map(({ change, diff, movedTo, path }) => {
          const to = movedTo === undefined ? "" : ` to ${code(movedTo)}`
          return `**File** ${change} ${code(path)}${to}${state}\n\n${diff ? fenced(diff, "diff") : ""}`
        })
        .join("")
    case "plan": {
      const steps = (data.steps ?? []).map(({ status, text }) => `- [${status === "completed" ? "x" : " "}] ${line(text)}\n`)
      return `**Plan**${state}\n\n${data.text ? `${data.text}\n\n` : ""}${steps.length > 0 ? `${steps.join("")}\n` : ""}`
    }
    default: {
      const name = data.tool === undefined ? line(data.kind) : `Tool ${code(data.tool)}`
      const input = data.input === undefined ? "" : fenced(value(data.input), "json")
      const result = data.result === undefined ? "" : fenced(value(data.result))
      return `**${name}**${state}\n\n${data.text ? `${data.text}\n\n` : ""}${input}${result}`
    }
  }
}

/** Names the parts of an item that the document omits: for each long value, the blob with the whole value. */
const leftOut = (data: Data<"item.imported">): string =>
  [
    ...Object.entries(data.blobs ?? {}).map(([name, blob]) => [name, blob] as const),
    ...(data.changes ?? []).flatMap(({ blob, path }) => (blob === undefined ? [] : [[`diff of ${line(path)}`, blob] as const]))
  ]
    .map(([name, { bytes, hash }]) => `*The ${name} is longer: ${bytes} bytes, blob ${hash}.*\n\n`)
    .join("")

const request = (data: Data<"request.imported">): string => {
  const asked =
    data.ask.kind === "question"
      ? data.ask.questions.map(({ id, text }) => `- ${line(id)}: ${line(text)}\n`).join("")
      : data.ask.kind === "sign-in"
        ? `- ${line(data.ask.instructions)}\n`
        : (data.ask.options ?? []).map(({ label }) => `- ${line(label)}\n`).join("")
  const end =
    data.status === "answered"
      ? `${answered(data.ask, data.answer)}, by ${line(data.by ?? "somebody")}`
      : `${data.status}${because(data.reason)}`
  return `**Asked** ${line(data.ask.title)}\n\n${asked === "" ? "" : `${asked}\n`}Answer: ${end}\n\n`
}

const turnEnd = (data: Data<"turn.imported">): string => {
  const why = data.error === undefined ? because(data.reason) : because(data.error.message)
  const tokens = data.usage?.totalTokens === undefined ? "" : `, ${data.usage.totalTokens} tokens`
  return `*Turn ${data.status}${why}${data.endedAt === undefined ? "" : `, ${minute(data.endedAt)}`}${tokens}*\n\n`
}

/**
 * Renders the events and pieces in the order in which you pass them. The heading of a turn is emitted at its dispatch, its start or its first item,
 * whichever comes first, and again when its items follow items of another turn.
 */
export class Markdown {
  private count = 0
  private current: string | undefined

  begin({ cwd, model, provider, title }: ExportHeader["thread"]): string {
    return `# ${line(title)}\n\n${provider}${model === undefined ? "" : `/${model}`} in ${code(cwd)}\n\n`
  }

  private heading(turnId: string, at: string | undefined): string {
    if (this.current === turnId) return ""
    this.current = turnId
    return `## Turn ${++this.count}${at === undefined ? "" : ` (${minute(at)})`}\n\n`
  }

  /** The heading of a turn at its dispatch or start, unless it is the current heading; otherwise empty. */
  event(event: DomainEvent, at: string): string {
    return event.type === "turn.dispatched" || event.type === "turn.started" ? this.heading(event.data.turnId, at) : ""
  }

  piece(piece: Imported): string {
    switch (piece.type) {
      case "item.imported":
        return this.heading(piece.data.turnId, undefined) + item(piece.data) + leftOut(piece.data)
      case "request.imported":
        return request(piece.data)
      case "turn.imported":
        return turnEnd(piece.data)
    }
  }
}
