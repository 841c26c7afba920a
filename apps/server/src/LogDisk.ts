/** What the log takes on the disk: measured once a minute at most, for `GET /api/log` and `/metrics`. */
import { Context, Layer } from "effect"
import * as LogUsage from "@millrace/log/LogUsage"

export class LogDisk extends Context.Tag("@millrace/server/LogDisk")<LogDisk, LogUsage.Measured>() {}

export const layer = (options: LogUsage.Options) => Layer.scoped(LogDisk, LogUsage.make(options))
