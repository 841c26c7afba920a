/**
 * One way to the server, without memory: each call is tried once. `follow` is one attach: it ends by `bye`, `end`, or a failure.
 * Resuming (Follow.ts) and sending again (Outbox.ts) are built on it, the same for every transport (D9).
 */
import type { Millrace } from "@millrace/contracts/Millrace"
import type { TransportError } from "./TransportError.ts"

export interface Transport extends Millrace<TransportError> {
  /** For messages to people. */
  readonly address: string
}
