/** Keeps each event under 256 KiB (L4): long text is cut, and the event records the bytes cut. */
import type { DurableEvent } from "@millrace/contracts/ProviderEvent"
import type { Ask, Failure, FileChange, ItemContent, PlanStep } from "@millrace/contracts/Item"

/** Most encoded bytes of one value inside an event; the rest is for the envelope. */
export const maxValueBytes = 224 * 1024

/** UTF-8 bytes of a value's JSON. */
const jsonBytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value) ?? "", "utf8")

/** Whether the JSON of a text has at most `bytes` bytes. JSON needs at most 6 bytes per UTF-16 unit, so a short text is not encoded. */
const fits = (text: string, bytes: number): boolean => text.length * 6 + 2 <= bytes || jsonBytes(text) <= bytes

/** Bytes of one UTF-16 unit in a JSON string; not for surrogates. */
const unitBytes = (code: number): number => {
  if (code < 0x20) return code === 8 || code === 9 || code === 10 || code === 12 || code === 13 ? 2 : 6
  if (code === 0x22 || code === 0x5c) return 2
  return code < 0x80 ? 1 : code < 0x800 ? 2 : 3
}

const isHigh = (code: number): boolean => code >= 0xd800 && code <= 0xdbff
const isLow = (code: number): boolean => code >= 0xdc00 && code <= 0xdfff

/** The longest prefix of a text whose JSON has at most `bytes` bytes; never splits a surrogate pair. One pass. */
export const cutText = (text: string, bytes: number): string => {
  if (fits(text, bytes)) return text
  let sum = 2
  let at = 0
  while (at < text.length) {
    const code = text.charCodeAt(at)
    const pair = isHigh(code) && isLow(text.charCodeAt(at + 1))
    sum += pair ? 4 : isHigh(code) || isLow(code) ? 6 : unitBytes(code)
    if (sum > bytes) break
    at += pair ? 2 : 1
  }
  return text.slice(0, at)
}

/** Splits a text into pieces of at most `bytes` bytes of JSON each; joined they equal the text. */
export const split = (text: string, bytes: number): ReadonlyArray<string> => {
  const pieces: Array<string> = []
  let rest = text
  while (!fits(rest, bytes)) {
    const piece = cutText(rest, bytes)
    pieces.push(piece)
    rest = rest.slice(piece.length)
  }
  pieces.push(rest)
  return pieces
}

/** Most nesting levels of a value, because encoding, checking and rendering recurse once per level. */
const maxDepth = 256

/** Whether a value is nested deeper than `left` levels. `JSON.parse` accepts any depth; `JSON.stringify` overflows the stack. */
export const isDeep = (value: unknown, left = maxDepth): boolean =>
  typeof value === "object" && value !== null && (left === 0 || Object.values(value).some((part) => isDeep(part, left - 1)))

/** A value of unknown shape, or a note in its place if it is too large or too deep. */
export const fitUnknown = (value: unknown, bytes: number): unknown => {
  if (isDeep(value)) return { leftOut: `nested more than ${maxDepth} levels deep` }
  const json = JSON.stringify(value)
  if (json === undefined) return null
  if (fits(json, bytes)) return value
  const size = Buffer.byteLength(json, "utf8")
  return { truncatedBytes: size, beginning: cutText(json, Math.min(bytes >> 1, 8192)) }
}

/** Whether a content certainly fits, by an upper bound of its bytes that needs no encoding. */
const isSmall = (content: ItemContent): boolean =>
  ((content.text?.length ?? 0) + (content.output?.length ?? 0) + (content.command?.length ?? 0)) * 6 < 32_768 &&
  content.changes === undefined &&
  content.input === undefined &&
  content.result === undefined &&
  content.steps === undefined

const fitChanges = (changes: ReadonlyArray<FileChange>, bytes: number): ReadonlyArray<FileChange> => {
  const kept = changes.slice(0, 200)
  const share = Math.floor(bytes / kept.length)
  return kept.map((change) =>
    change.diff === undefined ? change : Object.assign({}, change, { diff: cutText(change.diff, share) })
  )
}

const withoutDeep = ({ input, result, ...content }: ItemContent): ItemContent => ({
  ...content,
  ...(input === undefined ? {} : { input: fitUnknown(input, maxValueBytes) }),
  ...(result === undefined ? {} : { result: fitUnknown(result, maxValueBytes) })
})

