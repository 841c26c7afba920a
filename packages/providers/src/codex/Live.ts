/** What is under way at Codex beside its turns, as its own words tell: commands that run, requests that wait for a person. */
import type { Answer } from "@millrace/contracts/Item"
import * as Bounded from "../Bounded.ts"
import type { NativeEvent } from "../NativeEvent.ts"
import type { RpcId } from "../process/RpcChild.ts"

export interface Waiting {
  readonly id: RpcId
  readonly result: (answer: Answer) => unknown
  /** Asked by another thread of the process. */
  readonly foreign: boolean
}

export interface Live {
  readonly note: (events: ReadonlyArray<NativeEvent>) => void
  readonly wait: (nativeRequestId: string, request: Waiting) => void
  /** Takes it away: who gets it answers it, and nobody else does (P6). */
  readonly take: (nativeRequestId: string) => Waiting | undefined
  /** Takes away those that Codex does not withdraw when our turn ends. */
  readonly takeForeign: () => ReadonlyArray<Waiting>
  /** Native command items of that turn that run; some outlive it. Of the whole session the newest 256. */
  readonly commandsOf: (nativeTurnId: string) => ReadonlySet<string>
}

/** Commands that run, over all turns: Codex does not end each one in words (R7). */
const maxCommands = 256

export const make = (): Live => {
  const commands = new Map<string, { readonly turn: string; readonly item: string }>()
  const keyOf = (turn: string, item: string) => `${turn} ${item}`
  const requests = new Map<string, Waiting>()

  const note = (event: NativeEvent): void => {
    switch (event._tag) {
      case "ItemStarted": {
        if (event.kind !== "command") return
        const { nativeItemId: item, nativeTurnId: turn } = event
        commands.set(keyOf(turn, item), { turn, item })
        Bounded.trim(commands, maxCommands)
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
    take,
    takeForeign: () => [...requests].flatMap(([key, { foreign }]) => (foreign ? (take(key) ?? []) : [])),
    commandsOf: (nativeTurnId) =>
      new Set([...commands.values()].flatMap(({ item, turn }) => (turn === nativeTurnId ? [item] : [])))
  }
}
