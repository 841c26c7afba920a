/** Runs the setup command of a project in a new worktree, as an item of the first turn of its thread. */
import { defined } from "@millrace/contracts/Defined"
import { ItemId, type TurnId } from "@millrace/contracts/Ids"
import type { Failure, ItemContent } from "@millrace/contracts/Item"
import type { ProviderEvent } from "@millrace/contracts/ProviderEvent"
import { cut, cutStart } from "@millrace/contracts/Text"
import { Clock, Duration, Effect, Stream } from "effect"
import type { Engine } from "../engine/Engine.ts"
import * as Ingestion from "./Ingestion.ts"
import type { NewWorktrees, ShellCommand, ShellOutput } from "./NewWorktrees.ts"

/** Characters of the output that the log keeps. The command may write more. */
const maxOutput = 1_000_000
/** Characters of the end of the output in the failure. */
const maxEnd = 2000

export interface Options {
  readonly turnId: TurnId
  /** Afterwards the command is ended. */
  readonly within: Duration.DurationInput
  readonly ingestion: Ingestion.Options
}

/** The output, with bounds: its beginning for the log, and its end for the failure. */
class Output {
  text = ""
  omittedBytes = 0
  end = ""

  /** Adds text; returns the part that the log keeps. */
  add(text: string): string {
    this.end = cutStart(`${this.end}${text}`, maxEnd)
    const kept = this.omittedBytes > 0 ? "" : cut(text, maxOutput - this.text.length)
    this.text += kept
    this.omittedBytes += Buffer.byteLength(text.slice(kept.length))
    return kept
  }
}

const howEnded = (ended: Extract<ShellOutput, { _tag: "Ended" }> | undefined, within: Duration.DurationInput): string =>
  ended === undefined
    ? `did not end within ${Duration.format(within)}`
    : ended.code === null
      ? `was ended by ${ended.signal ?? "a signal"}`
      : `ended with exit code ${ended.code}`

/**
 * Returns when the command has succeeded and its events are in the engine's lane. Fails if the command cannot be started, fails, or exceeds its time. An
 * interruption ends the command; the item stays open until its turn ends.
 */
export const run = (
  engine: Pick<typeof Engine.Service, "ingest">,
  worktrees: Pick<typeof NewWorktrees.Service, "run">,
  shell: ShellCommand,
  { ingestion, turnId, within }: Options
): Effect.Effect<void, Failure> =>
  Effect.gen(function* () {
    const { command, cwd, epoch, threadId } = shell
    const itemId = ItemId.make(`itm_${threadId.slice("thr_".length)}_${epoch}_setup`, { disableValidation: true })
    const item = { turnId, itemId, kind: "command" }
    const output = new Output()
    const began = yield* Clock.currentTimeMillis
    let ended: Extract<ShellOutput, { _tag: "Ended" }> | undefined
    let failure: string | undefined

    const outputs = worktrees.run(shell).pipe(
      Stream.interruptAfter(within),
      Stream.catchAll((message) => {
        failure = `could not be started: ${message}`
        return Stream.empty
      }),
      Stream.mapConcat((part): ReadonlyArray<ProviderEvent> => {
        if (part._tag === "Ended") {
          ended = part
          return []
        }
        const text = output.add(part.text)
        return text === "" ? [] : [{ _tag: "ItemDelta", ...item, text }]
      })
    )
    const completed = Effect.map(Clock.currentTimeMillis, (now): ProviderEvent => {
      if (failure === undefined && ended?.code !== 0) failure = howEnded(ended, within)
      const content: ItemContent = {
        command,
        cwd,
        output: output.text,
        durationMillis: Math.round(now - began),
        ...defined({
          exitCode: ended?.code ?? undefined,
          omittedBytes: output.omittedBytes > 0 ? output.omittedBytes : undefined
        })
      }
      return failure === undefined
        ? { _tag: "ItemCompleted", ...item, status: "completed", content }
        : { _tag: "ItemCompleted", ...item, status: "failed", content, reason: `the setup command ${failure}` }
    })
    const started: ProviderEvent = { _tag: "ItemStarted", ...item, content: { command, cwd } }
    const events = Stream.make(started).pipe(Stream.concat(outputs), Stream.concat(Stream.fromEffect(completed)))
    yield* Ingestion.run(engine, { threadId, epoch, events }, ingestion)
    if (failure === undefined) return
    const end = output.end.trim()
    return yield* Effect.fail<Failure>({
      kind: "process",
      message: `The setup command of the project ${failure}. Correct the command (project.update, millrace project set PROJECT --setup COMMAND) or what it needs, then send the prompt again: the next turn runs the setup again.${end === "" ? "" : ` The end of its output:\n${end}`}`
    })
  })
