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

/** The model without a setting of the thread: the environment of the agent, then the settings files, as at a start. */
const defaultModel = (child: RpcChild, options: Process.ClaudeOptions) =>
  Effect.map(child.request("get_settings", {}), (answer) => {
    const settings = isRecord(answer) ? answer["effective"] : undefined
    return Process.environment(options, process.env)["ANTHROPIC_MODEL"] ?? stringAt(settings, "model") ?? "default"
  })

/** Sets what `changed` names; `undefined` is the default. `options.env`: with the variables of the project. */
export const configure = (
  child: RpcChild,
  options: Process.ClaudeOptions,
  changed: Changed
): Effect.Effect<void, ProviderError> =>
  Effect.gen(function* () {
    if ("model" in changed) yield* child.request("set_model", { model: changed.model ?? (yield* defaultModel(child, options)) })
    if ("effort" in changed) yield* child.request("apply_flag_settings", { settings: { effortLevel: changed.effort ?? null } })
    if (changed.permissionMode !== undefined)
      yield* child.request("set_permission_mode", { mode: Process.modeOf(changed.permissionMode) })
  })
