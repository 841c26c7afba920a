/** The branch, its distance from its upstream, uncommitted changes, and the directory. */
import type { ThreadView } from "@millrace/contracts/State"
import type { GitSummary } from "@millrace/contracts/Workspace"
import { Copy } from "../ui/Copy.tsx"
import { count } from "../ui/Time.ts"

const distance = ({ ahead = 0, behind = 0, branch, upstream }: GitSummary): string => {
  if (branch === undefined) return "no branch is checked out"
  if (upstream === undefined) return "not pushed yet"
  if (ahead === 0 && behind === 0) return `the same as ${upstream}`
  const parts = [ahead > 0 && `${ahead} ahead`, behind > 0 && `${behind} behind`].filter((part) => part !== false)
  return `${parts.join(", ")} of ${upstream}`
}

const uncommitted = ({ changed = 0, conflicts = 0, untracked = 0 }: GitSummary): string => {
  const parts = [
    changed > 0 && count(changed, "changed file"),
    untracked > 0 && `${untracked.toLocaleString("en")} new`,
    conflicts > 0 && `${conflicts.toLocaleString("en")} with conflicts`
  ].filter((part) => part !== false)
  return parts.length === 0 ? "nothing" : parts.join(", ")
}

export const GitState = (props: {
  readonly git: GitSummary | undefined
  readonly thread: ThreadView
  readonly isWorktree: boolean
}) => {
  const { git, isWorktree, thread } = props
  return (
    <dl className="git-state">
      {git?.repository === true && (
        <>
          <div>
            <dt>Branch</dt>
            <dd>
              {git.branch !== undefined && <b className="path">{git.branch}</b>} <span>{distance(git)}</span>
            </dd>
          </div>
          <div>
            <dt>Not committed</dt>
            <dd>{uncommitted(git)}</dd>
          </div>
        </>
      )}
      <div>
        <dt>{isWorktree ? "Worktree" : "Directory"}</dt>
        <dd>
          <span className="path">{thread.cwd}</span>
          <Copy text={thread.cwd} label="Copy the directory" />
        </dd>
      </div>
    </dl>
  )
}
