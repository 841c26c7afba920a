/** The wire error of a log that cannot be read or written: the only place that maps one to the other. */
import { StorageUnavailable } from "@millrace/contracts/Errors"
import type { LogUnavailable } from "./EventLog.ts"

/** Says why, and what a client does next. Retry after one second. */
export const storageUnavailable = ({ message }: LogUnavailable): StorageUnavailable =>
  new StorageUnavailable({
    message: `The log is unavailable: ${message}. Try again. For a command, query its status first, then send it with the same id.`,
    retryAfterMillis: 1000
  })
