/**
 * Changes settings of a running session by control requests. Measured with 2.1.197 and 2.1.332: they hold from the next request to the model on. A
 * session that was not started with full access cannot get it.
 */
import type { ProviderError, ProviderSession } from "@millrace/contracts/ProviderAdapter"
import { Effect } from "effect"
import { isRecord, stringAt } from "../Fields.ts"
import type { RpcChild } from "../process/RpcChild.ts"
import * as Process from "./Process.ts"

type Changed = Parameters<NonNullable<ProviderSession["configure"]>>[0]

/** What holds without a setting of the thread: the instance, the environment, then the settings files, as at a start. */
const defaultsOf = (child: RpcChild, options: Process.ClaudeOptions) =>
  Effect.map(child.request("get_settings", {}), (answer) => {
    const settings = isRecord(answer) ? answer["effective"] : undefined
    const permissions = isRecord(settings) ? settings["permissions"] : undefined
    return {
      model: Process.environment(options, process.env)["ANTHROPIC_MODEL"] ?? stringAt(settings, "model") ?? "default",
      mode: options.permissionMode ?? stringAt(permissions, "defaultMode") ?? "default"
    }
  })

/** Sets what `changed` names; `undefined` is the default. */
export const configure = (
  child: RpcChild,
  options: Process.ClaudeOptions,
  changed: Changed
): Effect.Effect<void, ProviderError> =>
  Effect.gen(function* () {
    const unset =
      ("model" in changed && changed.model === undefined) || ("permissionMode" in changed && changed.permissionMode === undefined)
    const defaults = unset ? yield* defaultsOf(child, options) : undefined
    if ("model" in changed) yield* child.request("set_model", { model: changed.model ?? defaults?.model })
    if ("effort" in changed) yield* child.request("apply_flag_settings", { settings: { effortLevel: changed.effort ?? null } })
    if ("permissionMode" in changed) {
      const mode = changed.permissionMode === undefined ? defaults?.mode : Process.modeOf(changed.permissionMode)
      yield* child.request("set_permission_mode", { mode })
    }
  })
