/** The worktree of a new thread, which exists before the command is decided, or one that a command has removed. */
export interface Worktree {
  /** The directory of the thread in it. */
  readonly cwd: string
  readonly branch: string
  /** Where the branch was when the worktree was created. */
  readonly commit: string
}
