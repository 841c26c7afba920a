/** What is under way at Codex beside its turns, as its own words tell: commands that run, requests that wait for a person. */
import type { Answer } from "@millrace/contracts/Item"
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
  /** Native command items of that turn that run; some outlive it. */
  readonly commandsOf: (nativeTurnId: string) => ReadonlySet<string>
}

export const make = (): Live => {
  const commands = new Map<string, Set<string>>()
  const requests = new Map<string, Waiting>()

  const note = (event: NativeEvent): void => {
    switch (event._tag) {
      case "ItemStarted": {
        if (event.kind !== "command") return
        const items = commands.get(event.nativeTurnId) ?? new Set()
        commands.set(event.nativeTurnId, items.add(event.nativeItemId))
        return
      }
      case "ItemCompleted": {
        const items = commands.get(event.nativeTurnId)
        if (items?.delete(event.nativeItemId) && items.size === 0) commands.delete(event.nativeTurnId)
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
    commandsOf: (nativeTurnId) => commands.get(nativeTurnId) ?? new Set()
  }
}
