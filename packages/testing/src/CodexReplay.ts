/**
 * Plays recorded conversations through Codex' mapping and the normaliser, as a session does: one playback for each process (or connection)
 * and each of its native threads. It pauses where the recorded client acted, so that a test can act instead.
 */
import { ThreadId, TurnId, type RequestId } from "@millrace/contracts/Ids"
import type { Answer } from "@millrace/contracts/Item"
import type { ProviderEvent } from "@millrace/contracts/ProviderEvent"
import * as Mapping from "@millrace/providers/internal/codex/Mapping"
import type { NativeEvent } from "@millrace/providers/NativeEvent"
import * as Normaliser from "@millrace/providers/Normaliser"
import { requestKey } from "@millrace/providers/internal/process/Message"
import type { ExitEvidence } from "@millrace/providers/process/RpcChild"
import * as Transcripts from "./CodexTranscripts.ts"

/** The next act of the recorded client. */
export type Act =
  | { readonly _tag: "Start"; readonly text: string; readonly give: (turnId: TurnId) => void }
  | { readonly _tag: "Interrupt"; readonly turnId: TurnId }
  /** Answers an open request. */
  | { readonly _tag: "Answer"; readonly requestId: RequestId; readonly answer: Answer }
  | { readonly _tag: "End" }

export interface Playback {
  readonly nativeThreadId: string
  /** The evidence of a process that exited by itself. `undefined` if the process waits to be stopped. */
  readonly exit: ExitEvidence | undefined
  readonly normaliser: Normaliser.Normaliser
  /** Plays to the next act; returns the events before it. */
  readonly next: () => { readonly act: Act; readonly events: ReadonlyArray<ProviderEvent> }
  /** Number of requests that the playback rejected because they came too late or are unknown. */
  readonly refused: () => number
}

interface Process {
  readonly lines: Array<Transcripts.Line>
  exit: ExitEvidence | undefined
}

/** Splits a transcript into processes. A process begins with `initialize` after its predecessor ended; over WebSocket each client is a separate connection. */
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
      process = { lines: [], exit: undefined }
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

const decisions = { accept: "accept", acceptForSession: "accept-for-session", decline: "decline", cancel: "cancel" } as const

const answerOf = (result: unknown): Answer => {
  const { answers = {}, decision } = result as {
    readonly decision?: keyof typeof decisions
    readonly answers?: Readonly<Record<string, { readonly answers: ReadonlyArray<string> }>>
  }
  return decision === undefined
    ? { answers: Object.fromEntries(Object.entries(answers).map(([id, given]) => [id, given.answers])) }
    : { decision: decisions[decision] }
}

const play = (
  { exit, lines }: Process,
  nativeThreadId: string,
  session: { readonly threadId: ThreadId; readonly epoch: number }
): Playback => {
  const normaliser = Normaliser.make(session)
  const mapping = Mapping.make(nativeThreadId)
  const turns = new Map<string | number, TurnId>()
  const requests = new Map<string, RequestId>()
  let refused = 0
  let at = 0
  let events: Array<ProviderEvent> = []
  const push = (native: NativeEvent) => {
    for (const event of normaliser.push(native)) {
      events.push(event)
      if (native._tag === "RequestOpened" && event._tag === "RequestOpened") requests.set(native.nativeRequestId, event.requestId)
    }
  }
  const received = ({ id, method, params, result }: Transcripts.Line["msg"]) => {
    if (method === undefined) {
      const turnId = id === undefined ? undefined : turns.get(id)
      if (turnId === undefined) return
      const native = (result as { readonly turn?: { readonly id: string } } | undefined)?.turn?.id
      if (native === undefined) normaliser.refuseTurn(turnId)
      else normaliser.bindTurn(turnId, native)
      events.push(...normaliser.flush())
    } else if (id === undefined) for (const native of mapping.notification(method, params)) push(native)
    else {
      const before = events.length
      const mapped = mapping.request(id, method, params)
      for (const native of mapped.events) push(native)
      if (mapped.answer === undefined || !events.slice(before).some((event) => event._tag === "RequestOpened")) refused++
    }
  }
  const sent = ({ id, method, params, result }: Transcripts.Line["msg"]): Act | undefined => {
    const about = params as
      | { readonly threadId?: string; readonly turnId?: string; readonly input?: ReadonlyArray<{ readonly text?: string }> }
      | undefined
    if (method === "turn/start" && id !== undefined && about?.threadId === nativeThreadId)
      return {
        _tag: "Start",
        text: about.input?.[0]?.text ?? "",
        give: (turnId) => {
          turns.set(id, turnId)
          normaliser.expectTurn(turnId)
        }
      }
    if (method === "turn/interrupt") {
      const turnId = [...turns.values()].find((ours) => normaliser.nativeTurnOf(ours) === about?.turnId)
      return turnId === undefined ? undefined : { _tag: "Interrupt", turnId }
    }
    const requestId = method === undefined && id !== undefined ? requests.get(requestKey(id)) : undefined
    return requestId === undefined || normaliser.nativeRequestOf(requestId) === undefined
      ? undefined
      : { _tag: "Answer", requestId, answer: answerOf(result) }
  }
  const taken = (act: Act) => {
    const out = events
    events = []
    return { act, events: out }
  }
  return {
    nativeThreadId,
    exit,
    normaliser,
    refused: () => refused,
    next: () => {
      for (;;) {
        const line = lines[at++]
        if (line === undefined) return taken({ _tag: "End" })
        if (line.dir === "in") received(line.msg)
        const act = line.dir === "out" ? sent(line.msg) : undefined
        if (act) return taken(act)
      }
    }
  }
}

/** One playback for each session of the transcript, in order; `open` takes the ids for the session. Empty if the transcript has no thread. */
export const playbacks = (name: string) =>
  processes(Transcripts.read(name)).flatMap((process, index) =>
    [...threadIds(process.lines)].map((nativeThreadId) => ({
      /** 1, 2, ...: the process or connection. */
      process: index + 1,
      nativeThreadId,
      open: (session: { readonly threadId: ThreadId; readonly epoch: number }) => play(process, nativeThreadId, session)
    }))
  )

export interface Replayed {
  readonly nativeThreadId: string
  /** Number of turns that the recorded client started in this session. */
  readonly starts: number
  readonly events: ReadonlyArray<ProviderEvent>
  /** Our ids of the requests that the recorded client answered while they were open. */
  readonly answered: ReadonlySet<string>
  readonly refused: number
}

const closed: ExitEvidence = { code: 0, signal: null, stderr: "", stopReason: "the recording ends" }

/** Plays every session of the transcript to its end, with the recorded client's acts. */
export const replay = (name: string): ReadonlyArray<Replayed> =>
  playbacks(name).map(({ nativeThreadId, open, process }) => {
    const threadId = ThreadId.make(`thr_${nativeThreadId.slice(-12)}`)
    const playback = open({ threadId, epoch: process })
    const events: Array<ProviderEvent> = []
    const answered = new Set<string>()
    let starts = 0
    for (let n = 1; ; n++) {
      const { act, events: more } = playback.next()
      events.push(...more)
      if (act._tag === "Start") starts++
      if (act._tag === "Start") act.give(TurnId.make(`trn_asked_${threadId.slice(4)}_${process}_${n}`))
      else if (act._tag === "Interrupt") playback.normaliser.interrupting(act.turnId)
      else if (act._tag === "Answer") {
        playback.normaliser.answered(act.requestId)
        answered.add(act.requestId)
      } else break
    }
    events.push(...playback.normaliser.end(playback.exit ?? closed))
    return { nativeThreadId, starts, events, answered, refused: playback.refused() }
  })
