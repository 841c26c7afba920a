/** Maps `LogUnavailable` to its wire error, in one place. */
import { StorageUnavailable } from "@millrace/contracts/Errors"
import type { LogUnavailable } from "./EventLog.ts"

/** The message states the cause and the client's next step; the client retries after one second. */
export const storageUnavailable = ({ message }: LogUnavailable): StorageUnavailable =>
  new StorageUnavailable({
    message: `The log is unavailable: ${message}. Try again. For a command, query its status first, then send it with the same id.`,
    retryAfterMillis: 1000
  })
