/** Random orders of intents, the agent's answers and its end against the steps of a session; and planted mistakes that the same check must find. */
import type { RequestId, TurnId } from "@millrace/contracts/Ids"
import { ProviderError } from "@millrace/contracts/ProviderAdapter"
import { findsEach } from "@millrace/testing/MutantRunner"
import { FastCheck as fc } from "effect"
import { expect, it } from "vitest"
import type { Intent } from "./Intent.ts"
import { type Call, SessionSteps, type Step } from "./SessionSteps.ts"

const turnId = (n: number) => `trn_${n}` as TurnId
const failures = {
  refused: ["failed", "refused"],
  unknown: ["unknown", "unknown"],
  died: ["failed", "process"]
} as const
const error = (how: keyof typeof failures) =>
  new ProviderError({
    provider: "scripted",
    operation: "",
    outcome: failures[how][0],
    failure: { kind: failures[how][1], message: how }
  })

const input = fc.record({
  openAt: fc.nat(8),
  endAt: fc.integer({ min: 8, max: 60 }),
  moves: fc.array(
    fc.record({
      do: fc.constantFrom("start", "steer", "steer", "interrupt", "answer", "ended", "settle", "settle", "settle"),
      which: fc.nat(5),
      outcome: fc.constantFrom(undefined, undefined, undefined, "refused" as const, "unknown" as const, "died" as const)
    }),
    { minLength: 20, maxLength: 60, size: "max" }
  )
})
type Input = typeof input extends fc.Arbitrary<infer A> ? A : never

interface Run {
  readonly made: ReadonlyArray<Call>
  readonly steers: number
  readonly refused: ReadonlyArray<string>
  readonly accepted: ReadonlySet<string>
  readonly deadlines: number
  readonly kinds: ReadonlySet<string>
}

/** Plays the moves. Throws at the first promise that is not kept. */
const play = ({ endAt, moves, openAt }: Input, steps: SessionSteps): Run => {
  const made: Array<Call> = []
  const pending: Array<Call> = []
  const refused: Array<string> = []
  const accepted = new Set<string>()
  const expected: Array<Call> = []
  const answered = new Set<Call>()
  const open = new Set<TurnId>()
  const interrupted: Array<TurnId> = []
  const kinds = new Set<string>()
  let phase: "opening" | "open" | "over" = "opening"
  let turns = 0
  let steers = 0
  let deadlines = 0
  const isSerial = (call: Call) => call._tag === "StartTurn" || call._tag === "Steer"
  const act = (todo: ReadonlyArray<Step>) => {
    for (const step of todo) {
      kinds.add(step._tag === "Call" ? step.call._tag : step._tag)
      if (step._tag === "SteerRefused") refused.push(step.text)
      if (step._tag === "Deadline") deadlines++
      if (step._tag !== "Call") continue
      const { call } = step
      expect(phase).toBe("open")
      if (isSerial(call)) expect(pending.filter(isSerial)).toEqual([])
      if (call._tag === "Interrupt") {
        const start = expected.find((one) => one._tag === "StartTurn" && one.turnId === call.turnId)
        if (start !== undefined) expect([call.turnId, answered.has(start)]).toEqual([call.turnId, true])
      }
      made.push(call)
      pending.push(call)
    }
  }
  const take = (intent: Intent) => act(steps.take(intent))
  for (const [n, move] of moves.entries()) {
    if (n === openAt && phase === "opening") {
      phase = "open"
      act(steps.opened())
    }
    if (n === endAt) {
      phase = "over"
      act(steps.end())
    }
    const of = [...open][move.which % Math.max(1, open.size)]
    if (move.do === "start" && phase !== "over") {
      const call = { _tag: "StartTurn", turnId: turnId(++turns) } as const
      open.add(call.turnId)
      expected.push(call)
      take(call)
    } else if (move.do === "steer" && of !== undefined) {
      const call = { _tag: "Steer", turnId: of, text: `steer ${++steers}` } as const
      const before = refused.length
      take(call)
      if (refused.length === before) expected.push(call)
    } else if (move.do === "interrupt" && of !== undefined) {
      interrupted.push(of)
      take({ _tag: "Interrupt", turnId: of })
    } else if (move.do === "answer") {
      const requestId = "req_1" as RequestId
      take({ _tag: "Answer", requestId, answer: { decision: "accept" }, given: requestId })
    } else if (move.do === "ended" && of !== undefined) {
      open.delete(of)
      take({ _tag: "TurnEnded", turnId: of })
      expect(steps.openTurns.has(of)).toBe(false)
    } else if (move.do === "settle") {
      const [call] = pending.splice(move.which % Math.max(1, pending.length), 1)
      if (call === undefined) continue
      answered.add(call)
      if (call._tag === "Steer" && move.outcome === undefined) accepted.add(call.text)
      const next = steps.answered(call, move.outcome === undefined ? undefined : error(move.outcome))
      const isFatal = move.outcome === "unknown" || move.outcome === "died"
      const stops = next.filter(({ _tag }) => _tag === "Stop").length
      if (call._tag === "StartTurn") expect([stops, steps.failure !== undefined || !isFatal]).toEqual([isFatal ? 1 : 0, true])
      if (call._tag === "Answer") expect(stops).toBe(move.outcome === undefined ? 0 : 1)
      if (call._tag === "Interrupt" || call._tag === "Steer") expect(stops).toBe(0)
      act(next)
    }
    expect(steps.openTurns.size).toBe(open.size)
  }
  if (phase !== "over") {
    phase = "over"
    act(steps.end())
  }
  // In order, each at most once; a turn that ended before its call is passed over.
  const order = made.filter(isSerial).map((call) => expected.indexOf(call))
  expect(order).toEqual([...new Set(order)].toSorted((a, b) => a - b))
  // Each steer was accepted or refused. Both only if the answer came after the end.
  expect(refused).toEqual([...new Set(refused)])
  const texts = Array.from({ length: steers }, (_, n) => `steer ${n + 1}`)
  expect([...new Set([...accepted, ...refused])].toSorted()).toEqual(texts.toSorted())
  expect(deadlines).toBe(interrupted.length)
  return { made, steers, refused, accepted, deadlines, kinds }
}

