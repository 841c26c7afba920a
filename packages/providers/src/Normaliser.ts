/**
 * Maps native events to `ProviderEvent`s: a synchronous state machine, one per session, no clock and no I/O.
 *
 * For any input in any order, the output has five guarantees:
 * 1. an item starts once, then has its deltas, and is completed exactly once, at the latest just before its turn's terminal (T9);
 * 2. a turn starts at most once and, after `end` was called, has ended exactly once; after its terminal it has amendments only (T2);
 * 3. a request is opened once and settled once: by our answer, or by cancellation, at the latest with its turn (T13);
 * 4. a native turn or item keeps the same `TurnId` or `ItemId`; ids contain thread and epoch, so they are globally unique.
 *    When 256 items are open and another one starts, the oldest is aborted;
 * 5. an event that does not fit (an unknown message, an item of an ended turn) is kept as `Opaque`, and reopens nothing. A signal of a turn or item
 *    that is not open is dropped (D12). A sub-agent's item that completes after its turn has ended is one amendment. A closed item is recognised until 1,024 more have closed; after that its native id is a new item.
 *
 * A user's turn is bound to its native turn in two ways, in either order: by the provider's answer (`bindTurn`), or, when the
 * provider starts a turn while one is expected, by that start. Every other native turn is foreign: it gets a new id with origin
 * "provider" and never ends a user's turn (T10).
 */
