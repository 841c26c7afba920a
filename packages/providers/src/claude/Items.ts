/** Maps Claude's tools to item kinds and contents. Total: an unknown tool is a `tool-call` with unchanged input. A result with texts becomes their joined text; any other is unchanged. */
import { defined } from "@millrace/contracts/Defined"
import type { FileChange, ItemContent, ItemKind, PlanStep } from "@millrace/contracts/Item"
import { isRecord, stringAt } from "../Fields.ts"
import type { ToolResult } from "./Said.ts"

export interface Tool {
  readonly name: string
  readonly input: unknown
}

const fileTools: ReadonlySet<string> = new Set(["Edit", "MultiEdit", "Write", "NotebookEdit"])

/** The tool that asks a person to approve a plan. */
export const planTool = "ExitPlanMode"

export const itemKind = ({ name }: Tool): ItemKind =>
  name === "Bash"
    ? "command"
    : fileTools.has(name)
      ? "file-change"
      : name === "WebSearch"
        ? "web-search"
        : name === planTool
          ? "plan"
          : "tool-call"

/** `server/tool` for `mcp__server__tool`; other names unchanged. */
export const toolName = (name: string): string => /^mcp__(.+?)__(.+)$/.exec(name)?.slice(1).join("/") ?? name

const pathOf = (input: unknown): string | undefined => stringAt(input, "file_path") ?? stringAt(input, "notebook_path")

/** The change of a file tool before it runs; only its result shows whether the file existed. */
export const plannedChanges = ({ input, name }: Tool): ReadonlyArray<FileChange> => {
  const path = fileTools.has(name) ? pathOf(input) : undefined
  return path === undefined ? [] : [{ path, change: "update" }]
}

/** Item content before the tool ran. */
export const startedContent = (tool: Tool): ItemContent => {
  const command = stringAt(tool.input, "command")
  switch (itemKind(tool)) {
    case "command":
      return command === undefined ? { tool: tool.name, input: tool.input } : { command }
    case "file-change":
      return { tool: tool.name, changes: plannedChanges(tool) }
    case "plan":
      return { text: stringAt(tool.input, "plan") ?? "" }
    default:
      return { tool: toolName(tool.name), input: tool.input }
  }
}

/** The text of a result for the model: a string, or the joined texts of its blocks. */
export const textOf = (content: unknown): string =>
  typeof content === "string"
    ? content
    : Array.isArray(content)
      ? content.flatMap((part: unknown) => stringAt(part, "text") ?? []).join("\n")
      : ""

const isHunk = (
  value: unknown
): value is Readonly<Record<"oldStart" | "oldLines" | "newStart" | "newLines", number>> & {
  readonly lines: ReadonlyArray<string>
} => isRecord(value) && Array.isArray(value["lines"]) && typeof value["oldStart"] === "number"

const diffOf = (detail: unknown): string | undefined => {
  const patch: unknown = isRecord(detail) ? detail["structuredPatch"] : undefined
  if (!Array.isArray(patch) || patch.length === 0 || !patch.every(isHunk)) return undefined
  return patch
    .map((hunk) => `@@ -${hunk.oldStart},${hunk.oldLines} +${hunk.newStart},${hunk.newLines} @@\n${hunk.lines.join("\n")}\n`)
    .join("")
}

/** The diff of a new file. */
const diffOfNew = (content: string): string => {
  const lines = content.split("\n")
  const whole = lines.at(-1) === ""
  const added = (whole ? lines.slice(0, -1) : lines).map((line) => `+${line}\n`)
  return `@@ -0,0 +1,${added.length} @@\n${added.join("")}${whole ? "" : "\\ No newline at end of file\n"}`
}

const changed = (tool: Tool, detail: unknown): ReadonlyArray<FileChange> => {
  const [planned] = plannedChanges(tool)
  if (planned === undefined) return []
  const change = stringAt(detail, "type") === "create" ? "add" : "update"
  const content = change === "add" ? stringAt(detail, "content") : undefined
  const diff = diffOf(detail) ?? (content === undefined || content === "" ? undefined : diffOfNew(content))
  return [diff === undefined ? { path: planned.path, change } : { path: planned.path, change, diff }]
}

/** Claude gives a command's exit code only in the output text, and only when it is not 0; a background command has none yet. */
const exitCode = (output: string, isError: boolean, detail: unknown): number | undefined => {
  const failed = /^(?:Error: )?Exit code (\d+)/.exec(output)?.[1]
  if (failed !== undefined) return Number(failed)
  const finished = isRecord(detail) && detail["backgroundTaskId"] === undefined && detail["interrupted"] !== true
  return !isError && finished ? 0 : undefined
}

/** Item content after the tool ran. `detail`: the structured result, which not every tool has. */
export const endedContent = (tool: Tool, { content, isError }: ToolResult, detail: unknown): ItemContent => {
  const started = startedContent(tool)
  const text = textOf(content)
  switch (itemKind(tool)) {
    case "command": {
      const code = exitCode(text, isError, detail)
      return { ...started, output: text, ...defined({ exitCode: code }) }
    }
    case "file-change":
      return isError ? { ...started, result: text } : { ...started, changes: changed(tool, detail) }
    case "plan":
      return { text: stringAt(detail, "plan") ?? started.text ?? "" }
    default:
      return { ...started, result: typeof content === "string" || text === "" ? content : text }
  }
}

/** Maximum characters of a turn's diff; further changes are left out, and are in their items. */
const maxDiff = 1024 * 1024

/** The diff of a turn with these changes in addition, in the order of the edits: a file that was edited twice is there twice. */
export const joinedDiff = (before: string, changes: ReadonlyArray<FileChange>): string => {
  const parts = changes.flatMap(({ change, diff, path }) => {
    const name = path.startsWith("/") ? path : `/${path}`
    return diff === undefined ? [] : [`--- ${change === "add" ? "/dev/null" : `a${name}`}\n+++ b${name}\n${diff}`]
  })
  const after = before + parts.join("")
  return after.length > maxDiff ? before : after
}

const stepStatus: ReadonlyMap<unknown, PlanStep["status"]> = new Map([
  ["in_progress", "in-progress"],
  ["completed", "completed"]
])

/** The whole plan of a `TodoWrite` call; `undefined` for other tools. */
export const planOf = ({ input, name }: Tool): ReadonlyArray<PlanStep> | undefined => {
  const todos: unknown = name === "TodoWrite" && isRecord(input) ? input["todos"] : undefined
  if (!Array.isArray(todos)) return undefined
  return todos.flatMap((todo: unknown) => {
    const text = stringAt(todo, "content")
    return text === undefined ? [] : [{ text, status: stepStatus.get(stringAt(todo, "status")) ?? ("pending" as const) }]
  })
}
