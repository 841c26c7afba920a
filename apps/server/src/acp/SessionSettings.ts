/** Modes and models of a session: the permission modes and the models that the thread's agent offers. */
import type { SessionConfigOption, SessionModeState } from "@agentclientprotocol/sdk"
import { type PermissionMode, permissionModes } from "@millrace/contracts/Settings"
import type { ProviderStatus, ThreadView } from "@millrace/contracts/State"

/** The id of the one option, and its value for the agent's own choice. */
export const modelOption = "model"
export const agentsChoice = "default"

const names: Readonly<Record<PermissionMode, string>> = {
  plan: "Plan",
  "read-only": "Read only",
  ask: "Ask",
  "accept-edits": "Accept edits",
  "full-access": "Full access"
}

export const isMode = (id: string): id is PermissionMode => (permissionModes as ReadonlyArray<string>).includes(id)

const modesOf = (thread: ThreadView, provider: ProviderStatus | undefined): SessionModeState | undefined => {
  const modes = provider?.permissionModes ?? []
  if (modes.length === 0) return undefined
  return {
    currentModeId: thread.effective?.permissionMode ?? thread.permissionMode ?? "ask",
    availableModes: modes.map((id) => ({ id, name: names[id] }))
  }
}

/** The model as a choice. Empty when the agent lists no models. */
export const optionsOf = (thread: ThreadView, provider: ProviderStatus | undefined): Array<SessionConfigOption> => {
  const models = new Map([[agentsChoice, "Default"], ...(provider?.models ?? []).map(({ id, name }) => [id, name] as const)])
  if (models.size === 1) return []
  const currentValue = thread.model ?? agentsChoice
  if (!models.has(currentValue)) models.set(currentValue, currentValue)
  return [
    {
      type: "select",
      id: modelOption,
      name: "Model",
      category: "model",
      currentValue,
      options: [...models].map(([value, name]) => ({ value, name }))
    }
  ]
}

export const of = (thread: ThreadView, provider: ProviderStatus | undefined) => {
  const modes = modesOf(thread, provider)
  const configOptions = optionsOf(thread, provider)
  return { ...(modes !== undefined && { modes }), ...(configOptions.length > 0 && { configOptions }) }
}
