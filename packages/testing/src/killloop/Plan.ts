/** The plan of a kill loop, made from a seed: how each server dies and which work it has. */
import { points, type FailPoint } from "@millrace/host/FailPoints"
import { Chunk, Effect, Random } from "effect"

export type Death =
  /** This long after it was ready and had agents at work. */
  | { readonly _tag: "Random"; readonly afterMillis: number }
  /** At a failpoint, the nth time it is reached. To reach a point of the shutdown, SIGTERM is sent this long after the server was ready. */
  | { readonly _tag: "Point"; readonly point: FailPoint; readonly nth: number; readonly afterMillis: number }

/** The life of one server. The next one starts where this one was killed. */
export interface Round {
  /** 1, 2, 3, ... */
  readonly round: number
  readonly death: Death
  /** `millrace verify` checks the directory before the next server starts. */
  readonly verify: boolean
}

export const isShutdown = (death: Death): boolean => death._tag === "Point" && death.point.startsWith("shutdown-")

export const describe = (death: Death): string =>
  death._tag === "Random" ? `SIGKILL after ${death.afterMillis} ms` : `${death.point}:${death.nth}`

const nthOf = (point: FailPoint) =>
  point.startsWith("recovery-") || point.startsWith("shutdown-")
    ? Effect.succeed(1)
    : point.endsWith("-spawn") || point.includes("-ledger")
      ? Random.nextIntBetween(1, 4)
      : // Early in recovery, or at work.
        Effect.flatMap(Random.nextBoolean, (early) => (early ? Random.nextIntBetween(1, 4) : Random.nextIntBetween(10, 80)))

/** Each failpoint once, the remaining rounds at random times, in random order. At least `random` rounds are random, so some points may have no round. */
export const make = (
  rounds: number,
  random: number,
  [least, most]: readonly [number, number]
): Effect.Effect<ReadonlyArray<Round>> =>
  Effect.gen(function* () {
    const some = Chunk.toReadonlyArray(yield* Random.shuffle(points)).slice(0, Math.max(0, rounds - random))
    const kinds = yield* Random.shuffle(Array.from({ length: rounds }, (_, n) => some[n]))
    return yield* Effect.forEach(kinds, (point, n) =>
      Effect.gen(function* () {
        const afterMillis = yield* Random.nextIntBetween(least, most)
        const death: Death =
          point === undefined ? { _tag: "Random", afterMillis } : { _tag: "Point", point, nth: yield* nthOf(point), afterMillis }
        return { round: n + 1, death, verify: (yield* Random.next) < 0.3 }
      })
    )
  })
