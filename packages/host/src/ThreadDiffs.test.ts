import { expect, it } from "@effect/vitest"
import { ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { ThreadView } from "@millrace/contracts/State"
import { Checkpoints } from "@millrace/workspace/Checkpoints"
import { Effect } from "effect"
import * as ThreadDiffs from "./ThreadDiffs.ts"

const first = TurnId.make("trn_1")
const captured = { commit: "b", skipped: [], tree: "c", message: { at: 1, skipped: [], complete: true } }
/** Diffs of threads that have the turn `first` with the checkpoint of its start. `compared`: wraps each comparison. */
const diffsWith = (compared: <A>(value: A) => Effect.Effect<A> = Effect.succeed) =>
  Effect.provideService(
    ThreadDiffs.make({ thread: () => Effect.succeed({ cwd: "/work" } as ThreadView) }, (_, turnId) =>
      Effect.succeed(turnId === first)
    ),
    Checkpoints,
    Checkpoints.of({
      take: () => Effect.succeed({ ...captured, late: false }),
      now: () => Effect.succeed(captured),
      list: () => Effect.succeed([{ turnId: first, point: "start", commit: "a", at: 1, late: false }]),
      compare: () => compared({ files: [], truncated: false }),
      patch: () => compared({ patch: new Uint8Array(), truncated: false }),
      names: () => Effect.succeed([]),
      forget: () => Effect.void,
      expire: () => Effect.succeed(0),
      threads: Effect.succeed([]),
      prune: Effect.void
    })
  )

it.effect("W2 a turn without a checkpoint, and a turn that the thread does not have, are two errors", () =>
  Effect.gen(function* () {
    const { diff } = yield* diffsWith()
    const ask = (range: { readonly turnId?: TurnId; readonly from?: TurnId; readonly to?: TurnId }) =>
      Effect.flip(diff(ThreadId.make("thr_1"), range))
    const other = TurnId.make("trn_2")
    expect(yield* ask({ turnId: first })).toMatchObject({ _tag: "CommandRejected", rule: "NoCheckpoint", id: first })
    for (const range of [{ turnId: other }, { from: other }, { to: other }])
      expect(yield* ask(range)).toMatchObject({ _tag: "NotFound", what: "turn", id: other })
  })
)

it.effect("W2 at most four comparisons of all clients run at a time", () =>
  Effect.gen(function* () {
    let [running, most] = [0, 0]
    const counted = <A>(value: A) =>
      Effect.gen(function* () {
        most = Math.max(most, ++running)
        for (let turn = 0; turn < 100; turn++) yield* Effect.yieldNow()
        running--
        return value
      })
    const diffs = yield* diffsWith(counted)
    const ask = (index: number) => {
      const threadId = ThreadId.make(`thr_${index}`)
      return index % 2 === 0 ? Effect.asVoid(diffs.diff(threadId, {})) : Effect.asVoid(diffs.patch(threadId, {}))
    }
    const answers = yield* Effect.forEach(
      Array.from({ length: 300 }, (_, index) => index),
      ask,
      { concurrency: "unbounded" }
    )
    expect([answers.length, most]).toEqual([300, 4])
  })
)
