/** Changes the model, the effort and the permission mode of a running session, where the agent offers a choice. */
import type { Capability, ProviderError, ProviderSession } from "@millrace/contracts/ProviderAdapter"
import { Effect, Option } from "effect"
import type { RpcChild } from "../process/RpcChild.ts"
import * as Settings from "./Settings.ts"
import { decodeChosen, type Settings as Offered } from "./Wire.ts"

type Changed = Parameters<NonNullable<ProviderSession["configure"]>>[0]

export interface LiveSettings {
  /** The choices as the agent last reported them. */
  readonly offered: () => Offered
  /** The settings that `configure` can change. */
  readonly capabilities: ReadonlyArray<Capability>
  /** `undefined` restores the value with which the agent opened the session. */
  readonly configure: (changed: Changed) => Effect.Effect<void, ProviderError>
}

/** `opened`: the choices when the session opened, before anything was set. */
export const make = (provider: string, child: RpcChild, sessionId: string, opened: Offered): LiveSettings => {
  let offered = opened
  const model = Settings.modelOf(opened)
  const effort = Settings.effortOf(opened)
  /** The answer to a change may list all choices again, because another model can have other efforts. */
  const learn = (answer: unknown) => {
    const chosen = Option.getOrUndefined(decodeChosen(answer))
    if (chosen?.configOptions != null) offered = { ...offered, configOptions: chosen.configOptions }
  }
  const set = (request: Effect.Effect<unknown, ProviderError>) => Effect.map(request, learn)
  return {
    offered: () => offered,
    capabilities: [
      ...(model === undefined ? [] : (["set-model"] as const)),
      ...(effort === undefined ? [] : (["set-effort"] as const)),
      ...(Settings.offeredBy(opened).permissionModes?.length ? (["set-permission-mode"] as const) : [])
    ],
    configure: (changed) =>
      Effect.gen(function* () {
        const wanted = {
          model: "model" in changed ? (changed.model ?? model) : undefined,
          effort: "effort" in changed ? (changed.effort ?? effort) : undefined
        }
        if (changed.permissionMode !== undefined)
          yield* set(Settings.setMode(provider, child, sessionId, offered, changed.permissionMode))
        if (wanted.model !== undefined) yield* set(Settings.setModel(child, sessionId, offered, wanted.model))
        if (wanted.effort !== undefined) yield* set(Settings.setEffort(provider, child, sessionId, offered, wanted.effort))
      })
  }
}
