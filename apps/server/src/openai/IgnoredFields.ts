/** Reports the fields of a request that had no effect, in a header and in a field of the answer. Pure. */
import type { CompletionRequest } from "./CompletionRequest.ts"

type Ignored = Pick<CompletionRequest, "ignored">

export const headerOf = ({ ignored }: Ignored): Readonly<Record<string, string>> =>
  ignored.length === 0 ? {} : { "x-millrace-ignored": ignored.join(", ") }

export interface Note {
  readonly millrace?: { readonly ignored: ReadonlyArray<string>; readonly message: string }
}

export const noteOf = ({ ignored }: Ignored): Note => {
  if (ignored.length === 0) return {}
  const tools = ignored.some((name) => name === "tools" || name === "functions")
  const why = tools ? "The agent uses its own tools: yours were not called." : "The agent uses its own settings."
  return { millrace: { ignored, message: `These fields of the request had no effect: ${ignored.join(", ")}. ${why}` } }
}
