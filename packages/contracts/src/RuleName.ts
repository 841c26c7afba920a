/** Separate from `ApprovalRule.ts`, so that a client that does not decode rules does not contain their schemas. */
import type { ApprovalRule } from "./ApprovalRule.ts"

/** The sender's name in the answers of the rule. */
export const nameOf = ({ match, name }: ApprovalRule): string => {
  const { command, kind, path, tool } = match
  return name ?? [kind, command ?? path ?? tool].filter(Boolean).join(" ")
}
