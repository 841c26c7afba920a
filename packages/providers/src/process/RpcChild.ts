/**
 * A child process that speaks newline-delimited JSON-RPC on its pipes, in its own process group.
 * Signatures only for now: `open` is filled in by the process room.
 */
import type { Effect, Stream } from "effect"
import type { ProviderError } from "@millrace/contracts/ProviderAdapter"

export type RpcId = string | number

export type Incoming =
  | { readonly _tag: "Notification"; readonly method: string; readonly params: unknown }
  /** Must be answered with `respond` or `respondError`, exactly once (P6). */
  | { readonly _tag: "Request"; readonly id: RpcId; readonly method: string; readonly params: unknown }
  /** A line that is not a JSON-RPC message: a diagnostic, not a death (P4). `text` is cut to 4 KiB. */
  | { readonly _tag: "BadLine"; readonly text: string; readonly bytes: number }

/** How the process ended; `stderr` is its last lines, at most 8 KiB. */
export interface ExitEvidence {
  readonly code: number | null
  readonly signal: string | null
  readonly stderr: string
  /** Why we ended it, when we did. */
  readonly stopReason?: string
}

export interface RpcChild {
  readonly pid: number
  /** Everything the child says, in order, in chunks; ends after the exit, when stdout was read to the end (P5). Pulling is the back-pressure. Run once. */
  readonly incoming: Stream.Stream<Incoming>
  /** Fails with `outcome: unknown` when the deadline passes, `failed` when the child answers an error or is gone (P6). */
  readonly request: (
    method: string,
    params: unknown,
    options?: { readonly deadlineMillis?: number }
  ) => Effect.Effect<unknown, ProviderError>
  readonly notify: (method: string, params?: unknown) => Effect.Effect<void, ProviderError>
  readonly respond: (id: RpcId, result: unknown) => Effect.Effect<void, ProviderError>
  readonly respondError: (id: RpcId, code: number, message: string) => Effect.Effect<void, ProviderError>
  readonly exit: Effect.Effect<ExitEvidence>
  /** stdin closed → SIGTERM → SIGKILL, each to the whole group, each within its part of the budget. Idempotent. */
  readonly stop: (reason: string) => Effect.Effect<void>
}
