/** Operations of git that end with a further command, such as a merge with conflicts. */

/** The operation by the file or directory of the git directory that exists until it ends. */
export const operations = {
  MERGE_HEAD: "merge",
  CHERRY_PICK_HEAD: "cherry-pick",
  REVERT_HEAD: "revert",
  "rebase-merge": "rebase",
  "rebase-apply": "rebase",
  BISECT_LOG: "bisect"
} as const
