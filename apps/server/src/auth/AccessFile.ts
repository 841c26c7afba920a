/** An access file of the data directory that cannot be read or written. */
import { Effect, Schema } from "effect"
import { StorageUnavailable } from "@millrace/contracts/Errors"
import { messageOf } from "../NodeError.ts"

export class AccessFileError extends Schema.TaggedError<AccessFileError>()("AccessFileError", {
  path: Schema.String,
  reason: Schema.String,
  message: Schema.String
}) {}

/** Runs a synchronous file operation. Its error names the file and states what to do. */
export const attempt = <A>(path: string, operation: () => A): Effect.Effect<A, AccessFileError> =>
  Effect.try({
    try: operation,
    catch: (cause) => {
      const reason = messageOf(cause)
      return new AccessFileError({
        path,
        reason,
        message: `Cannot use ${path}: ${reason}. Make the data directory readable and writable for this user, or choose another directory with --data.`
      })
    }
  })

/** The wire error of an access file. Retry after one second. */
export const unavailable = ({ message }: AccessFileError): StorageUnavailable =>
  new StorageUnavailable({ message, retryAfterMillis: 1000 })
