/** The receipt of a command: the digest of its body and its answer, so that a repeated command gets the same answer (C2). */
import { defined } from "@millrace/contracts/Defined"
import { createHash } from "node:crypto"
import type { Accepted, Command, CommandResult, CommandStatus } from "@millrace/contracts/Command"
import { CommandIdConflict, CommandRejected, Rule } from "@millrace/contracts/Errors"
import * as Cursor from "@millrace/contracts/Cursor"
import type { CommandId } from "@millrace/contracts/Ids"
import type { StoredReceipt } from "@millrace/log/EventLog"
import { Either, Schema } from "effect"

/** The stored form of an answer. */
export type Answer =
  | { readonly status: "accepted"; readonly result: CommandResult }
  | { readonly status: "rejected"; readonly rule: Rule; readonly message: string; readonly id?: string }

/** Canonical JSON: equal values give equal text, for every order of their keys. */
const canonical = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`
  if (typeof value === "object" && value !== null)
    return `{${Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, field]) => `${JSON.stringify(key)}:${canonical(field)}`)
      .join(",")}}`
  return JSON.stringify(value) ?? "null"
}

/** SHA-256 of the command's body: its type and fields, without its id. */
export const digest = (command: Command): string =>
  createHash("sha256")
    .update(canonical({ ...command, commandId: undefined }))
    .digest("base64url")

export const answerOf = (decided: Either.Either<CommandResult, CommandRejected>): Answer =>
  Either.match(decided, {
    onRight: (result): Answer => ({ status: "accepted", result }),
    onLeft: ({ rule, message, id }): Answer => ({ status: "rejected", rule, message, ...defined({ id }) })
  })

/** The reply to the caller, from a stored answer. `offset`: the offset of the command's last event. */
export const reply = (
  logEpoch: string,
  commandId: CommandId,
  answer: Answer,
  offset: number,
  replayed: boolean
): Either.Either<Accepted, CommandRejected> =>
  answer.status === "accepted"
    ? Either.right({
        status: "accepted",
        commandId,
        offset,
        cursor: Cursor.format(logEpoch as Cursor.LogEpoch, offset),
        ...(replayed ? { replayed: true as const } : {}),
        ...answer.result
      })
    : Either.left(
        new CommandRejected({
          rule: answer.rule,
          message: answer.message,
          ...defined({ id: answer.id })
        })
      )

export const conflict = (commandId: CommandId): CommandIdConflict =>
  new CommandIdConflict({
    commandId,
    message:
      "This command id was already used for a different command. Use a new id. To see what the earlier command did, query the status of this id."
  })

const isRule = Schema.is(Rule)

/** Decodes a stored answer. An answer that this version cannot read becomes a rejection that says so. */
export const readAnswer = (value: unknown): Answer => {
  const answer = value as {
    readonly status?: string
    readonly result?: CommandResult
    readonly rule?: unknown
    readonly message?: string
    readonly id?: string
  }
  if (answer.status === "accepted") return { status: "accepted", result: answer.result ?? {} }
  return {
    status: "rejected",
    rule: isRule(answer.rule) ? answer.rule : "Unsupported",
    message: answer.message ?? "The answer to this command was written by another version and cannot be read.",
    ...defined({ id: answer.id })
  }
}

/** The result of `commandStatus` for a receipt. */
export const statusOf = (logEpoch: string, receipt: StoredReceipt): CommandStatus => {
  const commandId = receipt.commandId as CommandId
  const answer = readAnswer(receipt.answer)
  const replied = reply(logEpoch, commandId, answer, receipt.offset, false)
  return Either.match(replied, {
    onRight: (accepted): CommandStatus => accepted,
    onLeft: ({ rule, message }): CommandStatus => ({ status: "rejected", commandId, rule, message })
  })
}
