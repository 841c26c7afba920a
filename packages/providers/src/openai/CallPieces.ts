/**
 * The calls of one answer, put together from pieces. Servers tell calls apart by index, by id, or by neither; a new id is a new call whatever the
 * index says. The ids that the model is sent back are ours: unique in the conversation, since those of a server need not be.
 */
import { isRecord } from "../Fields.ts"
import type { Said } from "./Said.ts"
import type { ToolCall } from "./Transcript.ts"

type Piece = Extract<Said, { readonly _tag: "Call" }>

/** Calls of one answer; with more of them the answer fails. */
const maxCalls = 128

interface Call {
  /** As the server names it. */
  id: string | undefined
  name: string
  arguments: string
}

/** All of it came: what begins with this name or id again is another call. */
const isWhole = (call: Call): boolean => {
  try {
    return isRecord(JSON.parse(call.arguments) as unknown)
  } catch {
    return false
  }
}

export interface CallPieces {
  readonly push: (piece: Piece) => void
  readonly all: () => ReadonlyArray<ToolCall>
  /** Why they cannot be made, when they cannot. */
  readonly refused: () => string | undefined
}

/** Ids as strict servers take them: letters, digits, `_`; at most 40 characters for ids of ours. */
const idOf = (turn: string, name: string, at: number): string =>
  `call_${turn
    .replace(/^trn_/, "")
    .replaceAll(/[^A-Za-z0-9]/g, "_")
    .slice(-26)}_${/\d+$/.exec(name)?.[0] ?? 1}_${at + 1}`

/** `name`: of the answer, within its turn; ends with its number. */
export const make = (turn: string, name: string): CallPieces => {
  const calls: Array<Call> = []
  const byIndex = new Map<string, Call>()
  let pieces = false
  let tooMany = false

  const find = ({ at, id, index, name: called }: Piece): Call | undefined => {
    const there = index === undefined ? undefined : byIndex.get(index)
    const last = calls.at(-1)
    const another = (call: Call) => called !== undefined && (isWhole(call) || (call.name !== "" && call.name !== called))
    if (id !== undefined) {
      const same = index === undefined ? calls.findLast((call) => call.id === id) : there?.id === id ? there : undefined
      // Its id comes late, or with each piece.
      const known = same ?? (there?.id === undefined ? there : undefined)
      return known === undefined || another(known) ? undefined : known
    }
    if (called !== undefined) {
      const known = there ?? (index === undefined ? last : undefined)
      return known === undefined || another(known) ? undefined : known
    }
    // The rest of a call that has lost its place is that of the newest call.
    return there ?? (index === undefined && at > 0 ? (calls[at] ?? last) : last)
  }

  return {
    push: (piece) => {
      if (piece.whole === true && pieces) return
      if (piece.whole !== true) pieces = true
      let call = find(piece)
      if (call === undefined) {
        if (calls.length >= maxCalls) {
          tooMany = true
          return
        }
        call = { id: undefined, name: "", arguments: "" }
        calls.push(call)
      }
      if (piece.index !== undefined) byIndex.set(piece.index, call)
      call.id ??= piece.id
      if (call.name === "") call.name = piece.name ?? ""
      call.arguments += piece.arguments
    },
    all: () => calls.map((call, at) => ({ id: idOf(turn, name, at), name: call.name, arguments: call.arguments })),
    refused: () =>
      tooMany
        ? `The model made more than ${maxCalls} calls in one answer.`
        : calls.some((call) => call.name === "")
          ? "The model made a call that names no function."
          : undefined
  }
}
