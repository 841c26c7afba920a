/** The script of a model run, as plain values. A number selects one of the existing objects, so a shorter script keeps its meaning. */
import type { Strategy } from "@millrace/contracts/Command"
import { FastCheck as fc } from "effect"
import { type Deed, deeds } from "./Agent.ts"
import { moods } from "./Agents.ts"

export type Step =
  | { readonly do: "create"; readonly turn: boolean; readonly wrong?: "provider" | "directory" }
  | { readonly do: "send"; readonly thread: number; readonly strategy: Strategy; readonly expect?: "active" | "other" }
  | { readonly do: "edit" | "remove"; readonly thread: number; readonly at: number }
  | {
      readonly do: "promote"
      readonly thread: number
      readonly at: number
      readonly strategy: Exclude<Strategy, "reject">
    }
  | { readonly do: "reorder"; readonly thread: number; readonly from: number }
  | { readonly do: "interrupt"; readonly thread: number; readonly turn: "none" | "active" | "queued" | "over" | "unknown" }
  | { readonly do: "answer"; readonly at: number; readonly how: "right" | "session" | "cancel" | "wrong" | "unknown" }
  | { readonly do: "stop"; readonly thread: number; readonly epoch?: "right" | "other" }
  | { readonly do: "archive" | "unarchive" | "delete" | "rename"; readonly thread: number }
  | {
      readonly do: "configure"
      readonly thread: number
      readonly recovery?: "settle" | "resume" | "ask"
      readonly afterLimit?: "stop" | "continue"
      /** An agent that can steer takes a changed effort while it runs; changed instructions always need a new session. */
      readonly effort?: "low" | "high" | null
      readonly instructions?: "be brief" | null
    }
  | { readonly do: "goal"; readonly thread: number; readonly turns: number; readonly pauses: boolean }
  | { readonly do: "goal-pause" | "goal-resume" | "goal-clear"; readonly thread: number }
  /** Cancels work that would continue later. */
  | { readonly do: "leave"; readonly thread: number }
  /** Sends an earlier command again, with its id. */
  | { readonly do: "again"; readonly at: number }
  | { readonly do: "detach" | "attach"; readonly follower: number }
  /** Kills the server's process after this many steps of its fibers. */
  | { readonly do: "crash"; readonly after: number }
  /** Shuts the server down in order. */
  | { readonly do: "shutdown" }
  | { readonly do: "restart" }
  | { readonly do: "wait" | "suspend"; readonly millis: number }
  | { readonly do: "agent"; readonly thread: number; readonly does: Deed }
  | { readonly do: "mood"; readonly of: keyof typeof moods; readonly is: number }
  /** A frame of the previous session arrives late (T6). */
  | { readonly do: "ghost"; readonly thread: number; readonly what: number }
  /** Performs all of these steps without waiting until the server is idle. */
  | { readonly do: "together"; readonly steps: ReadonlyArray<Step> }

const thread = fc.nat(2)
const at = fc.nat(3)
const record = <A extends object>(fields: { readonly [K in keyof A]: fc.Arbitrary<A[K]> }) => fc.record(fields) as fc.Arbitrary<A>
const word = <A extends string>(...words: ReadonlyArray<A>) => fc.constantFrom(...words)
/** `undefined` in most scripts. */
const seldom = <A>(one: fc.Arbitrary<A>) =>
  fc.oneof({ weight: 8, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: one })

const mood = fc
  .constantFrom(...(Object.keys(moods) as ReadonlyArray<keyof typeof moods>))
  .chain((of) => fc.nat(moods[of].length - 1).map((is): Step => ({ do: "mood", of, is })))

const configure: fc.Arbitrary<Step> = fc.record(
  {
    do: fc.constant("configure" as const),
    thread,
    recovery: word<"settle" | "resume" | "ask">("settle", "resume", "ask"),
    afterLimit: word<"stop" | "continue">("stop", "continue"),
    effort: fc.constantFrom("low" as const, "high" as const, null),
    instructions: fc.constantFrom("be brief" as const, null)
  },
  { requiredKeys: ["do", "thread"] }
)

const kinds: ReadonlyArray<readonly [number, fc.Arbitrary<object>]> = [
  [
    4,
    record({
      do: fc.constant("create"),
      turn: fc.boolean(),
      wrong: seldom(word("provider", "directory"))
    })
  ],
  [
    24,
    record({
      do: fc.constant("send"),
      thread,
      strategy: word("enqueue", "enqueue", "steer", "interrupt", "reject"),
      expect: seldom(word("active", "other"))
    })
  ],
  [4, record({ do: word("edit", "remove"), thread, at })],
  [3, record({ do: fc.constant("promote"), thread, at, strategy: word("enqueue", "steer", "interrupt") })],
  [2, record({ do: fc.constant("reorder"), thread, from: at })],
  [8, record({ do: fc.constant("interrupt"), thread, turn: word("none", "active", "queued", "over", "unknown") })],
  [10, record({ do: fc.constant("answer"), at, how: word("right", "right", "session", "cancel", "wrong", "unknown") })],
  [2, record({ do: fc.constant("stop"), thread, epoch: seldom(word("right", "other")) })],
  [2, record({ do: word("archive", "unarchive", "unarchive", "rename"), thread })],
  [1, record({ do: fc.constant("delete"), thread })],
  [3, configure],
  [2, record({ do: fc.constant("goal"), thread, turns: fc.integer({ min: 1, max: 3 }), pauses: fc.boolean() })],
  [2, record({ do: word("goal-pause", "goal-resume", "goal-resume", "goal-clear"), thread })],
  [1, record({ do: fc.constant("leave"), thread })],
  [2, record({ do: fc.constant("again"), at: fc.nat(20) })],
  [4, record({ do: word("detach", "attach"), follower: fc.nat(1) })],
  [1, record({ do: fc.constant("crash"), after: fc.nat(60) })],
  [1, record({ do: fc.constant("shutdown") })],
  [2, record({ do: fc.constant("restart") })],
  [6, record({ do: fc.constant("wait"), millis: word("30", "1000", "6000", "15000", "70000").map(Number) })],
  [1, record({ do: fc.constant("suspend"), millis: fc.constant(8 * 3_600_000) })],
  [
    34,
    record({
      do: fc.constant("agent"),
      thread,
      does: fc.oneof(
        { weight: 3, arbitrary: word<Deed>("begin", "say", "item", "delta", "complete", "approval", "question") },
        { weight: 2, arbitrary: word(...deeds) }
      )
    })
  ],
  [4, mood],
  [2, record({ do: fc.constant("ghost"), thread, what: fc.nat(3) })]
]

