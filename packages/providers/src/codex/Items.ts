/** Maps Codex items to item kinds and contents. Total: an item of an unknown type is kept unchanged in `result`. */
import type { FileChange, ItemContent, ItemKind, ItemStatus } from "@millrace/contracts/Item"
import { Either, Schema } from "effect"
import type { AgentFile } from "@millrace/contracts/ProviderEvent"
import * as Images from "../Images.ts"
import { isRecord, stringAt } from "../Fields.ts"
import { Change, type Item } from "./Wire.ts"

type Raw = Item["raw"]
const defined = (content: { readonly [K in keyof ItemContent]: ItemContent[K] | undefined }): ItemContent =>
  Object.fromEntries(Object.entries(content).filter(([, value]) => value !== undefined && value !== null))

const strings = (value: unknown): ReadonlyArray<string> =>
  Array.isArray(value)
    ? value.flatMap((part: unknown) => (typeof part === "string" ? [part] : (stringAt(part, "text") ?? [])))
    : []
const paragraphs = (...values: ReadonlyArray<unknown>): string => values.flatMap(strings).join("\n\n")
const numberAt = (raw: Raw, key: string) => (typeof raw[key] === "number" ? raw[key] : undefined)
const intAt = (raw: Raw, key: string) => {
  const found = numberAt(raw, key)
  return found !== undefined && Number.isInteger(found) ? found : undefined
}

/** One hunk that adds or deletes a whole text. As the `diff` of an added or deleted file Codex sends the plain text. */
const wholeFile = (sign: "+" | "-", text: string): string => {
  if (text === "") return ""
  const lines = text.endsWith("\n") ? text.slice(0, -1).split("\n") : text.split("\n")
  const range = sign === "+" ? `-0,0 +1,${lines.length}` : `-1,${lines.length} +0,0`
  const last = text.endsWith("\n") ? "\n" : "\n\\ No newline at end of file\n"
  return `@@ ${range} @@\n${lines.map((line) => sign + line).join("\n")}${last}`
}

const fileChange = ({ diff, kind, path }: Change): FileChange =>
  kind.type === "add"
    ? { path, change: "add", diff: wholeFile("+", diff) }
    : kind.type === "delete"
      ? { path, change: "delete", diff: wholeFile("-", diff) }
      : typeof kind.move_path === "string"
        ? { path, change: "move", movedTo: kind.move_path, diff }
        : { path, change: "update", diff }

const decodeChanges = Schema.decodeUnknownEither(Schema.Array(Change))

/** The changes of a `fileChange` item or of `item/fileChange/patchUpdated`. */
export const fileChanges = (changes: ReadonlyArray<Change>): ReadonlyArray<FileChange> => changes.map(fileChange)

const changesOf = (raw: Raw): ItemContent =>
  Either.match(decodeChanges(raw["changes"]), {
    onLeft: () => ({ result: raw["changes"] }),
    onRight: (changes) => ({ changes: fileChanges(changes) })
  })

const toolName = (...parts: ReadonlyArray<unknown>) =>
  parts.filter((part): part is string => typeof part === "string" && part !== "").join("/")

