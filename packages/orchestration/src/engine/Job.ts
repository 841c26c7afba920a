/** An entry of the engine's lanes: a command or a fact, with the deferred that receives its outcome. */
import { defined } from "@millrace/contracts/Defined"
import type { Accepted, Command } from "@millrace/contracts/Command"
import { type CommandError, CommandRejected } from "@millrace/contracts/Errors"
import type { DurableEvent } from "@millrace/contracts/ProviderEvent"
import type { AppendError } from "@millrace/log/EventLog"
import { storageUnavailable } from "@millrace/log/StorageError"
import { Deferred, Effect, Either } from "effect"
import type { KnownBlobs } from "../decide/decideAttachments.ts"
import type { Before } from "../decide/decideCommand.ts"
import type { Fact } from "../decide/Fact.ts"
import type { Worktree } from "../decide/Worktree.ts"
import type { Needed } from "./StateCache.ts"

export interface CommandJob extends Before {
  readonly _tag: "CommandJob"
  readonly command: Command
  readonly actor: string
  /** The canonical directory that the command's `cwd` names, if there is one. */
  readonly directory: string | undefined
  /** The blobs that the command's attachments name, if they are stored. */
  readonly blobs: KnownBlobs
  /** The same for each of the command's further `directories`. */
  readonly further: ReadonlyArray<string | undefined>
  /** The worktree that was created or removed for it, or why not. */
  readonly worktree?: Either.Either<Worktree, string> | undefined
  /** Names of secrets in the command that are not stored. */
  readonly unknownSecrets: ReadonlyArray<string>
  /** Values of the command by the names that it has instead: stored when it is accepted, before its commit. */
  readonly secrets: ReadonlyMap<string, string>
  /** Releases the names of secrets in the command. */
  readonly release: () => void
  readonly digest: string
  readonly seed: string
  readonly reply: Deferred.Deferred<Accepted, CommandError>
}

export interface FactJob {
  readonly _tag: "FactJob"
  readonly fact: Fact
  readonly seed: string
  /** Approximate bytes. */
  readonly weight: number
  readonly done: Deferred.Deferred<boolean> | undefined
}

export type Job = CommandJob | FactJob

export const needed = (job: Job): Needed =>
  job._tag === "CommandJob"
    ? { command: job.command, directory: job.directory, parent: job.parent }
    : {
        threadId: job.fact.threadId,
        ...(job.fact._tag === "Imported" ? { projectId: job.fact.begin.projectId } : {}),
        ...(job.fact._tag === "ArchivedExpired" ? { deletes: true } : {})
      }

export const answer = (job: CommandJob, reply: Either.Either<Accepted, CommandError>): void => {
  job.release()
  Deferred.unsafeDone(job.reply, Either.isRight(reply) ? Effect.succeed(reply.right) : Effect.fail(reply.left))
}

/** `applied`: whether the fact still applied. */
export const settle = (job: FactJob, applied: boolean): void => {
  if (job.done !== undefined) Deferred.unsafeDone(job.done, Effect.succeed(applied))
}

/** The error for a command whose events could not be appended. */
export const appendFailed = (error: AppendError): CommandError => {
  switch (error._tag) {
    case "EventTooLarge":
      return new CommandRejected({
        rule: "TextTooLarge",
        message: `The text takes ${error.bytes} bytes in the log; the limit is ${error.limitBytes}. Put it into a file of the project.`
      })
    case "BlobMissing":
      return new CommandRejected({
        rule: "BlobNotFound",
        id: error.hash,
        message: "The blob was deleted meanwhile. Upload the file again, then send the command with another id."
      })
    case "LogUnavailable":
      return storageUnavailable(error)
  }
}

/** Replaces an event that is too large for the log. */
const tooLargeNote = (event: DurableEvent): DurableEvent => ({
  _tag: "Opaque",
  ...defined({ turnId: event.turnId }),
  method: "millrace.event-too-large",
  payload: { event: event._tag }
})

/** Splits a fact that holds an event too large for the log into facts of one event; a single event is replaced by a note. Seldom needed: Ingestion takes large values out before. */
export const split = (job: FactJob): ReadonlyArray<FactJob> => {
  const { fact } = job
  if (fact._tag === "Imported") {
    // A single piece cannot be split: `false` makes the import fail.
    if (fact.pieces.length <= 1) settle(job, false)
    else
      return fact.pieces.map((piece, at) => ({
        ...job,
        fact: { ...fact, pieces: [piece] },
        done: at === fact.pieces.length - 1 ? job.done : undefined
      }))
  }
  const [first] = fact._tag === "AgentEvents" ? fact.events : []
  if (fact._tag !== "AgentEvents" || first === undefined) return []
  const pieces = fact.events.length > 1 ? fact.events : [tooLargeNote(first)]
  return pieces.map((event, at) => ({
    _tag: "FactJob",
    seed: job.seed,
    weight: Math.ceil(job.weight / pieces.length),
    fact: { ...fact, events: [event] },
    done: at === pieces.length - 1 ? job.done : undefined
  }))
}
