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
import * as Framer from "../process/Framer.ts"
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
    const framer = Framer.make(maxTurnBytes)
    let begins = from
    const taken = (line: Buffer) => {
      take(line.toString("utf8"), begins)
      begins += line.length + 1
    }
    for (let at = from; at < to;) {
      // The framer keeps views of unfinished lines, so each read has a separate buffer.
      const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, to - at))
      const { bytesRead } = yield* reading(() => file.read(chunk, 0, chunk.length, at))
      if (bytesRead === 0) break
      at += bytesRead
      const { lines, overflow } = framer.push(chunk.subarray(0, bytesRead))
      lines.forEach(taken)
      if (overflow !== undefined) return yield* new Unreadable({ cause: "a line is too long" })
    }
    const rest = framer.end()
    if (rest !== undefined) taken(rest)
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
    const calls: Array<{ readonly after: number; readonly id: string; readonly call: Fields; output?: unknown }> = []
    /** For each call id: the newest call without an output, or an output that comes before its call. */
    const waiting = new Map<string, { output?: unknown }>()
    const early = new Map<string, unknown>()
    const ids = new Set<string>()
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
        const callId = stringAt(payload, "call_id")
        if (kind.endsWith("_output") && callId !== undefined) {
          const call = waiting.get(callId)
          if (call === undefined) early.set(callId, payload["output"])
          else call.output = payload["output"]
          waiting.delete(callId)
        } else if (kind.endsWith("_call")) {
          const id = callId ?? stringAt(payload, "id") ?? `call-${at}`
          // An id that is used again is a new call.
          const call = { after, id: ids.has(id) ? `${id} ${at}` : id, call: payload, output: early.get(id) }
          early.delete(id)
          ids.add(call.id)
          calls.push(call)
          if (call.output === undefined) waiting.set(id, call)
        }
      })
    return calls.map(({ after, call, id, output }) => ({ after, item: itemOfCall(id, call, output) }))
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
        Effect.tapError(({ cause }) =>
          Effect.logWarning("a turn of the conversation's file cannot be read", { path, turnId, cause })
        ),
        Effect.option
      )
    }
    return { work }
  }).pipe(
    Effect.tapErrorTag("Unreadable", ({ cause }) =>
      Effect.logWarning("the file of a conversation cannot be read", { path, cause })
    ),
    Effect.option
  )
