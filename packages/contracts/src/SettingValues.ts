/** Values of settings, and functions of them. Separate from `Settings.ts`, so that a client that does not decode them does not contain their schemas. */
import { defined } from "./Defined.ts"
import type { Effective, McpServers, PermissionMode } from "./Settings.ts"

/** In the order of what the agent may do without a person, least first. */
export const permissionModes = ["plan", "read-only", "ask", "accept-edits", "full-access"] as const

/** A thread's settings; an absent one is as the provider instance is set. */
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
/** Changed settings. `null`: as the provider instance is set. */
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
