/** An entry of the engine's lanes: a command or a fact, with the deferred that receives its outcome. */
import type { Accepted, Command } from "@millrace/contracts/Command"
import { type CommandError, CommandRejected, StorageUnavailable } from "@millrace/contracts/Errors"
import type { DurableEvent } from "@millrace/contracts/ProviderEvent"
import type { AppendError, LogUnavailable } from "@millrace/log/EventLog"
import { Deferred, Effect, Either } from "effect"
import type { Fact } from "./Fact.ts"
import type { Needed } from "./Folded.ts"

export interface Asked {
  readonly _tag: "Asked"
  readonly command: Command
  readonly actor: string
  /** The canonical directory that the command's `cwd` names, if there is one. */
  readonly directory: string | undefined
  readonly digest: string
  readonly seed: string
  readonly reply: Deferred.Deferred<Accepted, CommandError>
}

export interface Told {
  readonly _tag: "Told"
  readonly fact: Fact
  readonly seed: string
  /** Approximate bytes. */
  readonly weight: number
  readonly done: Deferred.Deferred<boolean> | undefined
}

export type Work = Asked | Told

export const needed = (work: Work): Needed =>
  work._tag === "Asked"
    ? { command: work.command, directory: work.directory }
    : { threadId: work.fact.threadId, ...(work.fact._tag === "Imported" ? { projectId: work.fact.begin.projectId } : {}) }

export const answer = (work: Asked, reply: Either.Either<Accepted, CommandError>): void =>
  Deferred.unsafeDone(work.reply, Either.isRight(reply) ? Effect.succeed(reply.right) : Effect.fail(reply.left))

/** `concerned`: whether the fact still applied. */
export const settle = (work: Told, concerned: boolean): void => {
  if (work.done !== undefined) Deferred.unsafeDone(work.done, Effect.succeed(concerned))
}

export const storageUnavailable = ({ message }: LogUnavailable): StorageUnavailable =>
  new StorageUnavailable({
    message: `The log is unavailable: ${message}. Try again. For a command, query its status first, then send it with the same id.`,
    retryAfterMillis: 1000
  })

/** The error for a command whose events could not be appended. */
export const appendFailed = (error: AppendError): CommandError =>
  error._tag === "EventTooLarge"
    ? new CommandRejected({
        rule: "TextTooLarge",
        message: `The text takes ${error.bytes} bytes in the log; the limit is ${error.limitBytes}. Put it into a file of the project.`
      })
    : storageUnavailable(error)

/** Replaces an event that is too large for the log. */
const note = (event: DurableEvent): DurableEvent => ({
  _tag: "Opaque",
  ...(event.turnId === undefined ? {} : { turnId: event.turnId }),
  method: "millrace.event-too-large",
  payload: { event: event._tag }
})

/** Splits a fact that holds an event too large for the log into facts of one event; a single event becomes a note. A backstop: Ingestion cuts values before this. */
export const smaller = (work: Told): ReadonlyArray<Told> => {
  const { fact } = work
  if (fact._tag === "Imported") {
    // A single piece cannot be split: `false` makes the import fail.
    if (fact.pieces.length <= 1) settle(work, false)
    else
      return fact.pieces.map((piece, at) => ({
        ...work,
        fact: { ...fact, pieces: [piece] },
        done: at === fact.pieces.length - 1 ? work.done : undefined
      }))
  }
  const [first] = fact._tag === "Said" ? fact.events : []
  if (fact._tag !== "Said" || first === undefined) return []
  const pieces = fact.events.length > 1 ? fact.events : [note(first)]
  return pieces.map((event, at) => ({
    _tag: "Told",
    seed: work.seed,
    weight: Math.ceil(work.weight / pieces.length),
    fact: { _tag: "Said", threadId: fact.threadId, epoch: fact.epoch, events: [event] },
    done: at === pieces.length - 1 ? work.done : undefined
  }))
}
