/**
 * The settings of the turns of one session. Codex takes them with each `turn/start`, and they hold for that turn and the next ones (measured with
 * 0.169), so a change needs no new session.
 */
import { defined } from "@millrace/contracts/Defined"
import type { OpenInput, ProviderError, ProviderSession } from "@millrace/contracts/ProviderAdapter"
import type { PermissionMode } from "@millrace/contracts/Settings"
import { Effect } from "effect"
import type { RpcChild } from "../process/RpcChild.ts"
import * as Conversation from "./Conversation.ts"
import * as Settings from "./Settings.ts"
import { ConfigAnswer } from "./Wire.ts"

type Changed = Parameters<NonNullable<ProviderSession["configure"]>>[0]

export interface LiveSettings {
  /** The parameters of the next `turn/start`. */
  readonly turn: () => object
  /** Changes the settings that `changed` names. The value `undefined` restores the default of the instance, or of Codex if the instance has none. */
  readonly configure: (changed: Changed) => Effect.Effect<void, ProviderError>
}

/** `turn/start` replaces the whole policy, so it repeats the part of Codex' own settings that concerns the workspace. */
const policyOf = (child: RpcChild, { cwd, settings = {} }: OpenInput, sandbox: Settings.Sandbox) =>
  sandbox === "workspace-write"
    ? Effect.flatMap(
        child.request("config/read", { cwd, includeLayers: false }),
        Conversation.answered("config/read", ConfigAnswer)
      ).pipe(Effect.map(({ config }) => Settings.workspacePolicy(settings.directories, config.sandbox_workspace_write ?? {})))
    : Effect.succeed(Settings.policy(sandbox))

export const make = (child: RpcChild, opened: OpenInput, begun: Conversation.Begun): LiveSettings => {
  let input = opened
  let turn: object = begun.turn
  let permissions: object = {}

  const permissionsOf = (next: OpenInput, mode: PermissionMode) =>
    Effect.map(policyOf(child, next, Settings.policies[mode].sandbox), (sandboxPolicy) => ({
      approvalPolicy: Settings.policies[mode].approvalPolicy,
      sandboxPolicy
    }))

  return {
    turn: () => turn,
    configure: (changed) =>
      Effect.gen(function* () {
        const { model: _, settings: before, ...rest } = input
        const model = "model" in changed ? changed.model : input.model
        const effort = "effort" in changed ? changed.effort : before?.effort
        const permissionMode = changed.permissionMode ?? before?.permissionMode
        const { effort: _effort, permissionMode: _mode, ...others } = before ?? {}
        const next: OpenInput = {
          ...rest,
          ...defined({ model }),
          settings: { ...others, ...defined({ effort, permissionMode }) }
        }
        const own = yield* Conversation.ownSettings(child, next)
        const now = changed.permissionMode === undefined ? permissions : yield* permissionsOf(next, changed.permissionMode)
        input = next
        permissions = now
        turn = { ...Settings.turnParams({ ...own, resumeKey: begun.nativeThreadId }, begun.model), ...now }
      })
  }
}
