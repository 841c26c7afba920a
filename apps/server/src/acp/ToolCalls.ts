/** Items of a turn, other than its texts, as tool calls of the Agent Client Protocol. */
import type { SessionUpdate, ToolCallContent, ToolCallLocation, ToolKind } from "@agentclientprotocol/sdk"
import type { FileChange, ItemContent, ItemStatus } from "@millrace/contracts/Item"
import { cut } from "@millrace/contracts/Text"
import { resolve } from "node:path"

/** Most characters of an output, a result or a diff in one update. */
export const maxText = 65_536

const kinds: Readonly<Record<string, ToolKind>> = {
  command: "execute",
  "file-change": "edit",
  "web-search": "search",
  plan: "think"
}

const textPart = (text: string): ToolCallContent => ({ type: "content", content: { type: "text", text: cut(text, maxText) } })

/** The old and the new lines of the hunks of a unified diff. `undefined`: it has no hunk. */
const sidesOf = (diff: string) => {
  const lines = diff.split("\n")
  const first = lines.findIndex((line) => line.startsWith("@@"))
  if (first < 0) return undefined
  const hunks = lines.slice(first).filter((line) => !/^(@@|\\|$)/.test(line))
  const side = (other: string) => hunks.flatMap((line) => (line.startsWith(other) ? [] : [`${line.slice(1)}\n`])).join("")
  return { oldText: side("+"), newText: side("-") }
}

/** A change without hunks is text: an editor would show an empty diff as the deletion of the file. */
const changePart = (cwd: string, { change, diff, movedTo, path }: FileChange): ToolCallContent => {
  const sides = sidesOf(diff ?? "")
  if (sides === undefined) {
    const line = `${change} ${path}${movedTo === undefined ? "" : ` → ${movedTo}`}`
    return textPart(diff === undefined || diff === "" ? line : `${line}\n${diff}`)
  }
  return {
    type: "diff",
    path: resolve(cwd, movedTo ?? path),
    oldText: change === "add" ? null : cut(sides.oldText, maxText),
    newText: cut(sides.newText, maxText)
  }
}

/** The title of an item or of a request. */
export const titleOf = (kind: string, { changes, command, text, tool }: ItemContent): string =>
  cut((command ?? tool ?? changes?.map(({ path }) => path).join(", ") ?? text?.split("\n")[0]) || kind, 500)

const contentOf = (cwd: string, { changes, output, result, text }: ItemContent): Array<ToolCallContent> => {
  const texts = [text, output, typeof result === "string" ? result : result === undefined ? undefined : JSON.stringify(result)]
  return [
    ...(changes ?? []).map((change) => changePart(cwd, change)),
    ...texts.flatMap((part) => (part === undefined || part === "" ? [] : [textPart(part)]))
  ]
}

/** The fields of a tool call that describe what it does. */
export const described = (cwd: string, kind: string, content: ItemContent) => {
  const locations: Array<ToolCallLocation> = (content.changes ?? []).map(({ path }) => ({ path: resolve(cwd, path) }))
  const rawInput = content.command === undefined ? content.input : { command: content.command, cwd: content.cwd }
  return {
    title: titleOf(kind, content),
    kind: kinds[kind] ?? ("other" as const),
    content: contentOf(cwd, content),
    ...(locations.length === 0 ? {} : { locations }),
    ...(rawInput === undefined ? {} : { rawInput })
  }
}

export const started = (cwd: string, toolCallId: string, kind: string, content: ItemContent): SessionUpdate => ({
  sessionUpdate: "tool_call",
  toolCallId,
  status: "in_progress",
  ...described(cwd, kind, content)
})

/** The output so far. It replaces the earlier content of the call. Of a long output its end. */
export const progressed = (toolCallId: string, output: string): SessionUpdate => ({
  sessionUpdate: "tool_call_update",
  toolCallId,
  content: [textPart(output.slice(-maxText))]
})

export const ended = (
  cwd: string,
  toolCallId: string,
  kind: string,
  status: ItemStatus,
  content: ItemContent
): SessionUpdate => ({
  sessionUpdate: "tool_call_update",
  toolCallId,
  status: status === "completed" ? "completed" : "failed",
  ...described(cwd, kind, content)
})
