/** The settings that a running session has, and the change that it needs before a turn. Pure. */
import type { ProviderSession } from "@millrace/contracts/ProviderAdapter"
import { differing, type SettingName, type Settings } from "@millrace/contracts/Settings"

type Changed = Parameters<NonNullable<ProviderSession["configure"]>>[0]

export class SessionSettings {
  #applied: Settings = {}
  /** Settings whose change failed: the agent may have either value. */
  readonly #uncertain = new Set<SettingName>()

  /** The session was opened with these settings. */
  opened(settings: Settings): void {
    this.#applied = settings
  }

  /** The settings to pass to `configure`. `undefined`: the session has them already. */
  changed(wanted: Settings): Changed | undefined {
    const names = new Set([...differing(this.#applied, wanted), ...this.#uncertain])
    if (names.size === 0) return undefined
    return Object.fromEntries([...names].map((name) => [name, wanted[name]]))
  }

  succeeded(wanted: Settings): void {
    this.#applied = wanted
    this.#uncertain.clear()
  }

  failed(wanted: Settings): void {
    for (const name of differing(this.#applied, wanted)) this.#uncertain.add(name)
  }
}
