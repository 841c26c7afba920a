import { expect, it } from "@effect/vitest"
import { ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { ThreadView } from "@millrace/contracts/State"
import { Checkpoints } from "@millrace/workspace/Checkpoints"
import { Effect } from "effect"
import * as ThreadDiffs from "./ThreadDiffs.ts"

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
    const captured = { commit: "b", skipped: [], tree: "c", message: { at: 1, skipped: [], complete: true } }
    const checkpoints = Checkpoints.of({
      take: () => Effect.succeed({ ...captured, late: false }),
      now: () => Effect.succeed(captured),
      list: () => Effect.succeed([{ turnId: TurnId.make("trn_1"), point: "start", commit: "a", at: 1, late: false }]),
      compare: () => counted({ files: [], truncated: false }),
      patch: () => counted({ patch: new Uint8Array(), truncated: false }),
      names: () => Effect.succeed([]),
      forget: () => Effect.void,
      threads: Effect.succeed([]),
      prune: Effect.void
    })
    const view = { cwd: "/work" } as ThreadView
    const diffs = yield* Effect.provideService(
      ThreadDiffs.make({ thread: () => Effect.succeed(view) }, () => Effect.succeed(true)),
      Checkpoints,
      checkpoints
    )
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
