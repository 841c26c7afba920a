/**
 * Maps the tool calls of a rollout file (Codex's record of a conversation) to items of Codex's protocol. Total: a call that is not understood keeps
 * its input and output unchanged.
 */
import { type Fields, isRecord, stringAt } from "../Fields.ts"
import type { Item } from "./Wire.ts"

const parsed = (text: string | undefined): unknown => {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** The text of an output, which is a string, an array of parts with `text`, or an object with either as `content`. */
const textOf = (output: unknown): string | undefined => {
  if (typeof output === "string") return output
  if (Array.isArray(output)) return output.map((part: unknown) => stringAt(part, "text") ?? JSON.stringify(part)).join("\n")
  if (isRecord(output)) return textOf(output["content"]) ?? JSON.stringify(output)
  return output === undefined || output === null ? undefined : JSON.stringify(output)
}

interface Ran {
  readonly aggregatedOutput?: string
  readonly exitCode?: number
  readonly durationMs?: number
}

/** The header that Codex puts before the output of a command for the model. */
const head =
  /^(?:Chunk ID: .*\n)?(?:Exit code: (-?\d+)\n)?Wall time: ([\d.]+) seconds?\n(?:Process exited with code (-?\d+)\n|Process running with .*\n)?(?:(?:Original token count|Total output lines): .*\n)*Output:\n?/

const ranOf = (output: string): Ran => {
  const found = head.exec(output)
  if (found !== null) {
    const code = found[1] ?? found[3]
    return {
      aggregatedOutput: output.slice(found[0].length),
      durationMs: Math.round(Number(found[2]) * 1000),
      ...(code === undefined ? {} : { exitCode: Number(code) })
    }
  }
  const value = output.startsWith("{") ? parsed(output) : undefined
  const metadata = isRecord(value) ? value["metadata"] : undefined
  const text = stringAt(value, "output")
  if (text === undefined || !isRecord(metadata)) return { aggregatedOutput: output }
  const { duration_seconds: seconds, exit_code: code } = metadata
  return {
    aggregatedOutput: text,
    ...(typeof code === "number" ? { exitCode: code } : {}),
    ...(typeof seconds === "number" ? { durationMs: Math.round(seconds * 1000) } : {})
  }
}

const commandLine = (command: unknown): string | undefined => {
  if (typeof command === "string") return command
  if (!Array.isArray(command)) return undefined
  const words = command.map(String)
  // `bash -lc TEXT`: TEXT is the command that the model requested.
  return words.length === 3 && /^-l?c$/.test(words[1] ?? "") ? words[2] : words.join(" ")
}

const filed = /^\*\*\* (Add|Update|Delete) File: (.+)$/
const changeTypes = { Add: "add", Update: "update", Delete: "delete" } as const

/** The file changes of an `apply_patch` text; `undefined`: it contains none. */
export const changesOfPatch = (patch: string): ReadonlyArray<Fields> | undefined => {
  const changes: Array<{ path: string; kind: { type: string; move_path?: string }; lines: Array<string> }> = []
  for (const line of patch.split("\n")) {
    const [, verb, path] = filed.exec(line) ?? []
    const open = changes.at(-1)
    if ((verb === "Add" || verb === "Update" || verb === "Delete") && path !== undefined)
      changes.push({ path, kind: { type: changeTypes[verb] }, lines: [] })
    else if (line.startsWith("*** Move to: ") && open !== undefined) open.kind.move_path = line.slice(13)
    else if (!line.startsWith("*** ")) open?.lines.push(line)
  }
  if (changes.length === 0) return undefined
  return changes.map(({ kind, lines, path }) => {
    const added = lines.filter((line) => line.startsWith("+")).map((line) => line.slice(1))
    // The text of a deleted file is not in the patch.
    return { path, kind, diff: kind.type === "add" ? `${added.join("\n")}\n` : lines.join("\n").trimEnd() }
  })
}

/** The item status of a call; without an output the turn ended before the call. */
const statusOf = (output: unknown, failed: boolean): string =>
  output === undefined ? "interrupted" : failed ? "failed" : "completed"

const shells: ReadonlySet<string> = new Set(["exec_command", "shell", "shell_command", "local_shell", "container.exec"])

const command = (asked: Fields, output: string | undefined): Fields => {
  const ran = output === undefined ? {} : ranOf(output)
  return {
    type: "commandExecution",
    command: commandLine(asked["cmd"] ?? asked["command"]) ?? JSON.stringify(asked),
    cwd: stringAt(asked, "workdir") ?? stringAt(asked, "working_directory"),
    ...ran,
    status: statusOf(output, ran.exitCode !== undefined && ran.exitCode !== 0)
  }
}

const patched = (changes: ReadonlyArray<Fields>, output: string | undefined): Fields => {
  const { aggregatedOutput = "", exitCode } = output === undefined ? {} : ranOf(output)
  const failed = exitCode === undefined ? !aggregatedOutput.startsWith("Success") : exitCode !== 0
  return { type: "fileChange", changes, status: statusOf(output, failed) }
}

const called = (name: string, input: unknown, output: unknown): Fields => {
  const [, server, tool] = /^mcp__(.+?)__(.+)$/.exec(name) ?? []
  const status = statusOf(output, false)
  return server === undefined
    ? { type: "dynamicToolCall", tool: name, arguments: input, contentItems: output, status }
    : { type: "mcpToolCall", server, tool, arguments: input, result: output, status }
}

const read = (call: Fields, output: unknown): Fields => {
  const text = textOf(output)
  const name = stringAt(call, "name") ?? ""
  switch (call["type"]) {
    case "local_shell_call":
      return command(isRecord(call["action"]) ? call["action"] : {}, text)
    case "web_search_call": {
      const action = call["action"]
      return { type: "webSearch", query: stringAt(action, "query"), action, status: stringAt(call, "status") }
    }
    case "custom_tool_call": {
      const { input } = call
      const changes = name === "apply_patch" && typeof input === "string" ? changesOfPatch(input) : undefined
      return changes === undefined ? called(name, input, text) : patched(changes, text)
    }
    case "function_call": {
      const { arguments: given } = call
      const input = typeof given === "string" ? parsed(given) : given
      const patch = name === "apply_patch" ? stringAt(input, "input") : undefined
      const changes = patch === undefined ? undefined : changesOfPatch(patch)
      if (changes !== undefined) return patched(changes, text)
      if (!shells.has(name)) return called(name, input, text)
      if (isRecord(input)) return command(input, text)
      return typeof input === "string" ? command({ command: input }, text) : called(name, input, text)
    }
    default: {
      const unknown = called(stringAt(call, "type") ?? "call", call, text)
      // Some of these calls, such as `image_generation_call`, have their output and status in themselves.
      return { ...unknown, status: stringAt(call, "status") ?? unknown["status"] }
    }
  }
}

/** The item of a call and its output. */
export const itemOfCall = (id: string, call: Fields, output: unknown): Item => {
  const raw = read(call, output)
  return { type: String(raw["type"]), id, raw: { ...raw, id } }
}
