/** Prints one turn: the answer's text to standard output as it arrives, the agent's actions as short lines to standard error. */
import { Effect, Either } from "effect"
import { type DataOf, decodeData, domainEvent, type EventType, type LogEvent } from "@millrace/contracts/Event"
import type { ItemContent, PlanStep } from "@millrace/contracts/Item"
import { isStreamEvent } from "@millrace/model/Item"
import { Nested } from "@millrace/model/Nested"
import * as EventLine from "./EventLine.ts"
import type { OutputClosed } from "../Failure.ts"
import { Output } from "../Output.ts"
import * as Style from "./Style.ts"

export interface Transcript {
  /** Shows one event of the turn. */
  readonly show: (event: LogEvent) => Effect.Effect<void, OutputClosed>
  /** Writes a line end when the answer ended without one. */
  readonly end: Effect.Effect<void, OutputClosed>
}

/** The data of the event when it has this type and decodes. */
export const dataOf = <T extends EventType>(event: LogEvent, type: T): DataOf<T> | undefined =>
  event.type === type ? Either.getOrUndefined(decodeData(type, event.data)) : undefined

const marks: Readonly<Record<PlanStep["status"], string>> = { completed: "✓", "in-progress": "▸", pending: "·" }
/** Lines of a command's output, and of a file's diff, that are shown. */
const blockLines = 20
/** Formats an item's duration; empty below 0.1 s. */
const seconds = (content: ItemContent) =>
  (content.durationMillis ?? 0) < 100 ? "" : ` · ${((content.durationMillis ?? 0) / 1_000).toFixed(1)} s`