const options = { numRuns: 2_000, seed: 14 }

it("T7 T12 whatever the order: one call at a time, each steer accepted or refused, each interrupt after its turn and with a deadline", () => {
  fc.assert(
    fc.property(input, (one) => void play(one, new SessionSteps())),
    options
  )
})

it("T12 the runs reach every kind of step", () => {
  const counts = new Map<string, number>()
  for (const one of fc.sample(input, options))
    for (const kind of play(one, new SessionSteps()).kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  for (const kind of ["StartTurn", "Steer", "Interrupt", "Answer", "Deadline", "Stop", "TurnRefused", "SteerRefused"])
    expect([kind, (counts.get(kind) ?? 0) > 100]).toEqual([kind, true])
})

it("T12 at most 64 calls wait for the agent; one more steer is refused at once", () => {
  const steps = new SessionSteps()
  const steer = (n: number) => steps.take({ _tag: "Steer", turnId: turnId(1), text: String(n) })
  const refused = Array.from({ length: 70 }, (_, n) => steer(n)).flat()
  expect(refused.map((step) => step._tag === "SteerRefused" && step.text)).toEqual(["64", "65", "66", "67", "68", "69"])
  expect(steps.end()).toHaveLength(64)
})

class ForgetsTheRunningSteer extends SessionSteps {
  #running: Call | undefined
  override take(intent: Intent) {
    return this.#watch(super.take(intent))
  }
  override opened() {
    return this.#watch(super.opened())
  }
  override answered(call: Call, failed?: ProviderError) {
    if (call === this.#running) this.#running = undefined
    return this.#watch(super.answered(call, failed))
  }
  override end() {
    return super.end().filter((step) => this.#running?._tag !== "Steer" || !("text" in step) || step.text !== this.#running.text)
  }
  #watch(steps: ReadonlyArray<Step>) {
    for (const step of steps) if (step._tag === "Call" && step.call._tag === "Steer") this.#running = step.call
    return steps
  }
}
class RefusesAfterTheEnd extends SessionSteps {
  override answered(call: Call, failed?: ProviderError): ReadonlyArray<Step> {
    const steps = super.answered(call, failed)
    const isMissing = call._tag === "Steer" && failed !== undefined && steps.every(({ _tag }) => _tag !== "SteerRefused")
    return isMissing ? [...steps, { ...call, _tag: "SteerRefused" }] : steps
  }
}
class CallsAtOnce extends SessionSteps {
  override take(intent: Intent): ReadonlyArray<Step> {
    return intent._tag === "Interrupt"
      ? [
          { _tag: "Deadline", turnId: intent.turnId },
          { _tag: "Call", call: intent }
        ]
      : super.take(intent)
  }
}
class TwoAtOnce extends SessionSteps {
  override take(intent: Intent): ReadonlyArray<Step> {
    const steps = super.take(intent)
    return intent._tag === "Steer" && steps.length === 0 ? [{ _tag: "Call", call: intent }] : steps
  }
}
class NoDeadline extends SessionSteps {
  override take(intent: Intent) {
    return super.take(intent).filter(({ _tag }) => _tag !== "Deadline")
  }
}
class TurnsStayOpen extends SessionSteps {
  override take(intent: Intent) {
    return intent._tag === "TurnEnded" ? [] : super.take(intent)
  }
}
class KeepsABrokenAgent extends SessionSteps {
  override answered(call: Call, failed?: ProviderError) {
    return super.answered(call, failed).filter(({ _tag }) => _tag !== "Stop")
  }
}
class DropsSteersAfterTheEnd extends SessionSteps {
  #isOver = false
  override end() {
    this.#isOver = true
    return super.end()
  }
  override take(intent: Intent) {
    return this.#isOver && intent._tag === "Steer" ? [] : super.take(intent)
  }
}

findsEach(
  [
    ForgetsTheRunningSteer,
    RefusesAfterTheEnd,
    CallsAtOnce,
    TwoAtOnce,
    NoDeadline,
    TurnsStayOpen,
    KeepsABrokenAgent,
    DropsSteersAfterTheEnd
  ].map((Mistaken) => ({ name: Mistaken.name, promise: "T7 T12", Mistaken })),
  ({ Mistaken, name }) => {
    const found = fc.check(
      fc.property(input, (one) => void play(one, new Mistaken())),
      options
    )
    return found.failed ? [name] : []
  }
)

it("T7 after a failure that ends the session the agent gets no further turn", () => {
  const steps = new SessionSteps()
  steps.opened()
  const [first] = steps.take({ _tag: "StartTurn", turnId: turnId(1), text: "one" } as Intent)
  if (first?._tag !== "Call") throw new Error("the first turn was not started")
  steps.take({ _tag: "TurnEnded", turnId: turnId(1) } as Intent)
  expect(steps.take({ _tag: "StartTurn", turnId: turnId(2), text: "two" } as Intent)).toEqual([])
  expect(steps.answered(first.call, error("unknown"))).toEqual([{ _tag: "Stop", reason: "unknown" }])
})

it("T7 W10 an interrupt during the setup of a worktree stops the session at once, also one that came before it", () => {
  const start = { _tag: "StartTurn", turnId: turnId(1) } as const
  const interrupt = { _tag: "Interrupt", turnId: turnId(1) } as const
  const tags = (steps: ReadonlyArray<Step>) => steps.map(({ _tag }) => _tag)
  const during = new SessionSteps()
  during.take(start)
  expect([during.settingUp(), tags(during.take(interrupt))]).toEqual([[], ["Stop"]])
  const before = new SessionSteps()
  before.take(start)
  expect([tags(before.take(interrupt)), tags(before.settingUp())]).toEqual([["Deadline"], ["Stop"]])
  const after = new SessionSteps()
  after.take(start)
  after.settingUp()
  expect([after.isSetUp(), tags(after.take(interrupt)), tags(after.opened())]).toEqual([[], ["Deadline"], ["Call"]])
})