/** The content; if it is too large, each field is cut to a fixed share of the limit, texts at their ends. */
export const fitContent = (given: ItemContent): ItemContent => {
  if (isSmall(given)) return given
  const content = isDeep(given.input) || isDeep(given.result) ? withoutDeep(given) : given
  const before = jsonBytes(content)
  if (before <= maxValueBytes) return content
  const share = Math.floor(maxValueBytes / 8)
  const cut: ItemContent = {
    ...content,
    ...(content.command === undefined ? {} : { command: cutText(content.command, share) }),
    ...(content.changes === undefined ? {} : { changes: fitChanges(content.changes, share) }),
    ...(content.input === undefined ? {} : { input: fitUnknown(content.input, share) }),
    ...(content.result === undefined ? {} : { result: fitUnknown(content.result, share) }),
    ...(content.output === undefined ? {} : { output: cutText(content.output, share * 2) }),
    ...(content.text === undefined ? {} : { text: cutText(content.text, share * 2) }),
    ...(content.steps === undefined
      ? {}
      : { steps: content.steps.slice(0, 100).map(({ text, status }) => ({ text: cutText(text, 256), status })) })
  }
  return { ...cut, truncatedBytes: (content.truncatedBytes ?? 0) + before - jsonBytes(cut) }
}

const maxReasonBytes = 16 * 1024
const fitFailure = (error: Failure): Failure => ({
  ...error,
  message: cutText(error.message, maxReasonBytes),
  ...(error.detail === undefined ? {} : { detail: cutText(error.detail, maxReasonBytes) })
})

const fitPlan = (plan: ReadonlyArray<PlanStep>): ReadonlyArray<PlanStep> =>
  plan.slice(0, 200).map(({ text, status }) => ({ text: cutText(text, 512), status }))

/** A request is cut, never dropped: the agent waits for the answer. */
const fitAsk = (ask: Ask): Ask => {
  if (jsonBytes(ask) <= maxValueBytes) return ask
  if (ask.kind === "approval")
    return {
      ...ask,
      title: cutText(ask.title, maxReasonBytes),
      ...(ask.command === undefined ? {} : { command: cutText(ask.command, 2 * maxReasonBytes) }),
      ...(ask.reason === undefined ? {} : { reason: cutText(ask.reason, maxReasonBytes) }),
      ...(ask.changes === undefined ? {} : { changes: fitChanges(ask.changes, maxValueBytes / 4) })
    }
  const share = Math.floor(maxValueBytes / 4 / ask.questions.length)
  const [first, ...others] = ask.questions
  const fit = (question: typeof first): typeof first => ({
    ...question,
    text: cutText(question.text, share),
    ...(question.options === undefined
      ? {}
      : {
          options: question.options.map((option) => ({
            label: option.label,
            ...(option.description === undefined
              ? {}
              : { description: cutText(option.description, Math.max(2, Math.floor(share / (question.options?.length ?? 1)))) })
          }))
        })
  })
  return { ...ask, title: cutText(ask.title, maxReasonBytes), questions: [fit(first), ...others.map(fit)] }
}

/** The event with its large values cut to what the log accepts (L4). */
export const fitEvent = (event: DurableEvent): DurableEvent => {
  switch (event._tag) {
    case "ItemStarted":
    case "ItemCompleted":
    case "ItemAmended": {
      const content = fitContent(event.content)
      return content === event.content ? event : { ...event, content }
    }
    case "Opaque": {
      const payload = fitUnknown(event.payload, maxValueBytes)
      return payload === event.payload ? event : { ...event, payload }
    }
    case "TurnUpdated":
      return jsonBytes(event) <= maxValueBytes
        ? event
        : {
            ...event,
            ...(event.diff === undefined ? {} : { diff: cutText(event.diff, maxValueBytes / 4) }),
            ...(event.plan === undefined ? {} : { plan: fitPlan(event.plan) })
          }
    case "RequestOpened": {
      const ask = fitAsk(event.ask)
      return ask === event.ask ? event : { ...event, ask }
    }
    case "TurnFailed":
      return {
        ...event,
        error: fitFailure(event.error),
        ...(event.reason === undefined ? {} : { reason: cutText(event.reason, maxReasonBytes) })
      }
    case "TurnCompleted":
    case "TurnInterrupted":
      return event.reason === undefined ? event : { ...event, reason: cutText(event.reason, maxReasonBytes) }
    default:
      return event
  }
}