/** For each of Codex' item types: our kind, and the content read from the raw item. */
const table: ReadonlyMap<string, { readonly kind: ItemKind; readonly content: (raw: Raw) => ItemContent }> = new Map(
  Object.entries({
    userMessage: {
      kind: "user-message",
      content: (raw: Raw) => {
        const parts: ReadonlyArray<unknown> = Array.isArray(raw["content"]) ? raw["content"] : []
        const others = parts.filter((part) => stringAt(part, "type") !== "text")
        return { text: strings(parts).join("\n"), ...(others.length > 0 ? { input: others } : {}) }
      }
    },
    agentMessage: {
      kind: "agent-message",
      content: (raw: Raw) => ({ text: stringAt(raw, "text") ?? "", ...(raw["questions"] ? { input: raw["questions"] } : {}) })
    },
    plan: { kind: "plan", content: (raw: Raw) => ({ text: stringAt(raw, "text") ?? "" }) },
    // Empty when Codex does not disclose the text: the streamed deltas are kept then.
    reasoning: {
      kind: "reasoning",
      content: (raw: Raw) => defined({ text: paragraphs(raw["summary"], raw["content"]) || undefined })
    },
    commandExecution: {
      kind: "command",
      content: (raw: Raw) =>
        defined({
          command: stringAt(raw, "command"),
          cwd: stringAt(raw, "cwd"),
          output: stringAt(raw, "aggregatedOutput"),
          exitCode: intAt(raw, "exitCode"),
          durationMillis: numberAt(raw, "durationMs")
        })
    },
    fileChange: { kind: "file-change", content: changesOf },
    mcpToolCall: {
      kind: "tool-call",
      content: (raw: Raw) =>
        defined({
          tool: toolName(raw["server"], raw["tool"]),
          input: raw["arguments"],
          result: raw["result"] ?? raw["error"],
          durationMillis: numberAt(raw, "durationMs")
        })
    },
    dynamicToolCall: {
      kind: "tool-call",
      content: (raw: Raw) =>
        defined({
          tool: toolName(raw["namespace"], raw["tool"]),
          input: raw["arguments"],
          result: raw["contentItems"],
          durationMillis: numberAt(raw, "durationMs")
        })
    },
    functionCallOutput: {
      kind: "tool-call",
      content: (raw: Raw) => defined({ tool: toolName(raw["namespace"], raw["name"]), result: raw["output"] })
    },
    collabAgentToolCall: {
      kind: "tool-call",
      content: (raw: Raw) =>
        defined({
          tool: toolName("agents", raw["tool"]),
          text: stringAt(raw, "prompt"),
          input: raw["receiverThreadIds"],
          result: raw["agentsStates"]
        })
    },
    webSearch: {
      kind: "web-search",
      content: (raw: Raw) => defined({ text: stringAt(raw, "query"), input: raw["action"], result: raw["results"] })
    },
    imageView: { kind: "image", content: (raw: Raw) => defined({ text: stringAt(raw, "path") }) },
    imageGeneration: {
      kind: "image",
      content: (raw: Raw) =>
        defined({ text: stringAt(raw, "savedPath"), input: stringAt(raw, "revisedPrompt"), result: raw["failure"] })
    },
    contextCompaction: { kind: "compaction", content: (): ItemContent => ({ text: "The conversation was compacted." }) },
    hookPrompt: { kind: "notice", content: (raw: Raw) => ({ text: paragraphs(raw["fragments"]) }) },
    enteredReviewMode: { kind: "notice", content: (raw: Raw) => defined({ text: stringAt(raw, "review") }) },
    exitedReviewMode: { kind: "notice", content: (raw: Raw) => defined({ text: stringAt(raw, "review") }) },
    sleep: { kind: "notice", content: (raw: Raw) => defined({ durationMillis: numberAt(raw, "durationMs") }) }
  })
)

/** The kind of an item; an unknown type is used as the kind. */
export const itemKind = (item: Item): ItemKind => table.get(item.type)?.kind ?? item.type

/** The content of a completed item. An item of an unknown type is kept whole in `result`. */
export const itemContent = (item: Item): ItemContent => {
  const known = table.get(item.type)
  return known ? known.content(item.raw) : { result: item.raw }
}

/** The image that Codex generated. Those in the results of tools are found by the normaliser. */
export const itemFiles = ({ raw, type }: Item): ReadonlyArray<AgentFile> => {
  const base64 = type === "imageGeneration" ? stringAt(raw, "result") : undefined
  if (base64 === undefined || base64 === "") return []
  const shown = new Images.Shown()
  shown.add({ mediaType: "image/png", base64 })
  return shown.files
}

/** The content of a started item. An empty text is omitted, so that the deltas are its text if it is never completed. */
export const startedContent = (item: Item): ItemContent => {
  const { text, ...content } = itemContent(item)
  return text === undefined || text === "" ? content : { ...content, text }
}

const statuses: ReadonlyMap<string, ItemStatus> = new Map([
  ["completed", "completed"],
  ["failed", "failed"],
  ["declined", "declined"],
  ["interrupted", "aborted"]
])

/** The status of a completed item; most types have none, which means completed. An unknown status is returned as the reason. */
export const itemStatus = (item: Item): { readonly status: ItemStatus; readonly reason?: string } => {
  const word = stringAt(item.raw, "status")
  const status = word === undefined ? undefined : statuses.get(word)
  if (status) return { status }
  if (item.raw["success"] === false || isRecord(item.raw["failure"])) return { status: "failed" }
  return word === undefined || word === "inProgress" ? { status: "completed" } : { status: "completed", reason: `Codex: ${word}` }
}
