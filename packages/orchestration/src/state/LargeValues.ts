/**
 * Keeps each event under 256 KiB (L4) and each value whole (L22). Of a value over 64 KiB the event has the first 16 KiB, and the whole value is a blob.
 * If an event is still too large, its values over 16 KiB move too, then those over 8 KiB, and so on. Pure: `Keep` stores the values.
 */
import type { Blob, Blobs } from "@millrace/contracts/Blob"
import type { FileChange, PlanStep, Question } from "@millrace/contracts/Item"
import type { DurableEvent } from "@millrace/contracts/ProviderEvent"
import { cutBytes, wellFormedJson } from "@millrace/contracts/Text"
import { cutText, isDeep, jsonBytes, leftOut, maxValueBytes } from "./Truncation.ts"

/** A value up to this size stays in its event. */
const maxInEvent = 64 * 1024
/** Maximum bytes that an event keeps of a value that becomes a blob. */
const beginningBytes = 16 * 1024
/** Bytes of a list's entries in an event, and their number. */
const maxListBytes = 48 * 1024
const maxEntries = 200

/** Stores a whole value and returns its name. */
export type Keep = (text: string, mediaType: string) => Blob

/** The fields of contents, questions and other records that can be large. */
interface Parts {
  readonly title?: string | undefined
  readonly text?: string | undefined
  readonly output?: string | undefined
  readonly command?: string | undefined
  readonly reason?: string | undefined
  readonly diff?: string | undefined
  readonly input?: unknown
  readonly result?: unknown
  readonly payload?: unknown
  readonly changes?: ReadonlyArray<FileChange> | undefined
  readonly steps?: ReadonlyArray<PlanStep> | undefined
  readonly plan?: ReadonlyArray<PlanStep> | undefined
  readonly questions?: ReadonlyArray<Question> | undefined
  readonly blobs?: Blobs | undefined
}

const texts = ["title", "text", "output", "command", "reason", "diff"] as const
const values = ["input", "result", "payload"] as const
const diffType = "text/x-diff"
const jsonType = "application/json"

/** Whether the parts certainly fit, by an upper bound of their bytes that needs no encoding. */
const isSmall = (parts: Parts): boolean => {
  let units = 0
  for (const name of texts) units += parts[name]?.length ?? 0
  return (
    units * 6 < maxInEvent &&
    parts.changes === undefined &&
    parts.input === undefined &&
    parts.result === undefined &&
    parts.payload === undefined &&
    parts.steps === undefined &&
    parts.plan === undefined &&
    parts.questions === undefined
  )
}

const isOver = (text: string, bytes: number): boolean => text.length > bytes / 3 && Buffer.byteLength(text) > bytes

/** The first entries of a list that fit; all of them if they do. */
const entriesOf = <A>(list: ReadonlyArray<A>): ReadonlyArray<A> => {
  let bytes = 0
  const end = list.findIndex((entry, at) => at >= maxEntries || (bytes += jsonBytes(entry)) > maxListBytes)
  return end < 0 ? list : list.slice(0, end)
}

const shortStep = ({ status, text }: PlanStep): PlanStep => ({ text: cutText(text, 1024), status })
type Option = NonNullable<Question["options"]>[number]
const shortOption =
  (bytes: number) =>
  ({ description, label }: Option): Option =>
    description === undefined ? { label } : { label, description: cutText(description, bytes) }
const shortQuestion =
  (questions: number) =>
  (question: Question): Question => {
    const share = Math.floor(maxListBytes / questions)
    const { options } = question
    return {
      ...question,
      text: cutText(question.text, share),
      ...(options === undefined
        ? {}
        : {
            options: options.map(shortOption(Math.max(2, Math.floor(share / options.length))))
          })
    }
  }

