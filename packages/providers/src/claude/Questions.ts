/** Maps Claude's control requests (`can_use_tool`) to requests to a person. */
import type { Answer } from "@millrace/contracts/Item"
import { BoundedMap } from "@millrace/contracts/BoundedMap"
import type { NativeEvent } from "../NativeEvent.ts"
import type { RpcId } from "../process/RpcChild.ts"
import { pending, type Permission, tooMany } from "./PendingRequest.ts"
import { agentTools, type SubAgents } from "./SubAgents.ts"
import * as Turns from "./Turn.ts"
import type { TurnOwnership } from "./TurnOwnership.ts"
import { decodeAsk } from "./Wire.ts"

/** A control request: its events, and how to encode the answer. Without `answer` it must be refused at once (P6). */
export interface MappedRequest {
  readonly nativeRequestId: string
  readonly events: ReadonlyArray<NativeEvent>
  readonly answer?: (answer: Answer) => Permission
  /** The answer to a request that is refused without asking a person, because too many are open. */
  readonly refusal?: Permission
  readonly nativeTurnId?: string
  /** The request comes from a sub-agent. Claude does not withdraw it when a turn ends. */
  readonly bySubagent?: boolean
}

export interface Questions {
  readonly request: (id: RpcId, method: string, params: unknown) => MappedRequest
  /** The end of a turn that exists only for the request of a background sub-agent; empty for every other turn. */
  readonly settled: (nativeTurnId: string, outcome: "completed" | "interrupted") => ReadonlyArray<NativeEvent>
  readonly withdrawn: (requestId: string) => ReadonlyArray<NativeEvent>
  /** A task of a tool has begun; the id of a sub-agent is that of its task. */
  readonly taskStarted: (taskId: string, toolId: string) => void
}

/** Maximum tasks whose tool is tracked. */
const maxTasks = 256
/** Maximum number of waiting requests of background sub-agents. A further request is rejected. */
const maxAsides = 256

export const make = (of: {
  readonly whose: TurnOwnership
  readonly agents: SubAgents
  /** Ids of calls that a person declined. */
  readonly declined: Set<string>
  /** `TurnOwnership.running`, with the texts that were held back. */
  readonly running: (out: Array<NativeEvent>) => Turns.Turn
  readonly opaque: (method: string, payload: unknown) => NativeEvent
}): Questions => {
  const { agents, declined, opaque, running, whose } = of
  /** Tool id by task id, for tools that run as a task. */
  const tasks = new BoundedMap<string, string>(maxTasks)
  /** Turn ids of requests of background sub-agents, by request id. */
  const asides = new Map<string, string>()

  /** Whether a sub-agent runs in the background: no turn runs, or the tool that started it has returned its result. If that tool is unknown: the current turn has no open tool of a sub-agent. */
  const inBackground = (agent: string): boolean => {
    const turn = whose.current()
    if (turn === undefined) return true
    const toolId = tasks.get(agent)
    return toolId === undefined ? ![...turn.tools.values()].some(({ name }) => agentTools.has(name)) : !agents.holds(turn, toolId)
  }
  const settled: Questions["settled"] = (nativeTurnId, outcome) => {
    const [requestId] = [...asides].find(([, turnId]) => turnId === nativeTurnId) ?? []
    if (requestId === undefined) return []
    asides.delete(requestId)
    return [{ _tag: "TurnEnded", nativeTurnId, outcome }]
  }

  return {
    settled,
    taskStarted: (taskId, toolId) => void tasks.set(taskId, toolId),
    withdrawn: (nativeRequestId) => {
      const aside = asides.get(nativeRequestId)
      return [
        { _tag: "RequestResolved", nativeRequestId, reason: "Claude withdrew the question." },
        ...(aside === undefined ? [] : settled(aside, "completed"))
      ]
    },
    request: (id, method, params) => {
      const nativeRequestId = String(id)
      const request = decodeAsk(method, params)
      if (request === undefined) return { nativeRequestId, events: [opaque(method, params)] }
      const events: Array<NativeEvent> = []
      const agent = request.agent_id ?? undefined
      const aside = agent !== undefined && inBackground(agent)
      if (aside && asides.size >= maxAsides) return { nativeRequestId, events: [opaque(method, params)], refusal: tooMany }
      // A background sub-agent outlives the turn that started it, so its request gets a separate turn (T13).
      const turn = aside ? Turns.make(`agent ${agent} ${nativeRequestId}`, true) : running(events)
      if (aside) {
        asides.set(nativeRequestId, turn.id)
        events.push({ _tag: "TurnStarted", nativeTurnId: turn.id })
      }
      // The item of a background sub-agent's tool is in another turn: then the request is opened without its item.
      const toolId = request.tool_use_id ?? undefined
      const nested = toolId === undefined ? undefined : agents.open(toolId)
      const tool = toolId === undefined ? undefined : (turn.tools.get(toolId) ?? nested?.tool)
      const shown = tool !== undefined && (nested === undefined || nested.nativeTurnId === turn.id)
      const { ask, result } = pending(request, shown ? toolId : undefined, tool?.input)
      events.push({ _tag: "RequestOpened", nativeTurnId: turn.id, nativeRequestId, ask })
      return {
        nativeRequestId,
        events,
        nativeTurnId: turn.id,
        bySubagent: agent !== undefined,
        answer: (answer) => {
          const permission = result(answer)
          if (permission.behavior === "deny" && toolId !== undefined) declined.add(toolId)
          return permission
        }
      }
    }
  }
}
