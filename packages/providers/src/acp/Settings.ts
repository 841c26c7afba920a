/** The settings of a thread in the words of an ACP agent, which names its modes itself. */
import type { SetSessionConfigOptionRequest } from "@agentclientprotocol/sdk"
import type { AgentReport } from "@millrace/contracts/AgentReport"
import { type OpenInput, ProviderError } from "@millrace/contracts/ProviderAdapter"
import type { Settable } from "@millrace/contracts/Settable"
import { defined } from "@millrace/contracts/Defined"
import { type PermissionMode, permissionModes, type SettingName } from "@millrace/contracts/Settings"
import { maxOffered, type Offered as Reported } from "@millrace/contracts/State"
import { Effect } from "effect"
import { stringAt } from "../Fields.ts"
import type { RpcChild } from "../process/RpcChild.ts"
import type { NativeEvent } from "../NativeEvent.ts"
import type { Settings as Offered } from "./Wire.ts"

/** The ids that agents use for a mode. The protocol names no modes; an agent without one of these ids does not have the mode. */
const ids: Readonly<Partial<Record<PermissionMode, ReadonlyArray<string>>>> = {
  plan: ["plan"],
  "read-only": ["read-only"],
  ask: ["ask", "default"],
  "accept-edits": ["acceptEdits", "accept-edits", "auto_edit", "autoEdit"],
  "full-access": ["bypassPermissions", "full-access", "yolo"]
}

export const settable: Settable = {
  settings: new Set(["model", "effort", "permissionMode", "mcpServers"]),
  permissionModes: new Set<PermissionMode>(["plan", "read-only", "ask", "accept-edits", "full-access"])
}

/** The agent has no such setting or value. The session then does not open, because otherwise it would ignore a setting. */
export const refused = (provider: string, message: string) =>
  new ProviderError({ provider, operation: "open", outcome: "failed", failure: { kind: "refused", message } })

/** The choices that a session offers: models with their efforts, and those of its modes that are permission modes. */
export const offeredBy = (offered: Offered): Reported => {
  const efforts = option(offered, "thought_level", "effort", "reasoning_effort")?.options?.flatMap(({ value }) => value ?? [])
  const models = option(offered, "model")
    ?.options?.slice(0, maxOffered)
    .flatMap(({ name, value }) => (value == null ? [] : [{ id: value, name: name ?? value, ...defined({ efforts }) }]))
  const modes = new Set(modesOf(offered))
  return {
    ...defined({ models }),
    permissionModes: permissionModes.filter((mode) => ids[mode]?.some((id) => modes.has(id)))
  }
}

const valueOf = (offered: Offered, ...names: ReadonlyArray<string>): string | undefined => {
  const current = option(offered, ...names)?.currentValue
  return typeof current === "string" ? current : undefined
}
/** The model of the session; `undefined`: the agent offers no choice, or does not report its value. */
export const modelOf = (offered: Offered) => valueOf(offered, "model") ?? stringAt(offered.models, "currentModelId")
/** The effort of the session; `undefined`: the agent offers no choice, or does not report its value. */
export const effortOf = (offered: Offered) => valueOf(offered, "thought_level", "effort", "reasoning_effort")

/** The settings that the choices of a session allow. */
export const settableBy = (offered: Offered): Settable => ({
  settings: new Set<SettingName>([
    ...(option(offered, "model") === undefined && offered.models == null ? [] : (["model"] as const)),
    ...(option(offered, "thought_level", "effort", "reasoning_effort") === undefined ? [] : (["effort"] as const)),
    "permissionMode",
    "mcpServers"
  ]),
  permissionModes: new Set(offeredBy(offered).permissionModes)
})

/** The model and the mode that the agent reports. A field is absent if the agent does not report it. */
export const reportOf = (offered: Offered): AgentReport => {
  return defined({ model: modelOf(offered), mode: valueOf(offered, "mode") ?? offered.modes?.currentModeId ?? undefined })
}

/** The ids of the agent's own modes. */
const modesOf = (offered: Offered): ReadonlyArray<string> =>
  option(offered, "mode")?.options?.flatMap(({ value }) => value ?? []) ?? offered.modes?.availableModes.map(({ id }) => id) ?? []

/** Applies the thread's settings. Returns a notice if the agent offers no choice of a model and keeps its own. */
export const apply = (
  provider: string,
  child: RpcChild,
  sessionId: string,
  offered: Offered,
  { model, settings = {} }: OpenInput
): Effect.Effect<ReadonlyArray<NativeEvent>, ProviderError> =>
  Effect.gen(function* () {
    const { effort, permissionMode } = settings
    if (permissionMode !== undefined) yield* setMode(provider, child, sessionId, offered, permissionMode)
    const unset = model === undefined ? [] : yield* setModel(child, sessionId, offered, model)
    if (effort !== undefined) yield* setEffort(provider, child, sessionId, offered, effort)
    return unset
  })

const option = (offered: Offered, ...names: ReadonlyArray<string>) =>
  offered.configOptions?.find(({ category, id }) => names.includes(category ?? "") || names.includes(id))

const choose = (child: RpcChild, sessionId: string, configId: string, value: string) =>
  child.request("session/set_config_option", { sessionId, configId, value } satisfies SetSessionConfigOptionRequest)

/** Sets the mode by a config option, or by the older `session/set_mode`. */
export const setMode = (provider: string, child: RpcChild, sessionId: string, offered: Offered, mode: PermissionMode) => {
  const known = ids[mode] ?? []
  const config = option(offered, "mode")
  const names = modesOf(offered)
  const id = names.find((name) => known.includes(name))
  if (id === undefined)
    return Effect.fail(refused(provider, `${provider} has no permission mode ${mode}. Its modes: ${names.join(", ") || "none"}.`))
  return config === undefined
    ? child.request("session/set_mode", { sessionId, modeId: id })
    : choose(child, sessionId, config.id, id)
}

export const setEffort = (provider: string, child: RpcChild, sessionId: string, offered: Offered, effort: string) => {
  const config = option(offered, "thought_level", "effort", "reasoning_effort")
  return config === undefined
    ? Effect.fail(refused(provider, `${provider} does not let clients choose the effort.`))
    : choose(child, sessionId, config.id, effort)
}

/** Sets the model by a config option, or by the older `session/set_model`. */
export const setModel = (child: RpcChild, sessionId: string, offered: Offered, model: string) => {
  const config = option(offered, "model")
  if (config !== undefined) return Effect.as(choose(child, sessionId, config.id, model), [])
  if (offered.models != null) return Effect.as(child.request("session/set_model", { sessionId, modelId: model }), [])
  return Effect.succeed([
    {
      _tag: "Opaque" as const,
      method: "millrace/model-not-set",
      payload: { model, message: "The agent does not let clients choose its model; it uses its own." }
    }
  ])
}
