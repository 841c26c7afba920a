/** One agent of a model run: a plain object behind the real normaliser. The steps of the script drive it, and make it misbehave. */
import type { RequestId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { OpenInput } from "@millrace/contracts/ProviderAdapter"
import type { ProviderEvent } from "@millrace/contracts/ProviderEvent"
import type { NativeEvent } from "@millrace/providers/NativeEvent"
import * as Normaliser from "@millrace/providers/Normaliser"
import { Effect, Queue, Stream } from "effect"

/** Actions that a step can make an agent do. An action without a matching turn, item or question does nothing. */
export const deeds = [
  "begin",
  "say",
  "claim",
  "item",
  "delta",
  "close",
  "complete",
  "fail",
  "limit",
  "interrupted",
  "approval",
  "question",
  "settled",
  "background",
  "background-end",
  "opaque",
  "own",
  "own-end",
  "end-again",
  "late-item",
  "foreign-end",
  "exit",
  "die",
  "vanish",
  "raw-completed",
  "raw-failed",
  "raw-item",
  "raw-request",
  "raw-started"
] as const
export type Deed = (typeof deeds)[number]

/** Number of ended turns that the agent keeps, because late messages about them can still arrive. */
const kept = 8

export class Agent {
  readonly threadId: ThreadId
  readonly epoch: number
  /** Turns that an agent reported as completed. */
  private readonly completed: Set<TurnId>
  private readonly normaliser: Normaliser.Normaliser
  /** Unbounded: the steps of the script fill it, and it must not block within a step. */
  private readonly output = Effect.runSync(Queue.unbounded<ProviderEvent | undefined>())
  /** The agent's native id of each of our running turns. */
  private readonly turns = new Map<TurnId, string>()
  private readonly begun = new Set<string>()
  private readonly over: Array<{ readonly native: string; readonly turnId: TurnId | undefined }> = []
  private readonly own: Array<string> = []
  private items: Array<{ readonly native: string; readonly item: string; readonly kind: string }> = []
  private asked: Array<string> = []
  private readonly tasks: Array<string> = []
  private names = 0
  ended = false

  constructor(completed: Set<TurnId>, input: OpenInput) {
    this.completed = completed
    this.threadId = input.threadId
    this.epoch = input.epoch
    this.normaliser = Normaliser.make(input)
  }

  readonly events = Stream.fromQueue(this.output).pipe(Stream.takeWhile((event) => event !== undefined))

  private out(events: ReadonlyArray<ProviderEvent>): void {
    if (this.ended) return
    for (const event of events) {
      if (event._tag === "TurnCompleted") this.completed.add(event.turnId)
      this.output.unsafeOffer(event)
    }
  }
  private say(...events: ReadonlyArray<NativeEvent>): void {
    for (const event of events) this.out(this.normaliser.push(event))
  }
  private name(prefix: string): string {
    return `${prefix}${++this.names}`
  }

  start(turnId: TurnId): void {
    const native = this.name("turn")
    this.turns.set(turnId, native)
    this.normaliser.expectTurn(turnId)
    this.normaliser.bindTurn(turnId, native)
    this.out(this.normaliser.flush())
  }
  runs(turnId: TurnId): boolean {
    return this.turns.has(turnId)
  }

  /** The process exits by itself, with evidence, or because it was stopped. */
  end(cause: Parameters<Normaliser.Normaliser["end"]>[0]): void {
    if (this.ended) return
    this.out(this.normaliser.end(cause))
    this.ended = true
    this.output.unsafeOffer(undefined)
  }

  settle(turnId: TurnId, outcome: "completed" | "interrupted" | "failed", kind: "overloaded" | "limit" = "overloaded"): void {
    const native = this.turns.get(turnId)
    if (native === undefined) return
    this.turns.delete(turnId)
    this.over.push({ native, turnId })
    if (this.over.length > kept) this.over.shift()
    this.items = this.items.filter((item) => item.native !== native)
    this.say({
      _tag: "TurnEnded",
      nativeTurnId: native,
      outcome,
      ...(outcome === "failed" ? { error: { kind, message: "the model has no more" } } : {})
    })
  }

  answered(requestId: RequestId): void {
    const native = this.normaliser.answered(requestId)
    this.asked = this.asked.filter((name) => name !== native)
  }

  /** Returns whether the action was possible. */
  act(deed: Deed): boolean {
    if (this.ended) return false
    const [turnId, native] = [...this.turns][0] ?? []
    const past = this.over.at(-1)
    switch (deed) {
      case "exit":
        return (this.end({ code: 0, signal: null, stderr: "" }), true)
      case "die":
        return (this.end({ code: null, signal: "SIGKILL", stderr: "no more" }), true)
      case "vanish":
        this.ended = true
        this.output.unsafeOffer(undefined)
        return true
      case "opaque":
        return (this.say({ _tag: "Opaque", method: "who/knows", payload: { n: 1 } }), true)
      case "background": {
        const task = this.name("task")
        this.tasks.push(task)
        return (this.say({ _tag: "Opaque", method: "background/started", payload: { task } }), true)
      }
      case "background-end": {
        const task = this.tasks.shift()
        if (task === undefined) return false
        return (this.say({ _tag: "Opaque", method: "background/ended", payload: { task } }), true)
      }
      case "own": {
        const name = this.name("own")
        this.own.push(name)
        return (this.say({ _tag: "TurnStarted", nativeTurnId: name }), true)
      }
      case "own-end": {
        const name = this.own.shift()
        if (name === undefined) return false
        return (this.say({ _tag: "TurnEnded", nativeTurnId: name, outcome: "completed" }), true)
      }
      case "foreign-end":
        return (this.say({ _tag: "TurnEnded", nativeTurnId: this.name("stranger"), outcome: "completed" }), true)
      case "settled": {
        const name = this.asked.shift()
        if (name === undefined) return false
        return (this.say({ _tag: "RequestResolved", nativeRequestId: name, reason: "answered elsewhere" }), true)
      }
      case "delta":
      case "close": {
        const item = this.items.at(-1)
        if (item === undefined) return false
        const common = { nativeTurnId: item.native, nativeItemId: item.item, kind: item.kind }
        if (deed === "delta") return (this.say({ _tag: "ItemDelta", ...common, text: "word " }), true)
        this.items.pop()
        return (this.say({ _tag: "ItemCompleted", ...common, status: "completed", content: { text: "all" } }), true)
      }
      case "end-again":
      case "late-item":
      case "raw-completed":
      case "raw-failed":
      case "raw-item":
      case "raw-request":
      case "raw-started":
        return past?.turnId === undefined ? false : (this.haunt(deed, past.native, past.turnId), true)
      default:
        if (turnId === undefined || native === undefined) return false
        return (this.work(deed, turnId, native), true)
    }
  }

  private work(deed: Deed, turnId: TurnId, native: string): void {
    const common = { nativeTurnId: native, nativeItemId: this.name("item"), kind: "agent-message" }
    switch (deed) {
      case "begin":
        if (this.begun.has(native)) return
        this.begun.add(native)
        return this.say({ _tag: "TurnStarted", nativeTurnId: native })
      case "say":
        return this.say(
          { _tag: "ItemStarted", ...common, content: {} },
          { _tag: "ItemDelta", ...common, text: "one " },
          { _tag: "ItemDelta", ...common, text: "two" },
          { _tag: "ItemCompleted", ...common, status: "completed", content: { text: "one two" } }
        )
      case "claim":
        return this.say({ _tag: "ItemCompleted", ...common, status: "completed", content: { text: "so\nGOAL COMPLETE" } })
      case "item": {
        const kind = this.names % 2 === 0 ? "command" : "agent-message"
        this.items.push({ native, item: common.nativeItemId, kind })
        return this.say({ _tag: "ItemStarted", ...common, kind, content: {} })
      }
      case "approval":
      case "question": {
        const name = this.name("ask")
        this.asked.push(name)
        return this.say({
          _tag: "RequestOpened",
          nativeTurnId: native,
          nativeRequestId: name,
          ask:
            deed === "approval"
              ? { kind: "approval", title: "Run: ls", command: "ls", choices: ["accept", "accept-for-session", "decline"] }
              : { kind: "question", title: "Which?", questions: [{ id: "q", text: "Which?" }] }
        })
      }
      case "complete":
        return this.settle(turnId, "completed")
      case "fail":
        return this.settle(turnId, "failed")
      case "limit":
        return this.settle(turnId, "failed", "limit")
      case "interrupted":
        return this.settle(turnId, "interrupted")
      default:
        return
    }
  }

  /** Emits events about a turn that has ended: some through the normaliser, some bypassing it. */
  private haunt(deed: Deed, native: string, turnId: TurnId): void {
    const itemId = `itm_raw_${this.threadId}_${this.epoch}_${this.name("")}` as Extract<
      ProviderEvent,
      { _tag: "ItemStarted" }
    >["itemId"]
    const item = { turnId, itemId, kind: "agent-message" }
    switch (deed) {
      case "end-again":
        return this.say({ _tag: "TurnEnded", nativeTurnId: native, outcome: "completed" })
      case "late-item":
        return this.say({
          _tag: "ItemCompleted",
          nativeTurnId: native,
          nativeItemId: this.name("late"),
          kind: "agent-message",
          status: "completed",
          content: { text: "too late" }
        })
      case "raw-completed":
        return this.out([{ _tag: "TurnCompleted", turnId }])
      case "raw-failed":
        return this.out([{ _tag: "TurnFailed", turnId, error: { kind: "unknown", message: "again" } }])
      case "raw-started":
        return this.out([{ _tag: "TurnStarted", turnId, origin: "provider" }])
      case "raw-item":
        return this.out([
          { _tag: "ItemStarted", ...item, content: {} },
          { _tag: "ItemDelta", ...item, text: "x" }
        ])
      case "raw-request": {
        const requestId = `req_raw_${this.threadId}_${this.epoch}_${this.name("")}` as RequestId
        const ask = { kind: "approval", title: "?", choices: ["accept"] } as const
        return this.out([{ _tag: "RequestOpened", turnId, requestId, ask }])
      }
      default:
        return
    }
  }
}