/** The parts with their values over `limit` bytes moved. */
const move = <A extends Parts>(parts: A, limit: number, keep: Keep): A => {
  const beginning = Math.min(limit, beginningBytes)
  const blobs: Record<string, Blob> = {}
  const moved: Record<string, unknown> = {}
  for (const name of texts) {
    const text = parts[name]
    if (text === undefined || !isOver(text, limit)) continue
    blobs[name] = keep(text, name === "diff" ? diffType : "text/plain")
    moved[name] = cutBytes(text, beginning)
  }
  for (const name of values) {
    const value = parts[name]
    if (value === undefined) continue
    const json = JSON.stringify(wellFormedJson(value)) ?? "null"
    if (!isOver(json, limit)) continue
    blobs[name] = keep(json, jsonType)
    moved[name] = cutBytes(json, beginning)
  }
  for (const name of ["steps", "plan"] as const) {
    const list = parts[name]
    if (list === undefined || (list.length <= maxEntries && jsonBytes(list) <= maxListBytes)) continue
    blobs[name] = keep(JSON.stringify(wellFormedJson(list)), jsonType)
    moved[name] = entriesOf(list.map(shortStep))
  }
  const { changes, questions } = parts
  if (questions !== undefined && jsonBytes(questions) > limit) {
    blobs["questions"] = keep(JSON.stringify(wellFormedJson(questions)), jsonType)
    moved["questions"] = questions.map(shortQuestion(questions.length))
  }
  if (changes !== undefined) {
    const short = entriesOf(changes.map(({ change, movedTo, path }) => ({ path, change, movedTo }))).length
    if (short < changes.length) blobs["changes"] = keep(JSON.stringify(wellFormedJson(changes)), jsonType)
    if (short < changes.length || changes.some(({ diff = "" }) => isOver(diff, limit)))
      moved["changes"] = changes.slice(0, short).map((change): FileChange => {
        const { diff = "" } = change
        return isOver(diff, limit)
          ? Object.assign({}, change, { diff: cutBytes(diff, beginning), blob: keep(diff, diffType) })
          : change
      })
  }
  return Object.keys(moved).length === 0
    ? parts
    : Object.assign({}, parts, moved, Object.keys(blobs).length === 0 ? {} : { blobs: { ...parts.blobs, ...blobs } })
}

/** An entry of the size of any other. */
const measured: Keep = (text, mediaType) => ({ hash: "0".repeat(64), bytes: Buffer.byteLength(text), mediaType })

/** The parts; the values that are too large for an event are kept as blobs. Parts that have been fitted are returned as they are. */
export const fit = <A extends Parts>(given: A, keep: Keep): A => {
  if (isSmall(given)) return given
  const parts = withoutDeep(given)
  // No value is larger than the whole.
  if (jsonBytes(parts) <= maxInEvent) return parts
  let limit = maxInEvent
  // The last limit leaves at most some bytes of each value.
  while (limit > 64 && jsonBytes(move(parts, limit, measured)) > maxValueBytes)
    limit = limit === maxInEvent ? beginningBytes : limit >> 1
  return move(parts, limit, keep)
}

/** The parts without values that are too deep: a note is in their place. */
const withoutDeep = <A extends Parts>(parts: A): A => {
  const deep = values.filter((name) => isDeep(parts[name]))
  return deep.length === 0 ? parts : Object.assign({}, parts, Object.fromEntries(deep.map((name) => [name, leftOut])))
}

/** The event without values that are too deep to be encoded or walked. */
export const shallow = (event: DurableEvent): DurableEvent => {
  if (event._tag === "Opaque") return withoutDeep(event)
  if (!("content" in event)) return event
  const content = withoutDeep(event.content)
  return content === event.content ? event : { ...event, content }
}

const maxReasonBytes = 16 * 1024

/** The event with its large values kept as blobs. Reasons and errors are cut: they are sentences. */
export const fitEvent = (event: DurableEvent, keep: Keep): DurableEvent => {
  switch (event._tag) {
    case "ItemStarted":
    case "ItemCompleted":
    case "ItemAmended": {
      const content = fit(event.content, keep)
      return content === event.content ? event : { ...event, content }
    }
    case "Opaque":
    case "TurnUpdated":
      return fit(event, keep)
    case "RequestOpened": {
      const ask = fit(event.ask, keep)
      return ask === event.ask ? event : { ...event, ask }
    }
    case "TurnFailed": {
      const { detail, message, ...error } = event.error
      return {
        ...event,
        error: {
          ...error,
          message: cutText(message, maxReasonBytes),
          ...(detail === undefined ? {} : { detail: cutText(detail, maxReasonBytes) })
        },
        ...(event.reason === undefined ? {} : { reason: cutText(event.reason, maxReasonBytes) })
      }
    }
    case "TurnCompleted":
    case "TurnInterrupted":
      return event.reason === undefined ? event : { ...event, reason: cutText(event.reason, maxReasonBytes) }
    default:
      return event
  }
}
