import { describe, expect, it } from "@effect/vitest"
import type { Failure as ProviderFailure } from "@millrace/contracts/Item"
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { TurnView } from "@millrace/contracts/State"
import * as Failure from "./Failure.ts"

const kinds = [
  "auth",
  "limit",
  "overloaded",
  "context",
  "transport",
  "process",
  "protocol",
  "not-installed",
  "refused",
  "unknown"
] as const satisfies ReadonlyArray<ProviderFailure["kind"]>

const turn = (more: Partial<TurnView>): TurnView => ({
  turnId: "trn_a" as TurnId,
  threadId: "thr_a" as ThreadId,
  status: "failed",
  origin: "user",
  text: "x",
  requestedAt: "2026-11-28T12:00:00.000Z",
  ...more
})

describe("errors of a call", () => {
  it("T11 every outcome of a turn that ran has a status that no client retries", () => {
    const ends = [
      ...kinds.map((kind) => ({ outcome: "failed", turn: turn({ error: { kind, message: "no" } }) }) as const),
      { outcome: "failed", turn: turn({ reason: "no" }) },
      { outcome: "interrupted", turn: turn({ status: "interrupted" }) },
      { outcome: "deleted", turn: undefined }
    ] as const
    const failures = [
      ...ends.map(Failure.fromEnd),
      Failure.streamCut("The server is shutting down."),
      Failure.outcomeUnknown("thr_a", "busy")
    ]
    for (const failure of failures)
      expect([failure.code, failure.status, failure.type, failure.retry]).toEqual([failure.code, 400, "turn_error", false])
    expect(new Set(failures.map(({ code }) => code)).size).toBe(failures.length)
  })
})
