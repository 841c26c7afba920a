/** Plays the recorded conversations with a real agent (opencode) through codec, mapping and normaliser, as a session does. */
import { readFileSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { Answer } from "@millrace/contracts/Item"
import type { ProviderEvent } from "@millrace/contracts/ProviderEvent"
import * as Mapping from "../../src/acp/Mapping.ts"
import { codec } from "../../src/acp/Wire.ts"
import type { NativeEvent } from "../../src/NativeEvent.ts"
import * as Normaliser from "../../src/Normaliser.ts"
import type { ExitEvidence } from "../../src/process/RpcChild.ts"

interface Line {
  readonly dir: "in" | "out" | "note"
  readonly msg: {
    readonly id?: string | number
    readonly method?: string
    readonly params?: { readonly sessionId?: string }
    readonly result?: { readonly sessionId?: string; readonly outcome?: { readonly optionId?: string } }
    readonly exit?: { readonly code: number | null; readonly signal: string | null }
  }
}

const folder = join(import.meta.dirname, "fixtures")
export const names: ReadonlyArray<string> = readdirSync(folder)
  .filter((file) => file.endsWith(".jsonl"))
  .map((file) => file.slice(0, -".jsonl".length))

const read = (name: string): ReadonlyArray<Line> =>
  readFileSync(join(folder, `${name}.jsonl`), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line)

export interface Replayed {
  readonly events: ReadonlyArray<ProviderEvent>
  readonly answered: ReadonlySet<string>
  /** The answer that the test sent, and the answer that the recorded client had sent. */
  readonly answers: ReadonlyArray<readonly [ours: unknown, recorded: unknown]>
}

const decisions: ReadonlyMap<string | undefined, Answer> = new Map([
  ["once", { decision: "accept" }],
  ["always", { decision: "accept-for-session" }],
  ["reject", { decision: "decline" }]
])

const play = (lines: ReadonlyArray<Line>, epoch: number): Replayed => {
  const sessionId = lines.flatMap(({ msg }) => msg.params?.sessionId ?? msg.result?.sessionId ?? [])[0] ?? "?"
  const normaliser = Normaliser.make({ threadId: ThreadId.make("thr_replayed"), epoch })
  const mapping = Mapping.make(sessionId)
  const events: Array<ProviderEvent> = []
  const answered = new Set<string>()
  const answers: Array<readonly [unknown, unknown]> = []
  const open = new Map<string | number, NonNullable<Mapping.MappedRequest["answer"]>>()
  const prompts = new Map<string | number | undefined, string>()
  let loading: string | number | undefined
  let exit: ExitEvidence = { code: 0, signal: null, stderr: "", stopReason: "the recording ends" }
  const push = (natives: ReadonlyArray<NativeEvent>) => events.push(...natives.flatMap(normaliser.push))
  const sent = ({ id, method, result }: Line["msg"]) => {
    if (method === "session/load") loading = id
    if (method === "session/cancel") mapping.cancelling([...prompts.values()].at(-1) ?? "")
    if (method === "session/prompt") {
      const turnId = TurnId.make(`trn_${epoch}_${prompts.size + 1}`)
      prompts.set(id, turnId)
      normaliser.bindTurn(turnId, turnId)
      push(mapping.begin(turnId, "go"))
    }
    const answer = method === undefined && id !== undefined ? open.get(id) : undefined
    const opened = events.findLast((event) => event._tag === "RequestOpened")
    const decision = decisions.get(result?.outcome?.optionId)
    if (answer === undefined || opened?._tag !== "RequestOpened" || decision === undefined) return
    answers.push([answer(decision), result])
    normaliser.answered(opened.requestId)
    answered.add(opened.requestId)
  }
  const received = (msg: Line["msg"]) => {
    const nativeTurnId = prompts.get(msg.id)
    // The recorded client used other ids for its prompts.
    const line = msg.method === undefined && nativeTurnId !== undefined ? { ...msg, id: `turn ${nativeTurnId}` } : msg
    const message = codec.parse(JSON.stringify(line))
    if (message?._tag === "Result" && message.id === loading) loading = undefined
    // Updates that are replayed while a session loads are dropped.
    if (loading !== undefined) return
    if (message?._tag === "Notification") push(mapping.notification(message.method, message.params))
    if (message?._tag !== "Request") return
    const mapped = mapping.request(message.id, message.method, message.params)
    if (mapped.answer !== undefined) open.set(message.id, mapped.answer)
    push(mapped.events)
  }
  for (const { dir, msg } of lines) {
    if (dir === "out") sent(msg)
    else if (dir === "in") received(msg)
    else if (msg.exit !== undefined) exit = { ...msg.exit, stderr: "" }
  }
  events.push(...normaliser.end(exit))
  return { events, answered, answers }
}

/** Every process of that transcript, in order: each begins with `initialize`. */
export const replay = (name: string): ReadonlyArray<Replayed> => {
  const lines = read(name)
  const starts = lines.flatMap(({ dir, msg }, at) => (dir === "out" && msg.method === "initialize" ? [at] : []))
  return starts.map((at, n) => play(lines.slice(at, starts[n + 1]), n + 1))
}
