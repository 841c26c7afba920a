/**
 * A transcript through mapping and normaliser, as a session would have done it: one session for each process (or connection) and each native
 * thread of it. What the recorded client sent stands for our own commands.
 */
import { ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { ProviderEvent } from "@millrace/contracts/ProviderEvent"
import * as Mapping from "../../src/codex/Mapping.ts"
import type { NativeEvent } from "../../src/NativeEvent.ts"
import * as Normaliser from "../../src/Normaliser.ts"
import type { ExitEvidence } from "../../src/process/RpcChild.ts"
import * as Transcripts from "./transcripts.ts"

export interface Replayed {
  /** 1, 2, ...: the process or connection. */
  readonly process: number
  readonly nativeThreadId: string
  readonly threadId: ThreadId
  readonly events: ReadonlyArray<ProviderEvent>
  /** Our ids of the requests that the recorded client answered while they were open. */
  readonly answered: ReadonlySet<string>
  /** Requests that came too late to be asked, or that are not known: they are refused. */
  readonly refused: number
}

interface Process {
  readonly lines: Array<Transcripts.Line>
  exit: ExitEvidence
}

const closed: ExitEvidence = { code: 0, signal: null, stderr: "", stopReason: "the recording ends" }

/** A process begins with `initialize` after its predecessor's end was noted; over WebSocket each client is a connection of its own. */
const processes = (lines: ReadonlyArray<Transcripts.Line>): ReadonlyArray<Process> => {
  const all: Array<Process> = []
  const current = new Map<string, Process>()
  let ended = false
  for (const line of lines) {
    if (line.dir === "note") {
      const { action, exit } = line.msg
      const latest = current.get("")
      if (latest && exit) latest.exit = { ...exit, stderr: "" }
      else if (latest && action === "SIGKILL") latest.exit = { code: null, signal: "SIGKILL", stderr: "" }
      ended ||= action !== undefined || exit !== undefined
      continue
    }
    const client = line.client ?? ""
    const fresh = line.dir === "out" && line.msg.method === "initialize" && ended && client === ""
    let process = fresh ? undefined : current.get(client)
    if (process === undefined) {
      process = { lines: [], exit: closed }
      current.set(client, process)
      all.push(process)
      ended = false
    }
    process.lines.push(line)
  }
  return all
}

const threadIds = (lines: ReadonlyArray<Transcripts.Line>): ReadonlySet<string> => {
  const asked = new Set(
    lines.flatMap(({ dir, msg }) => (dir === "out" && /^thread\/(start|resume|fork)$/.test(msg.method ?? "") ? [msg.id] : []))
  )
  return new Set(
    lines.flatMap(({ dir, msg }) => {
      const id = (msg.result as { readonly thread?: { readonly id?: string } } | undefined)?.thread?.id
      return dir === "in" && msg.method === undefined && asked.has(msg.id) && id !== undefined ? [id] : []
    })
  )
}

const replay = (lines: ReadonlyArray<Transcripts.Line>, exit: ExitEvidence, nativeThreadId: string, epoch: number): Replayed => {
  const threadId = ThreadId.make(`thr_${nativeThreadId.slice(-12)}`)
  const normaliser = Normaliser.make({ threadId, epoch })
  const mapping = Mapping.make(nativeThreadId)
  const events: Array<ProviderEvent> = []
  const turns = new Map<string | number, TurnId>()
  const requests = new Map<string, string>()
  const answered = new Set<string>()
  let refused = 0
  const push = (native: NativeEvent) => {
    for (const event of normaliser.push(native)) {
      events.push(event)
      if (native._tag === "RequestOpened" && event._tag === "RequestOpened") requests.set(native.nativeRequestId, event.requestId)
    }
  }
  for (const { dir, msg } of lines) {
    const { id, method, params } = msg
    const about = params as { readonly threadId?: string; readonly turnId?: string } | undefined
    if (dir === "out") {
      if (method === "turn/start" && id !== undefined && about?.threadId === nativeThreadId) {
        const turnId = TurnId.make(`trn_asked_${threadId.slice(4)}_${epoch}_${turns.size + 1}`)
        turns.set(id, turnId)
        normaliser.expectTurn(turnId)
      }
      if (method === "turn/interrupt")
        for (const turnId of turns.values())
          if (normaliser.nativeTurnOf(turnId) === about?.turnId) normaliser.interrupting(turnId)
      const requestId = method === undefined && id !== undefined ? requests.get(Mapping.requestKey(id)) : undefined
      if (requestId !== undefined && normaliser.answered(requestId as Parameters<typeof normaliser.answered>[0]) !== undefined)
        answered.add(requestId)
      continue
    }
    if (method === undefined) {
      const turnId = id === undefined ? undefined : turns.get(id)
      if (turnId === undefined) continue
      const native = (msg.result as { readonly turn?: { readonly id: string } } | undefined)?.turn?.id
      if (native === undefined) normaliser.refuseTurn(turnId)
      else normaliser.bindTurn(turnId, native)
      events.push(...normaliser.flush())
      continue
    }
    if (id === undefined) {
      for (const native of mapping.notification(method, params)) push(native)
      continue
    }
    const before = events.length
    const mapped = mapping.request(id, method, params)
    for (const native of mapped.events) push(native)
    if (mapped.answer === undefined || !events.slice(before).some((event) => event._tag === "RequestOpened")) refused++
  }
  events.push(...normaliser.end(exit))
  return { process: epoch, nativeThreadId, threadId, events, answered, refused }
}

/** Every session of that transcript; none when it never came to a thread. */
export const sessions = (name: string): ReadonlyArray<Replayed> =>
  processes(Transcripts.read(name)).flatMap(({ exit, lines }, index) =>
    [...threadIds(lines)].map((nativeThreadId) => replay(lines, exit, nativeThreadId, index + 1))
  )
