/** Values of settings, and functions of these values. In a file apart from `Settings.ts`, so that a client that does not decode settings does not contain their schemas. */
import { defined } from "./Defined.ts"
import type { Effective, McpServers, PermissionMode } from "./Settings.ts"

/** The permission modes, the strictest first. */
export const permissionModes = ["plan", "read-only", "ask", "accept-edits", "full-access"] as const

/** A thread's settings. For an absent setting the value of the provider instance applies. */
export interface Settings {
  readonly model?: string
  readonly effort?: string
  readonly permissionMode?: PermissionMode
  /** Absolute paths, in addition to the project's directory. */
  readonly directories?: ReadonlyArray<string>
  readonly mcpServers?: McpServers
  /** Added to the agent's own instructions. */
  readonly instructions?: string
}

export type SettingName = keyof Settings

/** An absent setting may also be `undefined`. */
export type SomeSettings = { readonly [K in SettingName]?: Settings[K] | undefined }
/** Changed settings. `null`: use the value of the provider instance. */
export type Changes = { readonly [K in SettingName]?: Settings[K] | null | undefined }

/** The settings that are set. */
export const settingsOf = ({ directories, effort, instructions, mcpServers, model, permissionMode }: SomeSettings): Settings =>
  defined({ model, effort, permissionMode, directories, mcpServers, instructions })

/** What holds for a thread with these settings on a provider instance with these defaults. */
export const effective = (settings: SomeSettings, defaults: SomeSettings = {}): Effective =>
  defined({
    model: settings.model ?? defaults.model,
    effort: settings.effort ?? defaults.effort,
    permissionMode: settings.permissionMode ?? defaults.permissionMode
  })

export const settingNames = ["model", "effort", "permissionMode", "directories", "mcpServers", "instructions"] as const

/** The names of the settings that differ. */
export const differing = (a: SomeSettings, b: SomeSettings): ReadonlyArray<SettingName> =>
  a === b ? [] : settingNames.filter((name) => a[name] !== b[name] && JSON.stringify(a[name]) !== JSON.stringify(b[name]))
