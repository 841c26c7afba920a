/** Adds to the status of a provider instance what can be set for its threads, which its adapter declares. */
import type { ProviderAdapter } from "@millrace/contracts/ProviderAdapter"
import { onlyModel } from "@millrace/contracts/Settable"
import { effective, permissionModes } from "@millrace/contracts/Settings"
import type { ProviderStatus } from "@millrace/contracts/State"
import { Effect } from "effect"

export const status = ({ defaults = {}, probe, settable = onlyModel }: ProviderAdapter): Effect.Effect<ProviderStatus> =>
  Effect.map(probe, (found) => ({
    ...found,
    settings: [...settable.settings],
    permissionModes: found.permissionModes ?? permissionModes.filter((mode) => settable.permissionModes.has(mode)),
    defaults: effective({}, defaults)
  }))