const single = fc.oneof(...kinds.map(([weight, arbitrary]) => ({ weight, arbitrary }))) as fc.Arbitrary<Step>

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: single },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("together" as const), steps: fc.array(single, { minLength: 2, maxLength: 4 }) })
  },
  // Kills the server during the step.
  {
    weight: 1,
    arbitrary: fc
      .tuple(single, single, fc.nat(150))
      .map(([one, two, after]): Step => ({ do: "together", steps: [one, two, { do: "crash", after }, { do: "restart" }] }))
  }
)

export interface Script {
  readonly seed: number
  readonly steps: ReadonlyArray<Step>
}

const act = (does: Deed) => thread.map((thread): Step => ({ do: "agent", thread, does }))
const fixed = (one: Step) => fc.constant(one)
const crash = fc.nat(150).map((after): Step => ({ do: "crash", after }))
const openAtCrash = (
  thread: number,
  recovery: "resume" | "ask",
  asks: Deed,
  after: number,
  isAnsweredFirst: boolean
): ReadonlyArray<Step> => {
  const answer: Step = { do: "answer", at: 0, how: "right" }
  const asking: ReadonlyArray<Step> = [
    { do: "agent", thread, does: "begin" },
    { do: "agent", thread, does: asks }
  ]
  return [
    { do: "configure", thread, recovery },
    { do: "send", thread, strategy: "enqueue" },
    ...asking,
    { do: "together", steps: [{ do: "crash", after }, { do: "restart" }] },
    ...(isAnsweredFirst || recovery === "ask" ? [answer] : []),
    ...asking,
    answer
  ]
}
/** Usually one step, sometimes a few steps that only make sense together. */
const phrase: fc.Arbitrary<ReadonlyArray<Step>> = fc.oneof(
  { weight: 20, arbitrary: fc.tuple(step) },
  {
    weight: 2,
    arbitrary: fc.tuple(
      act("begin"),
      fc.oneof(act("approval"), act("question")),
      step,
      fixed({ do: "answer", at: 0, how: "right" })
    )
  },
  { weight: 1, arbitrary: fc.tuple(act("approval"), act("approval"), fixed({ do: "answer", at: 0, how: "session" })) },
  { weight: 1, arbitrary: fc.tuple(act("item"), step, act("complete"), act("late-item")) },
  {
    weight: 1,
    arbitrary: fc.tuple(
      act("background"),
      act("complete"),
      fixed({ do: "wait", millis: 70_000 }),
      fixed({ do: "wait", millis: 70_000 })
    )
  },
  // An agent reports that the goal is met.
  {
    weight: 1,
    arbitrary: fc.tuple(
      fixed({ do: "goal", thread: 0, turns: 3, pauses: false }),
      fixed({ do: "agent", thread: 0, does: "begin" }),
      step,
      fixed({ do: "agent", thread: 0, does: "claim" }),
      fixed({ do: "agent", thread: 0, does: "complete" })
    )
  },
  // Kills the server while a request is open. A client answers it before or after the agent asks again.
  {
    weight: 2,
    arbitrary: fc
      .tuple(thread, word("resume", "ask"), word<Deed>("approval", "question"), fc.nat(60), fc.boolean())
      .map(([thread, recovery, asks, after, isAnsweredFirst]) => openAtCrash(thread, recovery, asks, after, isAnsweredFirst))
  },
  // Kills the server again during recovery.
  {
    weight: 1,
    arbitrary: fc
      .tuple(crash, crash)
      .map((crashes): ReadonlyArray<Step> => [
        { do: "together", steps: crashes.flatMap((one): ReadonlyArray<Step> => [one, { do: "restart" }]) }
      ])
  }
)

/** A script begins with a thread that has a turn, and with random agent behaviour. Other beginnings do little. */
export const script: fc.Arbitrary<Script> = fc.record({
  seed: fc.nat(1_000_000),
  steps: fc
    .tuple(
      fc.array(mood, { maxLength: 2 }),
      fc.array(configure, { maxLength: 1 }),
      fc.array(phrase, { minLength: 1, maxLength: 40, size: "max" })
    )
    .map(([moods, policy, steps]): ReadonlyArray<Step> => moods.concat({ do: "create", turn: true }, policy, ...steps))
})

/** Prints the script as a test to paste into a file. */
export const print = ({ seed, steps }: Script): string =>
  [
    'it("T4 a script that the model found", () => {',
    `  runModel({ seed: ${seed}, steps: [`,
    ...steps.map((one, n) => `    ${JSON.stringify(one)}${n === steps.length - 1 ? "" : ","}`),
    "  ] })",
    "})"
  ].join("\n")
