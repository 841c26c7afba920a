/** Maps an agent's tool calls to item kinds and contents. Total: an unknown kind is a `tool-call` with unchanged input and result. */
import { defined } from "@millrace/contracts/Defined"
import type { FileChange, ItemContent, ItemKind, ItemStatus } from "@millrace/contracts/Item"
import { type Fields, isRecord, stringAt } from "../Fields.ts"
import type { ToolCall } from "./Wire.ts"

const changes: ReadonlyMap<string, FileChange["change"]> = new Map([
  ["edit", "update"],
  ["delete", "delete"],
  ["move", "move"]
])

export const itemKind = ({ kind }: ToolCall): ItemKind =>
  kind === "execute" ? "command" : changes.has(kind ?? "") ? "file-change" : "tool-call"

/** The call with the fields of an update; `null` and absent fields keep their value. */
export const merge = (before: ToolCall | undefined, update: ToolCall): ToolCall => {
  const present = Object.fromEntries(Object.entries(update).filter(([, value]) => value !== null && value !== undefined))
  return { ...before, ...present, toolCallId: update.toolCallId }
}

/** The text content of the call so far. */
export const textOf = ({ content }: ToolCall): string =>
  (content ?? []).flatMap((part) => (part["type"] === "content" ? (stringAt(part["content"], "text") ?? []) : [])).join("")

const lines = (text: string): ReadonlyArray<string> => {
  const all = text.split("\n")
  return all.at(-1) === "" ? all.slice(0, -1) : all
}

/** One hunk from the first to the last differing line. */
const diffOf = (before: string, after: string): string => {
  const [old, now] = [lines(before), lines(after)]
  const most = Math.min(old.length, now.length)
  let head = 0
  while (head < most && old[head] === now[head]) head++
  let tail = 0
  while (tail < most - head && old[old.length - 1 - tail] === now[now.length - 1 - tail]) tail++
  const removed = old.slice(head, old.length - tail)
  const come = now.slice(head, now.length - tail)
  if (removed.length + come.length === 0) return ""
  // An empty range has the number of the line before it.
  const range = (count: number) => `${count === 0 ? head : head + 1},${count}`
  const body = [...removed.map((line) => `-${line}`), ...come.map((line) => `+${line}`)]
  return `@@ -${range(removed.length)} +${range(come.length)} @@\n${body.join("\n")}\n`
}

const diffed = (part: Fields): ReadonlyArray<FileChange> => {
  const path = stringAt(part, "path")
  const after = stringAt(part, "newText")
  if (part["type"] !== "diff" || path === undefined || after === undefined) return []
  const before = stringAt(part, "oldText")
  return [{ path, change: before === undefined ? "add" : "update", diff: diffOf(before ?? "", after) }]
}

/** The diffs of the call; without diffs, its locations. */
export const changesOf = (call: ToolCall): ReadonlyArray<FileChange> => {
  const shown = (call.content ?? []).flatMap(diffed)
  const change = changes.get(call.kind ?? "")
  if (shown.length > 0 || change === undefined) return shown
  return (call.locations ?? []).flatMap((location) => {
    const path = stringAt(location, "path")
    return path === undefined ? [] : [{ path, change }]
  })
}

export const commandOf = ({ kind, rawInput, title }: ToolCall): string | undefined => {
  if (kind !== "execute") return undefined
  const named: unknown = isRecord(rawInput) ? rawInput["command"] : undefined
  return Array.isArray(named) ? named.map(String).join(" ") : typeof named === "string" ? named : (title ?? undefined)
}

/** The parts of a command's input that are known to change nothing else than where and how long it runs. */
const commandInputs: ReadonlySet<string> = new Set(["command", "cwd", "description", "timeout"])

/** The directory in which the command of a call runs, if the agent names it. */
export const cwdOf = ({ kind, rawInput }: ToolCall): string | undefined =>
  kind === "execute" ? stringAt(rawInput, "cwd") : undefined

/**
 * Whether the command or the changes of the call are what the agent will do: the command is in its input, not only in its title, and the input has nothing
 * that is not known (arguments, a sandbox that is turned off); a change is an edit or a deletion. Other kinds, and moves, name too little.
 */
export const isComplete = (call: ToolCall): boolean =>
  call.kind === "execute"
    ? isRecord(call.rawInput) &&
      typeof call.rawInput["command"] === "string" &&
      Object.keys(call.rawInput).every((name) => commandInputs.has(name)) &&
      changesOf(call).length === 0
    : (call.kind === "edit" || call.kind === "delete") && changesOf(call).length > 0

/** The protocol has no exit code: reads the names that agents use. */
const exitCode = ({ rawOutput }: ToolCall): number | undefined => {
  const out = isRecord(rawOutput) ? rawOutput : {}
  const metadata = isRecord(out["metadata"]) ? out["metadata"] : {}
  return [out["exitCode"], out["exit_code"], metadata["exit"]].find(
    (code): code is number => typeof code === "number" && Number.isInteger(code)
  )
}

/** Item content of a running or ended call. */
export const itemContent = (call: ToolCall): ItemContent => {
  const shown = textOf(call)
  const text = shown === "" ? stringAt(call.rawOutput, "output") : shown
  switch (itemKind(call)) {
    case "command": {
      const cwd = cwdOf(call)
      const code = exitCode(call)
      return {
        command: commandOf(call) ?? "",
        ...defined({ cwd, output: text, exitCode: code })
      }
    }
    case "file-change":
      return {
        ...(call.title ? { tool: call.title } : {}),
        changes: changesOf(call),
        ...defined({ result: text })
      }
    default: {
      const result = text ?? call.rawOutput
      return {
        tool: call.title ?? call.kind ?? "tool",
        ...defined({ input: call.rawInput, result })
      }
    }
  }
}

/** The statuses of version 1. */
export const statuses: ReadonlySet<string> = new Set(["pending", "in_progress", "completed", "failed"])

/** The status of an ended call; `undefined`: it has not ended. */
export const ended = ({ status }: ToolCall): ItemStatus | undefined =>
  status === "completed" || status === "failed" ? status : undefined
