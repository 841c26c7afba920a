/** What the settings of a thread may contain for an agent. */
import { type Changes, type PermissionMode, type SettingName, settingNames } from "./Settings.ts"

/** A command that sets another setting or mode is rejected (`Unsupported`). */
export interface Settable {
  readonly settings: ReadonlySet<SettingName>
  readonly permissionModes: ReadonlySet<PermissionMode>
  /** The permission mode of the provider instance. Absent: unknown. */
  readonly defaultMode?: PermissionMode
  /** Whether the server provides its built-in MCP server (`{builtin: true}`). */
  readonly builtin?: boolean
}

/** The value for an adapter that declares nothing. */
export const onlyModel: Settable = { settings: new Set(["model"]), permissionModes: new Set() }

/** The name of the built-in MCP server in `mcpServers`. */
export const builtinName = "millrace"

const list = (words: Iterable<string>): string => [...words].join(", ") || "none"

/** A message about the first setting that the provider cannot take. `undefined`: it takes all of them. */
export const unsupported = (
  provider: string,
  settings: Changes,
  { builtin: provides = false, permissionModes, settings: can }: Settable
): string | undefined => {
  const name = settingNames.find((one) => settings[one] !== undefined && settings[one] !== null && !can.has(one))
  if (name !== undefined) return `${provider} cannot set ${name}. It can set: ${list(can)}.`
  const mode = settings.permissionMode
  if (mode !== undefined && mode !== null && !permissionModes.has(mode))
    return `${provider} has no permission mode ${mode}. It has: ${list(permissionModes)}.`
  const builtin = Object.entries(settings.mcpServers ?? {}).find(
    ([server, has]) => "builtin" in has && (!provides || server !== builtinName)
  )
  if (builtin !== undefined && provides) return `The built-in MCP server is named ${builtinName}, not ${builtin[0]}.`
  return builtin === undefined ? undefined : `This server provides no MCP server ${builtin[0]}. Give a command or a url.`
}
