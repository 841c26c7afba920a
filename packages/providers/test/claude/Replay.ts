/** Plays the recorded conversations with the real Claude through codec, mapping and normaliser, as a session does. */
import { readFileSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { Answer } from "@millrace/contracts/Item"
import type { ProviderEvent } from "@millrace/contracts/ProviderEvent"
import * as Mapping from "../../src/claude/Mapping.ts"
import type * as Questions from "../../src/claude/Questions.ts"
import { codec } from "../../src/claude/Codec.ts"
import type { NativeEvent } from "../../src/NativeEvent.ts"
import * as Normaliser from "../../src/Normaliser.ts"
import type { ExitEvidence } from "../../src/process/RpcChild.ts"

export interface Line {
  readonly dir: "in" | "out" | "note"
  readonly msg: {
    readonly type?: string
    readonly request?: { readonly subtype: string }
    readonly response?: { readonly request_id: string; readonly response?: unknown }
    readonly exit?: { readonly code: number | null; readonly signal: string | null }
    readonly stderr?: string
    readonly action?: string
  }
}

const folder = join(import.meta.dirname, "fixtures")
export const names: ReadonlyArray<string> = readdirSync(folder)
  .filter((file) => file.endsWith(".jsonl"))
  .map((file) => file.slice(0, -".jsonl".length))

export const read = (name: string): ReadonlyArray<Line> =>
  readFileSync(join(folder, `${name}.jsonl`), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line)

/** Each process begins with `initialize`; the recording through the SDK does not have it. */
const processes = (lines: ReadonlyArray<Line>): ReadonlyArray<ReadonlyArray<Line>> => {
  const starts = lines.flatMap(({ msg }, at) => (msg.request?.subtype === "initialize" ? [at] : []))
  return starts.length === 0 ? [lines] : starts.map((at, n) => lines.slice(at, starts[n + 1]))
}

const decisionOf = (response: unknown): Answer => {
  const { behavior, interrupt } = response as { readonly behavior: string; readonly interrupt?: boolean }
  return { decision: behavior === "allow" ? "accept" : interrupt === true ? "cancel" : "decline" }
}

export interface Replayed {
  readonly events: ReadonlyArray<ProviderEvent>
  readonly answered: ReadonlySet<string>
  /** The answer that the test sent, and the answer that the recorded client had sent. */
  readonly answers: ReadonlyArray<readonly [ours: unknown, recorded: unknown]>
}

const play = (lines: ReadonlyArray<Line>, epoch: number): Replayed => {
  const normaliser = Normaliser.make({ threadId: ThreadId.make("thr_replayed"), epoch })
  const mapping = Mapping.make()
  const events: Array<ProviderEvent> = []
  const answered = new Set<string>()
  const answers: Array<readonly [unknown, unknown]> = []
  const open = new Map<string, NonNullable<Questions.MappedRequest["answer"]>>()
  let turns = 0
  let exit: ExitEvidence = { code: 0, signal: null, stderr: "", stopReason: "the recording ends" }
  const push = (native: NativeEvent) => events.push(...normaliser.push(native))
  for (const { dir, msg } of lines) {
    if (dir === "note") {
      if (msg.exit !== undefined && msg.exit.code !== 0) exit = { ...msg.exit, stderr: msg.stderr ?? "" }
      continue
    }
    if (dir === "out") {
      if (msg.type === "user") {
        const turnId = TurnId.make(`trn_${epoch}_${++turns}`)
        mapping.expect(turnId)
        normaliser.bindTurn(turnId, turnId)
      }
      if (msg.request?.subtype === "interrupt") mapping.interrupting(`trn_${epoch}_${turns}`)
      const answer = msg.type === "control_response" ? open.get(msg.response?.request_id ?? "") : undefined
      if (answer === undefined) continue
      answers.push([answer(decisionOf(msg.response?.response)), msg.response?.response])
      const opened = events.findLast((event) => event._tag === "RequestOpened")
      if (opened?._tag !== "RequestOpened") continue
      normaliser.answered(opened.requestId)
      answered.add(opened.requestId)
      continue
    }
    // The SDK's record of a request is not a message of the protocol.
    const message = codec.parse(JSON.stringify(msg))
    if (message?._tag === "Notification") for (const native of mapping.notification(message.method, message.params)) push(native)
    if (message?._tag !== "Request") continue
    const mapped = mapping.request(message.id, message.method, message.params)
    if (mapped.answer !== undefined) open.set(mapped.nativeRequestId, mapped.answer)
    for (const native of mapped.events) push(native)
  }
  events.push(...normaliser.end(exit))
  return { events, answered, answers }
}

/** Every process of that transcript, in order. */
export const replay = (name: string): ReadonlyArray<Replayed> => processes(read(name)).map((lines, n) => play(lines, n + 1))
