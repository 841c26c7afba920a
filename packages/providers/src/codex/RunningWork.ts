/** Running commands and open requests of Codex, tracked from its events. */
import type { Answer } from "@millrace/contracts/Item"
import { BoundedMap } from "@millrace/contracts/BoundedMap"
import type { NativeEvent } from "../NativeEvent.ts"
import type { RpcId } from "../process/RpcChild.ts"

export interface Waiting {
  readonly id: RpcId
  readonly result: (answer: Answer) => unknown
  /** Sent by another thread of the same process. */
  readonly foreign: boolean
}

export interface RunningWork {
  readonly note: (events: ReadonlyArray<NativeEvent>) => void
  readonly wait: (nativeRequestId: string, request: Waiting) => void
  readonly isWaiting: (nativeRequestId: string) => boolean
  /** Removes and returns a request. The caller that receives it must answer it, so it is answered once (P6). */
  readonly take: (nativeRequestId: string) => Waiting | undefined
  /** Removes and returns the foreign requests, which Codex does not withdraw when our turn ends. */
  readonly takeForeign: () => ReadonlyArray<Waiting>
  /** Running native command items of that turn, also after it has ended. Of the whole session the newest 256 are tracked. */
  readonly commandsOf: (nativeTurnId: string) => ReadonlySet<string>
}

/** Maximum tracked commands over all turns: Codex does not report the end of each one (R7). */
const maxCommands = 256

export const make = (): RunningWork => {
  const commands = new BoundedMap<string, { readonly turn: string; readonly item: string }>(maxCommands)
  const keyOf = (turn: string, item: string) => `${turn} ${item}`
  const requests = new Map<string, Waiting>()

  const note = (event: NativeEvent): void => {
    switch (event._tag) {
      case "ItemStarted": {
        if (event.kind !== "command") return
        const { nativeItemId: item, nativeTurnId: turn } = event
        commands.set(keyOf(turn, item), { turn, item })
        return
      }
      case "ItemCompleted": {
        commands.delete(keyOf(event.nativeTurnId, event.nativeItemId))
        return
      }
      case "RequestResolved":
        requests.delete(event.nativeRequestId)
        return
      default:
    }
  }
  const take = (nativeRequestId: string) => {
    const request = requests.get(nativeRequestId)
    requests.delete(nativeRequestId)
    return request
  }
  return {
    note: (events) => {
      for (const event of events) note(event)
    },
    wait: (nativeRequestId, request) => void requests.set(nativeRequestId, request),
    isWaiting: (nativeRequestId) => requests.has(nativeRequestId),
    take,
    takeForeign: () => [...requests].flatMap(([key, { foreign }]) => (foreign ? (take(key) ?? []) : [])),
    commandsOf: (nativeTurnId) =>
      new Set([...commands.values()].flatMap(({ item, turn }) => (turn === nativeTurnId ? [item] : [])))
  }
}
