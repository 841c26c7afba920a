/** The disk usage of the log for `GET /api/log` and `/metrics`, measured at most once a minute. */
import { Context, Layer } from "effect"
import * as LogUsage from "@millrace/log/LogUsage"

export class LogDisk extends Context.Tag("@millrace/server/LogDisk")<LogDisk, LogUsage.Measured>() {}

export const layer = (options: LogUsage.Options) => Layer.scoped(LogDisk, LogUsage.make(options))
