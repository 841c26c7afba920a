/** The settings of a thread in Codex's own words. Pure. */
import type { OpenInput } from "@millrace/contracts/ProviderAdapter"
import type { Settable } from "@millrace/contracts/Settable"
import type { PermissionMode, Settings } from "@millrace/contracts/Settings"
import type { OfferedModel } from "@millrace/contracts/State"
import * as McpServers from "../McpServers.ts"
import type { CodexOptions } from "./Process.ts"
import type { ConfigAnswer, ModelsAnswer } from "./Wire.ts"

type Policy = Required<Pick<CodexOptions, "approvalPolicy" | "sandbox">>
export type Sandbox = Policy["sandbox"]
type Workspace = NonNullable<(typeof ConfigAnswer.Type)["config"]["sandbox_workspace_write"]>

/** Under `on-request` Codex runs commands inside the sandbox without asking. So `accept-edits` lets commands run inside the workspace without asking. */
export const policies: Readonly<Record<PermissionMode, Policy>> = {
  plan: { approvalPolicy: "on-request", sandbox: "read-only" },
  "read-only": { approvalPolicy: "never", sandbox: "read-only" },
  ask: { approvalPolicy: "untrusted", sandbox: "workspace-write" },
  "accept-edits": { approvalPolicy: "on-request", sandbox: "workspace-write" },
  "full-access": { approvalPolicy: "never", sandbox: "danger-full-access" }
}

export const settable: Settable = {
  settings: new Set(["model", "effort", "permissionMode", "directories", "mcpServers", "instructions"]),
  permissionModes: new Set<PermissionMode>(["plan", "read-only", "ask", "accept-edits", "full-access"])
}

/** The settings of an instance with these options. */
export const defaults = ({ approvalPolicy, sandbox }: CodexOptions): Settings => {
  if (sandbox === "danger-full-access" && approvalPolicy === "never") return { permissionMode: "full-access" }
  if (sandbox === "read-only" && approvalPolicy === "never") return { permissionMode: "read-only" }
  if (sandbox === "workspace-write" && approvalPolicy !== "never" && approvalPolicy !== undefined)
    return { permissionMode: approvalPolicy === "untrusted" ? "ask" : "accept-edits" }
  return {}
}

/** A model of `model/list`. */
export const offered = ({
  displayName,
  model,
  supportedReasoningEfforts
}: (typeof ModelsAnswer.Type)["data"][number]): OfferedModel => ({
  id: model,
  name: displayName ?? model,
  ...(supportedReasoningEfforts == null
    ? {}
    : { efforts: supportedReasoningEfforts.map(({ reasoningEffort }) => reasoningEffort) })
})

/** The parameters of `thread/start`, `thread/resume` and `thread/fork`. */
export const threadParams = ({ cwd, model, settings = {} }: OpenInput, options: CodexOptions) => {
  const { directories, effort, instructions, permissionMode } = settings
  const { approvalPolicy, sandbox } = permissionMode === undefined ? options : policies[permissionMode]
  const servers = McpServers.of(settings)
  const config = {
    ...(servers.length === 0 ? {} : { mcp_servers: McpServers.codex(servers) }),
    ...(effort === undefined ? {} : { model_reasoning_effort: effort }),
    ...(directories === undefined || directories.length === 0 ? {} : { sandbox_workspace_write: { writable_roots: directories } })
  }
  return {
    cwd,
    model,
    approvalPolicy,
    sandbox,
    developerInstructions: instructions,
    ...(Object.keys(config).length === 0 ? {} : { config })
  }
}

/** The value of `sandboxPolicy` in `turn/start`. */
export const policy = (sandbox: Exclude<Sandbox, "workspace-write">) =>
  sandbox === "read-only" ? { type: "readOnly", networkAccess: false } : { type: "dangerFullAccess" }

/** `own`: the workspace section of Codex's own configuration. The thread's directories replace its `writable_roots`, as in `thread/start`. */
export const workspacePolicy = (directories: ReadonlyArray<string> | undefined, own: Workspace) => ({
  type: "workspaceWrite",
  writableRoots: directories === undefined || directories.length === 0 ? (own.writable_roots ?? []) : directories,
  networkAccess: own.network_access ?? false,
  excludeTmpdirEnvVar: own.exclude_tmpdir_env_var ?? false,
  excludeSlashTmp: own.exclude_slash_tmp ?? false
})

/** The parameters of `turn/start` for the settings. `openedModel`: the model with which Codex opened the thread. */
export const turnParams = ({ model, resumeKey, settings = {} }: OpenInput, openedModel: string | null | undefined) => {
  const { effort, permissionMode } = settings
  const named = model ?? openedModel
  return {
    ...(model === undefined ? {} : { model }),
    ...(effort === undefined ? {} : { effort }),
    // A resumed conversation may still be in plan mode, so its first turn always names the mode.
    ...(named == null || (permissionMode === undefined && resumeKey === undefined)
      ? {}
      : {
          collaborationMode: {
            mode: permissionMode === "plan" ? "plan" : "default",
            settings: { model: named, reasoning_effort: effort ?? null, developer_instructions: null }
          }
        })
  }
}
