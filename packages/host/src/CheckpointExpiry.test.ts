import { expect, it } from "@effect/vitest"
import { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { EventLog } from "@millrace/log/EventLog"
import * as EventLogMemory from "@millrace/log/EventLogMemory"
import { layerMemory } from "@millrace/providers/process/Ledger"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import * as Checkpoints from "@millrace/workspace/Checkpoints"
import * as Git from "@millrace/workspace/Git"
import { Clock, Effect, Layer, TestClock } from "effect"
import { execFileSync } from "node:child_process"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import * as CheckpointExpiry from "./CheckpointExpiry.ts"

const [one, two] = [ThreadId.make("thr_one"), ThreadId.make("thr_two")]

it.scoped("L17 W1 checkpoints older than the oldest event that retention kept are removed, and no others", () =>
  Effect.gen(function* () {
    const base = yield* temporaryDirectory
    const root = join(base, "work")
    mkdirSync(root)
    const git = (...args: ReadonlyArray<string>) => execFileSync("git", args, { cwd: root, encoding: "utf8" })
    git("init", "-q")
    const log = yield* EventLogMemory.make()
    const checkpoints = yield* Checkpoints.make({ home: join(base, "home") })
    const expire = yield* CheckpointExpiry.make.pipe(
      Effect.provideService(EventLog, log),
      Effect.provideService(Checkpoints.Checkpoints, checkpoints)
    )
    const take = (threadId: ThreadId, turnId: string) =>
      checkpoints.take({ threadId, turnId: TurnId.make(turnId), point: "start", cwd: root })
    const append = Effect.flatMap(Clock.currentTimeMillis, (now) =>
      log.append([
        { events: [{ stream: "system/a", type: "test", at: new Date(now).toISOString(), epoch: 0, data: {} }], rows: [] }
      ])
    )
    const refs = () => git("for-each-ref", "--format=%(refname)", "refs/millrace").trim().split("\n")
    const named = (threadId: ThreadId, ...turnIds: ReadonlyArray<string>) =>
      turnIds.map((turnId) => `refs/millrace/threads/${threadId}/${turnId}/start`)

    yield* append
    yield* take(one, "trn_old")
    yield* take(two, "trn_old")
    yield* TestClock.adjust("1 day")
    yield* take(one, "trn_near")
    yield* TestClock.adjust("5 minutes")
    yield* append
    yield* take(one, "trn_new")
    const all = [...named(one, "trn_near", "trn_new", "trn_old"), ...named(two, "trn_old")]
    yield* expire
    expect(refs()).toEqual(all)
    yield* log.trim(1)
    yield* expire
    // The event of a checkpoint can be some minutes later than the checkpoint.
    expect(refs()).toEqual(named(one, "trn_near", "trn_new"))
    // Both threads are still known, so that the deletion of one removes its later checkpoints.
    expect([...(yield* checkpoints.threads)].toSorted()).toEqual([one, two])
  }).pipe(Effect.provide(Layer.provideMerge(Git.layer, layerMemory)))
)
