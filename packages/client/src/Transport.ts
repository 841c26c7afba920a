/**
 * A stateless transport to the server: each call is tried once. `follow` is one attach, which ends with `bye`, `end` or a failure.
 * Resuming (Follow.ts) and resending (Outbox.ts) are built on it and are the same for every transport (D9).
 */
import type { Millrace } from "@millrace/contracts/Millrace"
import type { TransportError } from "./TransportError.ts"

export interface Transport extends Millrace<TransportError> {
  /** The address of the server, for messages to people. */
  readonly address: string
}
