/** Mistakes of packing and retention, planted one at a time. */
import { expect, it } from "@effect/vitest"
import { findsEach, inModule, plant } from "@millrace/testing/MutantRunner"
import { checks } from "../test/RetentionChecks.ts"
import type * as Retention from "./Retention.ts"

const mutants = [
  {
    check: "openTurn" as const,
    ...inModule<typeof Retention>("events of an open turn are packed", "L13", "host/Retention", (right) => ({
      pack: (log, options) =>
        right.pack({ ...log, pack: (given) => log.pack({ ...given, below: Number.MAX_SAFE_INTEGER }) }, options)
    }))
  },
  {
    check: "liveReader" as const,
    ...inModule<typeof Retention>("events that a subscriber has not received are removed", "L17", "host/Retention", (right) => ({
      retain: (log, retention, sharing) => right.retain(log, retention, { ...sharing, readers: () => [] })
    }))
  }
]

it.each(["openTurn", "liveReader"] as const)("L13 L17 %s holds", async (name) => {
  expect(await checks[name]()).toEqual([])
})

findsEach(mutants, async (one) => (await plant(one, () => import("../test/RetentionChecks.ts"))).checks[one.check]())
