/** A review is Claude's own command `/code-review`, whose argument is what to review. Both tested versions have it. */
import type { ReviewTarget } from "@millrace/contracts/State"

export const prompt = (target: ReviewTarget): string => {
  switch (target.type) {
    case "uncommittedChanges":
      return "/code-review"
    case "baseBranch":
      return `/code-review ${target.branch}`
    case "commit":
      return `/code-review ${target.sha}`
    case "custom":
      return `/code-review ${target.instructions}`
  }
}
