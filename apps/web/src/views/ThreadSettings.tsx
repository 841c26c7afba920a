/** The settings of a thread next to its prompt: model, effort and permission mode. A change holds from the next turn on. */
import type { PermissionMode } from "@millrace/contracts/Settings"
import { effective, permissionModes } from "@millrace/contracts/SettingValues"
import type { ThreadView } from "@millrace/contracts/State"
import { useState } from "react"
import { link } from "../store/Store.ts"
import { useStore } from "../store/useStore.ts"
import { useAction } from "../ui/Action.tsx"

export const modeWords: Readonly<Record<PermissionMode, string>> = {
  plan: "Plan only",
  "read-only": "Read only",
  ask: "Ask first",
  "accept-edits": "Accept edits",
  "full-access": "Full access"
}

/** A setting with a list of known values, where any other value can be typed. It is sent when the field is left. */
const Named = (props: {
  readonly label: string
  readonly value: string | undefined
  readonly placeholder: string
  readonly known: ReadonlyArray<{ readonly id: string; readonly name: string }>
  readonly busy: boolean
  readonly onSet: (value: string | null) => void
}) => {
  const [draft, setDraft] = useState<string>()
  const list = `known-${props.label}`
  const commit = () => {
    if (draft !== undefined && draft.trim() !== (props.value ?? "")) props.onSet(draft.trim() === "" ? null : draft.trim())
    setDraft(undefined)
  }
  return (
    <label>
      {props.label}
      <input
        list={list}
        value={draft ?? props.value ?? ""}
        placeholder={props.placeholder}
        disabled={props.busy}
        onChange={(event) => setDraft(event.target.value)}
        onBlur={commit}
        onKeyDown={(event) => {
          if (event.key === "Enter") commit()
          if (event.key === "Escape") setDraft(undefined)
        }}
      />
      <datalist id={list}>
        {props.known.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </datalist>
    </label>
  )
}

export const ThreadSettings = ({ thread }: { readonly thread: ThreadView }) => {
  const status = useStore((state) => state.providers?.find(({ provider }) => provider === thread.provider))
  const action = useAction()
  const { threadId } = thread
  const can = (name: string) => status?.settings?.includes(name) === true
  const modes = permissionModes.filter((mode) => status?.permissionModes?.includes(mode) === true)
  const holds = effective({}, status?.defaults)
  const efforts = status?.models?.find(({ id }) => id === (thread.model ?? holds.model))?.efforts ?? []
  const configure = (change: { model?: string | null; effort?: string | null; permissionMode?: PermissionMode | null }) =>
    void action.run(() => link.send("thread.configure", { threadId, ...change }))
  return (
    <div className="fields thread-settings">
      {can("model") && (
        <Named
          label="Model"
          value={thread.model}
          placeholder={holds.model ?? "default"}
          known={status?.models ?? []}
          busy={action.busy}
          onSet={(model) => configure({ model })}
        />
      )}
      {can("effort") && (
        <Named
          label="Effort"
          value={thread.effort}
          placeholder="default"
          known={efforts.map((id) => ({ id, name: id }))}
          busy={action.busy}
          onSet={(effort) => configure({ effort })}
        />
      )}
      {can("permissionMode") && modes.length > 0 && (
        <label>
          Permissions
          <select
            value={thread.permissionMode ?? ""}
            disabled={action.busy}
            onChange={(event) => configure({ permissionMode: modes.find((mode) => mode === event.target.value) ?? null })}
          >
            <option value="">
              {holds.permissionMode === undefined ? "The agent's default" : `Default: ${modeWords[holds.permissionMode]}`}
            </option>
            {modes.map((mode) => (
              <option key={mode} value={mode}>
                {modeWords[mode]}
              </option>
            ))}
          </select>
        </label>
      )}
      {action.error !== undefined && (
        <p className="refusal" role="alert">
          {action.error}
        </p>
      )}
    </div>
  )
}