/** With `json`, prints the events themselves on standard output, one per line, and nothing else. */
export const make = (options: { readonly json: boolean; readonly provider: string }): Effect.Effect<Transcript, never, Output> =>
  Effect.map(Output, (output) => {
    const { style } = output
    /** The text printed so far of each open message. */
    const printed = new Map<string, string>()
    const nested = new Nested()
    let atLineStart = true
    let hasPrinted = false
    let plan = ""

    const print = (text: string) =>
      Effect.suspend(() => {
        if (text === "") return Effect.void
        atLineStart = text.endsWith("\n")
        hasPrinted = true
        return output.out(output.outIsTerminal ? Style.harmless(text) : text)
      })
    const endLine = Effect.suspend(() => (atLineStart ? Effect.void : print("\n")))
    const note = (text: string, indent = "") =>
      output.note(style.dim(indent + Style.line(text, output.noteWidth - indent.length)))
    const steps = (all: ReadonlyArray<PlanStep>) =>
      Effect.suspend(() => {
        const text = all.map((step) => `  ${marks[step.status]} ${Style.line(step.text, output.noteWidth - 6)}`).join("\n")
        if (text === plan || text === "") return Effect.void
        plan = text
        return output.note(style.dim(text))
      })

    /** At most `blockLines` lines of a text, and the number of omitted lines. */
    const block = (text: string, part: "head" | "tail") => {
      const lines = text.replace(/\n+$/, "").split("\n")
      if (lines.length === 1 && lines[0] === "") return Effect.void
      const others = lines.length - blockLines
      const more = others > 0 ? [`… ${others} more ${others === 1 ? "line" : "lines"}`] : []
      const shown = part === "head" ? [...lines.slice(0, blockLines), ...more] : [...more, ...lines.slice(-blockLines)]
      return Effect.forEach(shown, (line) => note(line, "  │ "), { discard: true })
    }
    const delta = (data: DataOf<"item.delta">) => {
      if (data.kind !== "agent-message") return Effect.void
      const before = printed.get(data.itemId)
      printed.set(data.itemId, (before ?? "") + data.text)
      // An empty line separates two messages of one turn.
      const gap = before === undefined && hasPrinted ? Effect.zipRight(endLine, print("\n")) : Effect.void
      return Effect.zipRight(gap, print(data.text))
    }
    const message = (data: DataOf<"item.completed">) => {
      const before = printed.get(data.itemId)
      const beginning = data.text ?? before ?? ""
      // Of a long text the event has the beginning; its deltas were printed.
      const isPrinted = data.blobs?.["text"] !== undefined && before?.startsWith(beginning) === true
      const whole = isPrinted ? before : beginning
      printed.delete(data.itemId)
      const missing = whole.startsWith(before ?? "") ? whole.slice((before ?? "").length) : `\n${whole}`
      const gap = before === undefined && hasPrinted && whole !== "" ? Effect.zipRight(endLine, print("\n")) : Effect.void
      return gap.pipe(Effect.zipRight(print(missing)), Effect.zipRight(endLine))
    }
    const command = (data: DataOf<"item.completed">) => {
      if (data.status === "declined") return note("declined", "  ")
      const failedWith = data.exitCode !== undefined && data.exitCode !== 0
      const end =
        data.status === "aborted"
          ? `aborted${data.reason === undefined ? "" : `: ${data.reason}`}`
          : `exit ${data.exitCode ?? "?"}`
      const long = data.blobs?.["output"]
      const shown =
        long === undefined
          ? block(data.output ?? "", "tail")
          : Effect.zipRight(block(data.output ?? "", "head"), note(`… ${long.bytes} bytes in all`, "  │ "))
      return Effect.zipRight(
        shown,
        failedWith ? output.note(style.red(`  ${end}${seconds(data)}`)) : note(`${end}${seconds(data)}`, "  ")
      )
    }
    /** The diff of each changed file, below its path. */
    const changes = (data: DataOf<"item.completed">) =>
      Effect.forEach(
        data.changes ?? [],
        ({ change, diff, movedTo, path }) =>
          Effect.zipRight(
            note(
              `${change} ${path}${movedTo === undefined ? "" : ` to ${movedTo}`}${data.status === "completed" ? "" : ` (${data.status})`}`
            ),
            block(diff ?? "", "head")
          ),
        { discard: true }
      )
    const completed = (data: DataOf<"item.completed">) => {
      // The messages and the reasoning of a sub-agent are not part of the answer; its actions are shown.
      if (data.parentItemId !== undefined && data.text !== undefined) return Effect.void
      switch (data.kind) {
        case "user-message":
          return Effect.void
        case "agent-message":
          return message(data)
        case "command":
          return command(data)
        case "file-change":
          return data.changes === undefined ? note(`file-change: ${EventLine.about(data)}`) : changes(data)
        case "reasoning":
          return data.text === undefined || data.text === "" ? Effect.void : note(`thinking: ${data.text}`)
        case "plan":
          return data.steps === undefined ? note(`plan: ${EventLine.about(data)}`) : steps(data.steps)
        default:
          return note(`${data.kind}: ${EventLine.about(data)}${data.status === "completed" ? "" : ` (${data.status})`}`)
      }
    }

    const show = (event: LogEvent): Effect.Effect<void, OutputClosed> => {
      if (options.json) return output.out(`${JSON.stringify(event)}\n`)
      const known = domainEvent(event)
      const ofSubAgent = isStreamEvent(known) && nested.has(known)
      const piece = dataOf(event, "item.delta")
      if (piece !== undefined) return ofSubAgent ? Effect.void : delta(piece)
      const item = dataOf(event, "item.completed")
      if (item !== undefined) return Effect.zipRight(completed(item), output.progress("working"))
      const started = dataOf(event, "item.started")
      if (started?.kind === "command")
        return Effect.zipRight(
          output.note(`${style.cyan("$")} ${Style.line(started.command ?? "", output.noteWidth - 2)}`),
          output.progress("running")
        )
      const updated = dataOf(event, "turn.updated")
      if (updated?.plan !== undefined) return steps(updated.plan)
      const session = dataOf(event, "session.started") ?? dataOf(event, "session.state.changed")
      if (session?.status === "starting") return output.progress(`starting ${options.provider}`)
      if (event.type === "turn.started") return output.progress("working")
      return Effect.void
    }
    return { show, end: options.json ? Effect.void : endLine }
  })
