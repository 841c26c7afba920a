/**
 * Maps the messages of sub-agents (`parent_tool_use_id`) to items under the call that started the sub-agent, in the turn of that call.
 *
 * Measured: sub-agents stream no deltas. 2.1.332 runs them in the background: the call returns at once, and their messages can come after the
 * end of the turn. A sub-agent's own sub-agents report no messages (both versions), only the call and its result.
 */
import { BoundedMap } from "@millrace/contracts/BoundedMap"
import { maxTools } from "../Bounds.ts"
import type { NativeEvent } from "../NativeEvent.ts"
import * as Content from "./Content.ts"
import * as Items from "./Items.ts"
import type { Turn } from "./Turn.ts"
import type { Said } from "./Said.ts"

/** Maximum calls whose sub-agents are recognised. */
const maxCalls = 256

interface OpenCall {
  readonly tool: Items.Tool
  readonly nativeTurnId: string
  readonly parentId: string
}

export interface SubAgents {
  /** Records which of these calls start a sub-agent, and their turn. Call it with the blocks of each message of the agent or of a sub-agent. */
  readonly note: (
    nativeTurnId: string,
    blocks: ReadonlyArray<{ readonly type: string; readonly id?: string; readonly name?: string }>
  ) => void
  /** The turn of the call that started the sub-agent; `undefined`: no known call. */
  readonly turnOf: (parentId: string, current: Turn | undefined) => string | undefined
  /** The events of a sub-agent's message. `turn`: the turn of the call that started the sub-agent; `undefined` if that turn has ended. */
  readonly message: (
    nativeTurnId: string,
    turn: Turn | undefined,
    of: Extract<Said, { readonly _tag: "OfSubAgent" }>,
    declined: Set<string>
  ) => ReadonlyArray<NativeEvent>
  /** The open call with this id, if a sub-agent made it. */
  readonly open: (toolId: string) => OpenCall | undefined
  /** Whether the turn waits for this call. The agent or a sub-agent made the call. */
  readonly holds: (turn: Turn, toolId: string) => boolean
}

/** Tools that start a sub-agent. */
export const agentTools: ReadonlySet<string> = new Set(["Task", "Agent"])

export const make = (): SubAgents => {
  /** Key: the id of a call that starts a sub-agent. Value: the id of its turn. */
  const calls = new BoundedMap<string, string>(maxCalls)
  const tools = new BoundedMap<string, OpenCall>(maxTools)

  const note: SubAgents["note"] = (nativeTurnId, blocks) => {
    for (const { id, name, type } of blocks)
      if (type === "tool_use" && id !== undefined && agentTools.has(name ?? "")) calls.set(id, nativeTurnId)
  }
  const holds = (turn: Turn, toolId: string): boolean => {
    if (turn.tools.has(toolId)) return true
    const call = tools.get(toolId)
    return call?.nativeTurnId === turn.id && call.parentId !== toolId && holds(turn, call.parentId)
  }

  return {
    note,
    holds,
    open: (toolId) => tools.get(toolId),
    turnOf: (parentId, current) => calls.get(parentId) ?? (current?.tools.has(parentId) === true ? current.id : undefined),
    message: (nativeTurnId, turn, { parentId, said }, declined) => {
      const place = { nativeTurnId, nativeParentItemId: parentId }
      if (said._tag === "Running") {
        const { data, toolId } = said
        return [{ _tag: "Signal", nativeTurnId, nativeItemId: toolId, kind: "progress", data }]
      }
      if (said._tag === "Blocks") {
        note(nativeTurnId, said.blocks)
        return said.blocks.flatMap((block, n): ReadonlyArray<NativeEvent> => {
          if (block.type === "other") return [{ _tag: "Opaque", nativeTurnId, method: "assistant", payload: block.raw }]
          if (block.type !== "tool_use") return Content.said(place, block, `${said.uuid} ${n}`)
          tools.set(block.id, { tool: block, nativeTurnId, parentId })
          return turn === undefined ? [] : [Content.called(place, block)]
        })
      }
      return said.results.map((result): NativeEvent => {
        const call = tools.get(result.id)
        if (call === undefined) return { _tag: "Opaque", nativeTurnId, method: "tool_result", payload: result }
        tools.delete(result.id)
        const { changes, event } = Content.returned(place, call.tool, result, Content.detailOf(said), declined.delete(result.id))
        if (turn !== undefined) turn.diff = Items.joinedDiff(turn.diff, changes)
        return event
      })
    }
  }
}
