/**
 * Assembles the calls of one answer from pieces. Servers identify calls by index, by id, or by neither; a new id is a new call, even with a known
 * index. The ids that are sent back to the model are generated: unique in the conversation, because a server's ids need not be.
 */
import { BoundedMap } from "@millrace/contracts/BoundedMap"
import { isRecord } from "../Fields.ts"
import type { AnswerPart } from "./AnswerPart.ts"
import type { ToolCall } from "./Transcript.ts"

type Piece = Extract<AnswerPart, { readonly _tag: "Call" }>

/** Maximum calls of one answer; with more the answer fails. */
const maxCalls = 128
/** Maximum characters of the arguments of all calls of one answer; with more the answer fails. */
const maxCharacters = 4 * 1024 * 1024
/** Maximum indexes of one answer that are tracked. */
const maxIndexes = 1024

interface Call {
  /** The server's id. */
  id: string | undefined
  name: string
  arguments: string
}

/** Whether the call's arguments are complete: a later piece with the same name or id begins another call. */
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
  /** Why the calls cannot be made; `undefined` when they can. */
  readonly refused: () => string | undefined
}

/** An id that strict servers accept: letters, digits and `_`; at most 40 characters for our turn ids. */
const idOf = (turn: string, name: string, at: number): string =>
  `call_${turn
    .replace(/^trn_/, "")
    .replaceAll(/[^A-Za-z0-9]/g, "_")
    .slice(-26)}_${/\d+$/.exec(name)?.[0] ?? 1}_${at + 1}`

/** `name`: name of the answer within its turn; ends with its number. */
export const make = (turn: string, name: string): CallPieces => {
  const calls: Array<Call> = []
  const byIndex = new BoundedMap<string, Call>(maxIndexes)
  let pieces = false
  let tooMany = false
  let characters = 0

  const find = ({ at, id, index, name: called }: Piece): Call | undefined => {
    const there = index === undefined ? undefined : byIndex.get(index)
    const last = calls.at(-1)
    const another = (call: Call) => called !== undefined && (isWhole(call) || (call.name !== "" && call.name !== called))
    if (id !== undefined) {
      const same = index === undefined ? calls.findLast((call) => call.id === id) : there?.id === id ? there : undefined
      // The id may come after the first piece, or with each piece.
      const known = same ?? (there?.id === undefined ? there : undefined)
      return known === undefined || another(known) ? undefined : known
    }
    if (called !== undefined) {
      const known = there ?? (index === undefined ? last : undefined)
      return known === undefined || another(known) ? undefined : known
    }
    // A piece without a known position continues the newest call.
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
      characters += piece.arguments.length
      if (characters <= maxCharacters) call.arguments += piece.arguments
    },
    all: () => calls.map((call, at) => ({ id: idOf(turn, name, at), name: call.name, arguments: call.arguments })),
    refused: () =>
      tooMany
        ? `The model made more than ${maxCalls} calls in one answer.`
        : characters > maxCharacters
          ? `The arguments of the model's calls are longer than ${maxCharacters} characters. Ask for shorter texts, or for several answers with fewer calls each.`
          : calls.some((call) => call.name === "")
            ? "The model made a call that names no function."
            : undefined
  }
}
