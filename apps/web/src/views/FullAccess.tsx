/** The mark of a thread whose agent does not ask before it acts. */
import { effective } from "@millrace/contracts/SettingValues"
import type { ThreadView } from "@millrace/contracts/State"
import { useStore } from "../store/useStore.ts"

/** It begins with a space and follows the title directly. */
export const FullAccess = ({ thread }: { readonly thread: ThreadView }) => {
  const defaults = useStore((state) => state.providers?.find(({ provider }) => provider === thread.provider)?.defaults)
  return effective(thread, defaults).permissionMode === "full-access" ? (
    <>
      {" "}
      <span className="full-access" title="The agent does not ask before it acts">
        full access
      </span>
    </>
  ) : null
}
