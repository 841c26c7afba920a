/**
 * The interface of the host that the transports serve. `ServeProgram.ts` provides the host of `packages/host`; tests provide a fake.
 */
import { Context, type Effect } from "effect"
import type { Children } from "@millrace/host/Children"
import type { Blobs } from "@millrace/host/Blobs"
import type { ThreadDiffs } from "@millrace/host/ThreadDiffs"
import type { ThreadRewinds } from "@millrace/host/ThreadRewinds"
import type { WorkspaceReads } from "@millrace/host/WorkspaceReads"
import type { Maintenance } from "@millrace/host/Maintenance"
import type { HostStats } from "@millrace/host/HostStats"
import type { ShutdownBegun } from "@millrace/contracts/Api"
import type { Millrace } from "@millrace/contracts/Millrace"
import type { Ready } from "@millrace/contracts/Ready"
import type { Transfer } from "@millrace/orchestration/transfer/Transfer"

export class Service extends Context.Tag("@millrace/server/Service")<
  Service,
  Millrace &
    Blobs &
    Maintenance &
    WorkspaceReads &
    ThreadDiffs &
    Children &
    Pick<ThreadRewinds, "previewRewind"> &
    Context.Tag.Service<typeof Transfer> & {
      /** The answer of `/ready`: `draining` as soon as admission is closed. Transports close later, when `Server.drain` is called (S3). */
      readonly ready: Effect.Effect<Ready>
      /** Statistics for `/metrics`. */
      readonly stats: Effect.Effect<HostStats>
      /**
       * Closes admission without waiting. A second call returns the answer of the first (S1, S7). `deadline`: milliseconds. The owner of the server
       * then shuts it down, as after a signal (S10).
       */
      readonly beginShutdown: (options: {
        readonly deadline: number
        readonly mode: "drain" | "now"
        readonly by: string
      }) => Effect.Effect<ShutdownBegun>
    }
>() {}
