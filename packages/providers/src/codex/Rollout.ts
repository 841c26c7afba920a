/**
 * Items of past turns that Codex's protocol omits, read from the rollout file (`path` of the Codex thread). In a conversation of mode `legacy`
 * (0.104; 0.169 lists it, measured) `thread/turns/list` returns messages and reasoning only. The file has one JSON value per line; a turn is the lines
 * from its `task_started` to the next one. Memory holds one turn and the positions of all turns.
 */
import type { FileHandle } from "node:fs/promises"
import { constants } from "node:fs"
import { open } from "node:fs/promises"
import { Data, Effect, type Option, type Scope } from "effect"
import { type Fields, isRecord, stringAt } from "../Fields.ts"
import { itemOfCall } from "./RolloutItems.ts"
import type { Item } from "./Wire.ts"

/** Maximum bytes of one turn's lines, and of one line. */
const maxTurnBytes = 64 * 1024 * 1024
const chunkBytes = 256 * 1024

class Unreadable extends Data.TaggedError("Unreadable")<{ readonly cause: unknown }> {}

/** Items of a turn that only the file has. `after`: how many of the protocol's items precede it. */
export type Work = ReadonlyArray<{ readonly after: number; readonly item: Item }>

export interface Rollout {
  /** `None`: the file does not have this turn, or it cannot be read. `kinds`: the types of the protocol's items, in order. */
  readonly work: (turnId: string, kinds: ReadonlyArray<string>) => Effect.Effect<Option.Option<Work>>
}

const reading = <A>(run: () => Promise<A>) => Effect.tryPromise({ try: run, catch: (cause) => new Unreadable({ cause }) })

/** Calls `take` with each line and its byte offset; the last line may have no newline. */
const eachLine = (file: FileHandle, from: number, to: number, take: (line: string, at: number) => void) =>
  Effect.gen(function* () {
    const chunk = Buffer.alloc(chunkBytes)
    let rest: Array<Buffer> = []
    let size = 0
    let begins = from
    const flush = () => {
      take(Buffer.concat(rest).toString("utf8"), begins)
      begins += size + 1
      rest = []
      size = 0
    }
    for (let at = from; at < to;) {
      const { bytesRead } = yield* reading(() => file.read(chunk, 0, Math.min(chunkBytes, to - at), at))
      if (bytesRead === 0) break
      at += bytesRead
      for (let start = 0; start < bytesRead;) {
        const newline = chunk.subarray(0, bytesRead).indexOf(0x0a, start)
        const piece = Buffer.from(chunk.subarray(start, newline < 0 ? bytesRead : newline))
        rest.push(piece)
        size += piece.length
        if (size > maxTurnBytes) return yield* new Unreadable({ cause: "a line is too long" })
        if (newline < 0) break
        flush()
        start = newline + 1
      }
    }
    if (size > 0) flush()
  })

const recordOf = (line: string): { readonly type: string | undefined; readonly payload: Fields } | undefined => {
  try {
    const value: unknown = JSON.parse(line)
    const payload = isRecord(value) ? value["payload"] : undefined
    return isRecord(payload) ? { type: stringAt(value, "type"), payload } : undefined
  } catch {
    // A torn line is skipped.
    return undefined
  }
}

interface Section {
  readonly from: number
  to: number
}

/** Byte ranges of each turn's lines; a resumed turn has several. */
const sectionsOf = (file: FileHandle, size: number) =>
  Effect.gen(function* () {
    const turns = new Map<string, Array<Section>>()
    let open: Section | undefined
    yield* eachLine(file, 0, size, (line, at) => {
      if (!line.includes('"task_started"')) return
      const { payload, type } = recordOf(line) ?? {}
      const turnId = stringAt(payload, "turn_id")
      if (type !== "event_msg" || payload?.["type"] !== "task_started" || turnId === undefined) return
      if (open !== undefined) open.to = at
      open = { from: at, to: size }
      const known = turns.get(turnId)
      if (known === undefined) turns.set(turnId, [open])
      else known.push(open)
    })
    return turns
  })

/** Type of the protocol's item, by the type of the file's event that it is made from. */
const markers: ReadonlyMap<string, string> = new Map([
  ["user_message", "userMessage"],
  ["agent_message", "agentMessage"],
  ["agent_reasoning", "reasoning"]
])

const workOf = (file: FileHandle, sections: ReadonlyArray<Section>, kinds: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    if (sections.reduce((sum, { from, to }) => sum + to - from, 0) > maxTurnBytes)
      return yield* new Unreadable({ cause: "a turn is too large" })
    const calls: Array<{ readonly after: number; readonly id: string; readonly call: Fields }> = []
    const outputs = new Map<string, unknown>()
    let after = 0
    for (const { from, to } of sections)
      yield* eachLine(file, from, to, (line, at) => {
        const { payload, type } = recordOf(line) ?? {}
        if (payload === undefined) return
        const kind = stringAt(payload, "type") ?? ""
        const marker = type === "event_msg" ? markers.get(kind) : undefined
        // The protocol merges consecutive reasoning events into one item.
        if (marker !== undefined && !(marker === "reasoning" && kinds[after - 1] === marker)) {
          const next = kinds.indexOf(marker, after)
          if (next >= 0) after = next + 1
        }
        if (type !== "response_item") return
        const id = stringAt(payload, "call_id")
        if (kind.endsWith("_output") && id !== undefined) outputs.set(id, payload["output"])
        else if (kind.endsWith("_call")) calls.push({ after, id: id ?? stringAt(payload, "id") ?? `call-${at}`, call: payload })
      })
    return calls.map(({ after, call, id }) => ({ after, item: itemOfCall(id, call, outputs.get(id)) }))
  })

/** Opens the file in the scope. `None`: it does not exist or cannot be read. */
export const make = (path: string): Effect.Effect<Option.Option<Rollout>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const file = yield* Effect.acquireRelease(
      reading(() => open(path, constants.O_RDONLY | constants.O_NONBLOCK)),
      (file) => Effect.promise(() => file.close())
    )
    const found = yield* reading(() => file.stat())
    if (!found.isFile()) return yield* new Unreadable({ cause: "it is not a regular file" })
    const turns = yield* sectionsOf(file, found.size)
    const work: Rollout["work"] = (turnId, kinds) => {
      const sections = turns.get(turnId)
      if (sections === undefined) return Effect.succeedNone
      return workOf(file, sections, kinds).pipe(
        Effect.tapError(({ cause }) => Effect.logWarning("a turn of Codex' own file cannot be read", { path, turnId, cause })),
        Effect.option
      )
    }
    return { work }
  }).pipe(
    Effect.tapErrorTag("Unreadable", ({ cause }) =>
      Effect.logWarning("Codex' own file of a conversation cannot be read", { path, cause })
    ),
    Effect.option
  )
