/**
 * The seam to the host: what the transports serve. `packages/host` provides it (`Layer.succeed(Service, ...)`); tests provide a fake.
 */
import { Context, type Effect } from "effect"
import type { Millrace } from "@millrace/contracts/Millrace"

export class Service extends Context.Tag("@millrace/server/Service")<
  Service,
  Millrace & {
    /** True from the moment admission closed: `/ready` answers 503. Transports close later, when `Server.drain` is called (S3). */
    readonly draining: Effect.Effect<boolean>
  }
>() {}
