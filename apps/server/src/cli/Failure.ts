/** The failure of a command: an exit code, and one line that states what happened and what to do. */
import { Schema } from "effect"

export const ExitCode = { completed: 0, failed: 1, usage: 2, interrupted: 3, needsPerson: 4 } as const

export class CliFailure extends Schema.TaggedError<CliFailure>()("CliFailure", {
  exitCode: Schema.Literal(1, 2, 3, 4),
  message: Schema.String
}) {}

/** Standard output is closed. `fault`: the error, such as a full disk. Absent if the reader has exited (`| head`), which is not an error. */
export class OutputClosed extends Schema.TaggedError<OutputClosed>()("OutputClosed", { fault: Schema.optional(Schema.String) }) {}

export const failed = (message: string) => new CliFailure({ exitCode: ExitCode.failed, message })
export const usage = (message: string) => new CliFailure({ exitCode: ExitCode.usage, message })
export const interrupted = (message: string) => new CliFailure({ exitCode: ExitCode.interrupted, message })
export const needsPerson = (message: string) => new CliFailure({ exitCode: ExitCode.needsPerson, message })

/** Turns an error of the service or the transport into a failure of the command. */
export const fromError = (error: { readonly _tag: string; readonly message: string }): CliFailure =>
  failed(error._tag === "Unauthorized" ? `${error.message} The command line reads the token from MILLRACE_TOKEN.` : error.message)