import { defined } from "@millrace/contracts/Defined"
import { BoundedSet } from "@millrace/contracts/BoundedMap"
import { ItemId, RequestId, type ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { Ask, Failure, ItemContent, ItemKind, ItemStatus } from "@millrace/contracts/Item"
import type { AgentFile, ProviderEvent } from "@millrace/contracts/ProviderEvent"
import * as Images from "./Images.ts"
import { budget, ItemText } from "./ItemText.ts"
import type { NativeEvent } from "./NativeEvent.ts"
import { describe, type ExitEvidence } from "./process/RpcChild.ts"
import { Recent } from "./Recent.ts"

export interface Normaliser {
  /** Applies one event; call in the provider's order. Returns the events that it caused. */
  readonly push: (native: NativeEvent) => ReadonlyArray<ProviderEvent>
  /** Returns the events that `bindTurn` caused and that `push` has not returned; usually none. */
  readonly flush: () => ReadonlyArray<ProviderEvent>
  /** Call before a turn is sent to the provider: the next native turn that starts belongs to it, unless `bindTurn` names another. */
  readonly expectTurn: (turnId: TurnId) => void
  /** Records the native turn id of the provider's answer. Call it also when that turn may already have started or ended. The next `push` or `flush` returns the events it causes. */
  readonly bindTurn: (turnId: TurnId, nativeTurnId: string) => void
  /** The provider refused the turn: it is no longer expected. */
  readonly refuseTurn: (turnId: TurnId) => void
  /** The native turn id, while that turn is known to run at the provider. */
  readonly nativeTurnOf: (turnId: TurnId) => string | undefined
  /** The native request id, while that request is open. */
  readonly nativeRequestOf: (requestId: RequestId) => string | undefined
  /** Settles the request as answered. Returns its native id, or `undefined` if it is not open. */
  readonly answered: (requestId: RequestId) => string | undefined
  /** A user interrupts this turn: if the session ends first, the turn is recorded as interrupted, not failed. */
  readonly interrupting: (turnId: TurnId) => void
  /** Ends the session: closes its open turns, items and requests. Later pushes return nothing. A string is the reason of an end that the server requested. */
  readonly end: (cause: ExitEvidence | string) => ReadonlyArray<ProviderEvent>
}

type Ended = Extract<NativeEvent, { readonly _tag: "TurnEnded" }>

interface Item {
  readonly native: string
  /** The items of its turn. */
  readonly among: Map<string, Item | "echo">
  readonly itemId: ItemId
  readonly turnId: TurnId
  readonly kind: ItemKind
  /** The tool call that started the sub-agent of this item. */
  readonly parentItemId: ItemId | undefined
  /** While the item is open: its first content and its deltas. */
  open: { readonly content: ItemContent; readonly text: ItemText } | undefined
}

interface Request {
  readonly requestId: RequestId
  readonly turnId: TurnId
  readonly nativeTurnId: string
  readonly nativeRequestId: string
}

interface Turn {
  readonly native: string
  turnId: TurnId
  origin: "user" | "provider"
  started: boolean
  /** The agent reported that it is idle, and no event of this turn has arrived since. */
  idle: boolean
  ended: Ended | undefined
  /** Later user turns for which the provider named this native turn. */
  readonly merged: Array<TurnId>
  readonly items: Map<string, Item | "echo">
  usage: Ended["usage"]
}

/** Maximum open items of a session. One more aborts the oldest; its later completion is an amendment (R7). */
const maxOpen = 256
/** Closed items of a session, over all its turns, that are recognised: this number bounds memory (R7). */
const keptItems = 1024
/** Ended turns whose items are still recognised, and further ended turns of which only the id is kept. */
const keptTurns = 64
const keptEnds = 4096

/** Reason of a turn that was settled because its agent is idle and never reported its end. */
export const lostEnd = "the agent reported that it is idle and did not end this turn"

const none: ReadonlyArray<ProviderEvent> = []

export const make = (session: { readonly threadId: ThreadId; readonly epoch: number }): Normaliser => {
  const suffix = `${session.threadId.slice("thr_".length)}_${session.epoch}_`
  let items = 0
  let requests = 0
  let foreign = 0
  const newItemId = () => ItemId.make(`itm_${suffix}${++items}`, { disableValidation: true })
  const newRequestId = () => RequestId.make(`req_${suffix}${++requests}`, { disableValidation: true })
  const newTurnId = () => TurnId.make(`trn_${suffix}${++foreign}`, { disableValidation: true })

  const expected: Array<TurnId> = []
  const turns = new Map<string, Turn>()
  /** Native ids of ended turns in `turns`, oldest first. */
  const ends: Array<string> = []
  /** Native ids of older ended turns. */
  const forgotten = new BoundedSet<string>(keptEnds)
  /** Ends of turns that have not started here, by native id. */
  const early = new Map<string, Ended>()
  const open = new Map<RequestId, Request>()
  /** Expected or running turns that a user has interrupted. */
  const interrupted = new Set<TurnId>()
  const closed = new Recent<Item | "echo">(keptItems)
  /** Oldest first. */
  const openItems = new Set<Item>()
  const kept = budget()
  let out: Array<ProviderEvent> = []
  let hasEnded = false

  const take = (): ReadonlyArray<ProviderEvent> => {
    if (out.length === 0) return none
    const taken = out
    out = []
    return taken
  }
  const emit = (event: ProviderEvent) => void out.push(event)
  const opaque = (method: string, payload: unknown, turnId?: TurnId) =>
    emit({ _tag: "Opaque", ...defined({ turnId }), method, payload })
  const late = (native: NativeEvent, turn?: Turn) => opaque(`late/${native._tag}`, native, turn?.turnId)

  // --- turns

  const start = (turn: Turn) => {
    if (turn.started) return
    turn.started = true
    emit({ _tag: "TurnStarted", turnId: turn.turnId, nativeTurnId: turn.native, origin: turn.origin })
  }
  const add = (native: string, turnId: TurnId, origin: Turn["origin"], items: Turn["items"] = new Map()): Turn => {
    const turn: Turn = {
      native,
      turnId,
      origin,
      started: false,
      idle: false,
      ended: undefined,
      merged: [],
      items,
      usage: undefined
    }
    turns.set(native, turn)
    return turn
  }
  /** The running turn of an event; a new turn is started. `undefined`: that turn has ended. */
  const running = (native: string): Turn | undefined => {
    let turn = turns.get(native)
    if (turn === undefined) {
      if (forgotten.has(native) || early.has(native)) return undefined
      const ours = expected.shift()
      turn = ours === undefined ? add(native, newTurnId(), "provider") : add(native, ours, "user")
    }
    if (turn.ended !== undefined) return undefined
    turn.idle = false
    start(turn)
    return turn
  }
  const terminal = (turn: Turn, turnId: TurnId, by: Ended) => {
    const usage = by.usage ?? turn.usage
    const { reason } = by
    const common = { turnId, ...defined({ usage, reason }) }
    if (by.outcome === "completed") return emit({ _tag: "TurnCompleted", ...common })
    if (by.outcome === "interrupted") return emit({ _tag: "TurnInterrupted", ...common })
    const error: Failure = by.error ?? {
      kind: "unknown",
      message: by.reason ?? "The agent ended the turn as failed and gave no reason."
    }
    emit({ _tag: "TurnFailed", ...common, error })
  }
  /** Closes the open requests and items of a turn, before its terminal (T9). */
  const close = (turn: Turn, reason: string) => {
    for (const request of open.values()) if (request.nativeTurnId === turn.native) cancel(request, reason)
    for (const item of turn.items.values()) if (item !== "echo") abort(item, reason)
  }
  const finish = (turn: Turn, by: Ended) => {
    start(turn)
    close(turn, by.reason ?? `the turn ended as ${by.outcome}`)
    turn.ended = by
    terminal(turn, turn.turnId, by)
    for (const turnId of turn.merged) terminal(turn, turnId, by)
    for (const turnId of [turn.turnId, ...turn.merged]) interrupted.delete(turnId)
    ends.push(turn.native)
    if (ends.length > keptTurns) {
      const oldest = ends.shift()
      if (oldest !== undefined) forget(oldest)
    }
  }
  /** Drops an ended turn and keeps its native id, so that its later events are recognised as late. */
  const forget = (native: string) => {
    turns.delete(native)
    forgotten.add(native)
  }

  // --- items

  const closeItem = (
    item: Item,
    status: ItemStatus,
    reason: string | undefined,
    content: ItemContent,
    files: ReadonlyArray<AgentFile> = []
  ) => {
    const { itemId, turnId, kind } = item
    emit({
      _tag: "ItemCompleted",
      turnId,
      itemId,
      kind,
      status,
      ...defined({ reason }),
      content: under(item, content),
      ...(files.length === 0 ? {} : { files })
    })
    item.open?.text.release()
    item.open = undefined
    openItems.delete(item)
    closed.add(item.among, item.native, item)
  }
  const abort = (item: Item, reason: string) => {
    if (item.open !== undefined) closeItem(item, "aborted", reason, item.open.text.continue(item.kind, item.open.content))
  }
  const parentIn = (turn: Turn, native: string | undefined): ItemId | undefined => {
    const parent = native === undefined ? undefined : turn.items.get(native)
    return parent === undefined || parent === "echo" ? undefined : parent.itemId
  }
  const startItem = (turn: Turn, native: string, kind: ItemKind, content: ItemContent, parentItemId?: ItemId): Item | "echo" => {
    // The provider's echo of the user's message: the log has it already, as the turn's text.
    if (kind === "user-message" && turn.origin === "user") {
      turn.items.set(native, "echo")
      closed.add(turn.items, native, "echo")
      return "echo"
    }
    for (const oldest of openItems) {
      if (openItems.size < maxOpen) break
      abort(oldest, `more than ${maxOpen} items are open`)
    }
    const { items: among, turnId } = turn
    const open = { content, text: new ItemText(kept) }
    const item: Item = { native, among, itemId: newItemId(), turnId, kind, parentItemId, open }
    among.set(native, item)
    openItems.add(item)
    emit({ _tag: "ItemStarted", turnId: item.turnId, itemId: item.itemId, kind, content: under(item, content) })
    return item
  }
  /** A closed item of a sub-agent that outlived the turn; `undefined`: the turn or the sub-agent's tool call is not known any more. */
  const lateItem = (
    turn: Turn | undefined,
    native: Extract<NativeEvent, { readonly _tag: "ItemCompleted" }>
  ): Item | undefined => {
    const parentItemId = turn?.ended === undefined ? undefined : parentIn(turn, native.nativeParentItemId)
    if (turn === undefined || parentItemId === undefined) return undefined
    const { items: among, turnId } = turn
    const { kind, nativeItemId } = native
    const item: Item = { native: nativeItemId, among, itemId: newItemId(), turnId, kind, parentItemId, open: undefined }
    among.set(nativeItemId, item)
    closed.add(among, nativeItemId, item)
    return item
  }

  // --- requests

  /** Closes a request. Its turn continues, so an idle report that came while it waited no longer counts. */
  const settled = (request: Request) => {
    open.delete(request.requestId)
    const turn = turns.get(request.nativeTurnId)
    if (turn !== undefined) turn.idle = false
  }
  const cancel = (request: Request, reason: string) => {
    settled(request)
    emit({ _tag: "RequestCancelled", turnId: request.turnId, requestId: request.requestId, reason })
  }

  const apply = (native: NativeEvent): void => {
    switch (native._tag) {
      case "TurnStarted": {
        running(native.nativeTurnId)
        return
      }
      case "TurnUpdated": {
        const turn = running(native.nativeTurnId)
        if (turn === undefined) return late(native, turns.get(native.nativeTurnId))
        const { _tag, nativeTurnId: _, ...update } = native
        return emit({ _tag, turnId: turn.turnId, ...update })
      }
      case "TurnEnded": {
        const turn = turns.get(native.nativeTurnId)
        if (turn !== undefined) {
          // The first terminal wins (T1).
          if (turn.ended === undefined) finish(turn, native)
          else if (turn.ended.reason === lostEnd) late(native, turn)
          return
        }
        if (forgotten.has(native.nativeTurnId) || early.has(native.nativeTurnId)) return
        // The turn has not started here: it may be one whose `bindTurn` is still to come, and must not end another turn (T10).
        late(native)
        if (expected.length > 0 && early.size < keptTurns) early.set(native.nativeTurnId, native)
        else forget(native.nativeTurnId)
        return
      }
      case "ItemStarted": {
        const turn = running(native.nativeTurnId)
        const ended = turns.get(native.nativeTurnId)
        if (ended?.items.has(native.nativeItemId) === true) return
        if (turn === undefined) return late(native, ended)
        startItem(turn, native.nativeItemId, native.kind, native.content, parentIn(turn, native.nativeParentItemId))
        return
      }
      case "ItemDelta": {
        const turn = running(native.nativeTurnId)
        const known = turns.get(native.nativeTurnId)?.items.get(native.nativeItemId)
        const item = known ?? (turn === undefined ? undefined : startItem(turn, native.nativeItemId, native.kind, {}))
        if (item === undefined) return late(native, turns.get(native.nativeTurnId))
        // Drop a delta of a closed item: the completion contains the whole text.
        if (item === "echo" || item.open === undefined) return
        item.open.text.append(native.text)
        return emit({ _tag: "ItemDelta", turnId: item.turnId, itemId: item.itemId, kind: item.kind, text: native.text })
      }
      case "ItemCompleted": {
        const turn = running(native.nativeTurnId)
        const known = turns.get(native.nativeTurnId)?.items.get(native.nativeItemId)
        const item =
          known ??
          (turn === undefined
            ? lateItem(turns.get(native.nativeTurnId), native)
            : startItem(turn, native.nativeItemId, native.kind, native.content, parentIn(turn, native.nativeParentItemId)))
        if (item === undefined) return late(native, turns.get(native.nativeTurnId))
        if (item === "echo") return
        const { itemId, turnId, kind, open: still } = item
        const { status, reason } = native
        const { content, files } = withImages(native)
        if (still !== undefined) return closeItem(item, status, reason, still.text.complete(kind, content), files)
        const amended = { turnId, itemId, kind, status, content: under(item, content) }
        return emit({ _tag: "ItemAmended", ...amended, ...(files.length === 0 ? {} : { files }) })
      }
      case "RequestOpened": {
        const turn = running(native.nativeTurnId)
        if (turn === undefined) return late(native, turns.get(native.nativeTurnId))
        for (const request of open.values()) if (request.nativeRequestId === native.nativeRequestId) return
        const requestId = newRequestId()
        const { turnId } = turn
        const { nativeItemId, ...asked } = native.ask
        const item = nativeItemId === undefined ? undefined : turn.items.get(nativeItemId)
        const ask: Ask = item === undefined || item === "echo" ? asked : { ...asked, itemId: item.itemId }
        open.set(requestId, { requestId, turnId, nativeTurnId: turn.native, nativeRequestId: native.nativeRequestId })
        return emit({ _tag: "RequestOpened", turnId, requestId, ask })
      }
      case "RequestResolved": {
        for (const request of open.values())
          if (request.nativeRequestId === native.nativeRequestId) return cancel(request, native.reason)
        // No open request: it was answered by us, and this is the provider's confirmation.
        return
      }
      case "AgentIdle": {
        for (const turn of turns.values()) if (turn.started && turn.ended === undefined) turn.idle = true
        return
      }
      case "IdleGraceOver": {
        const asking = new Set([...open.values()].map((request) => request.nativeTurnId))
        for (const turn of turns.values())
          if (turn.idle && turn.ended === undefined && !asking.has(turn.native))
            finish(turn, { _tag: "TurnEnded", nativeTurnId: turn.native, outcome: "interrupted", reason: lostEnd })
        return
      }
      case "Signal": {
        if (native.kind === "agent") return emit({ _tag: "Signal", kind: native.kind, data: native.data })
        // A signal starts nothing and is not stored (D12). Only the last usage is kept, for the turn's terminal.
        const turn = turns.get(native.nativeTurnId)
        if (turn?.started !== true || turn.ended !== undefined) return
        const { turnId } = turn
        if (native.kind === "usage") {
          turn.usage = native.data
          return emit({ _tag: "Signal", turnId, kind: native.kind, data: native.data })
        }
        const item = turn.items.get(native.nativeItemId)
        if (item === undefined || item === "echo" || item.open === undefined) return
        return emit({ _tag: "Signal", turnId, itemId: item.itemId, kind: native.kind, data: native.data })
      }
      case "ConversationLost": {
        const { _tag: _, ...payload } = native
        return opaque("millrace/conversation-lost", payload)
      }
      case "Opaque": {
        const turn = native.nativeTurnId === undefined ? undefined : turns.get(native.nativeTurnId)
        return opaque(native.method, native.payload, turn?.turnId)
      }
    }
  }

  /** The turn had been bound to the wrong native turn; that native turn continues as a foreign one (T10). */
  const disown = (turn: Turn) => {
    close(turn, "it belongs to another turn of the agent")
    turns.delete(turn.native)
    const foreigner = add(turn.native, newTurnId(), "provider", turn.items)
    if (turn.started) start(foreigner)
  }
  /** The provider named a native turn that is already bound: two user turns share one native turn. */
  const merge = (turn: Turn, turnId: TurnId, started: boolean) => {
    turn.merged.push(turnId)
    if (!started) emit({ _tag: "TurnStarted", turnId, nativeTurnId: turn.native, origin: "user" })
    if (turn.ended !== undefined) terminal(turn, turnId, turn.ended)
  }
  const unexpect = (turnId: TurnId) => {
    const at = expected.indexOf(turnId)
    if (at >= 0) expected.splice(at, 1)
  }

  return {
    push: (native) => {
      if (!hasEnded) apply(native)
      return take()
    },
    flush: take,
    expectTurn: (turnId) => void expected.push(turnId),
    refuseTurn: (turnId) => {
      unexpect(turnId)
      interrupted.delete(turnId)
    },
    bindTurn: (turnId, native) => {
      if (hasEnded) return
      const claimed = [...turns.values()].find((turn) => turn.turnId === turnId)
      if (claimed?.native === native || claimed?.ended !== undefined) return
      if (claimed !== undefined) disown(claimed)
      unexpect(turnId)
      const started = claimed?.started === true
      const known = turns.get(native)
      if (known !== undefined) return merge(known, turnId, started)
      const turn = add(native, turnId, "user")
      turn.started = started
      const end = early.get(native)
      early.delete(native)
      if (end !== undefined) finish(turn, end)
    },
    nativeTurnOf: (turnId) => {
      for (const turn of turns.values())
        if (turn.ended === undefined && (turn.turnId === turnId || turn.merged.includes(turnId))) return turn.native
      return undefined
    },
    nativeRequestOf: (requestId) => open.get(requestId)?.nativeRequestId,
    answered: (requestId) => {
      const request = open.get(requestId)
      if (request !== undefined) settled(request)
      return request?.nativeRequestId
    },
    interrupting: (turnId) => {
      const runs = (turn: Turn) => turn.ended === undefined && (turn.turnId === turnId || turn.merged.includes(turnId))
      if (expected.includes(turnId) || [...turns.values()].some(runs)) interrupted.add(turnId)
    },
    end: (cause) => {
      if (hasEnded) return take()
      const wanted = typeof cause === "string" || (cause.stopReason !== undefined && cause.failure === undefined)
      const reason = typeof cause === "string" ? cause : (cause.failure?.message ?? cause.stopReason ?? describe(cause))
      const error: Failure | undefined = typeof cause === "string" ? undefined : failureOf(cause)
      const by = (turnId: TurnId, nativeTurnId: string): Ended =>
        wanted || error === undefined || interrupted.has(turnId)
          ? { _tag: "TurnEnded", nativeTurnId, outcome: "interrupted", reason }
          : { _tag: "TurnEnded", nativeTurnId, outcome: "failed", reason, error }
      const running = [...turns.values()].filter((turn) => turn.ended === undefined)
      for (const turn of running) finish(turn, by(turn.turnId, turn.native))
      // Turns that were requested and never began: a later answer of the provider has no effect.
      for (const turnId of expected.splice(0)) terminal(add(`expected ${turnId}`, turnId, "user"), turnId, by(turnId, ""))
      hasEnded = true
      return take()
    }
  }
}

/** The content with the item's parent. */
const under = ({ parentItemId }: Item, content: ItemContent): ItemContent =>
  parentItemId === undefined ? content : { ...content, parentItemId }

/** The content and the files of a completed item: images in its result become files. */
const withImages = ({
  content,
  files
}: Extract<NativeEvent, { readonly _tag: "ItemCompleted" }>): {
  readonly content: ItemContent
  readonly files: ReadonlyArray<AgentFile>
} => {
  if (files !== undefined || content.result === undefined) return { content, files: files ?? [] }
  const shown = new Images.Shown()
  const result = shown.replace(content.result)
  return shown.files.length === 0 ? { content, files: [] } : { content: { ...content, result }, files: shown.files }
}

/** The failure of turns that run when the process exits, for any exit code (P5). */
const failureOf = (exit: ExitEvidence): Failure =>
  exit.failure ?? {
    kind: "process",
    message: `The agent's process ended during the turn: ${describe(exit)}.`,
    ...(exit.stderr === "" ? {} : { detail: exit.stderr })
  }
