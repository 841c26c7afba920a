/** Token counts of the provider in the shapes of the two endpoints. `undefined` if the provider does not report token counts. Pure. */
import type { Usage } from "@millrace/contracts/Item"

const counts = (usage: Usage | undefined) => {
  if (usage === undefined) return undefined
  const { inputTokens = 0, outputTokens = 0 } = usage
  return {
    input: inputTokens,
    output: outputTokens,
    total: usage.totalTokens ?? inputTokens + outputTokens,
    cached: usage.cachedInputTokens ?? 0,
    reasoning: usage.reasoningTokens ?? 0
  }
}

export const ofChat = (usage: Usage | undefined) => {
  const count = counts(usage)
  return count === undefined
    ? undefined
    : {
        prompt_tokens: count.input,
        completion_tokens: count.output,
        total_tokens: count.total,
        prompt_tokens_details: { cached_tokens: count.cached },
        completion_tokens_details: { reasoning_tokens: count.reasoning }
      }
}

export const ofResponse = (usage: Usage | undefined) => {
  const count = counts(usage)
  return count === undefined
    ? undefined
    : {
        input_tokens: count.input,
        input_tokens_details: { cached_tokens: count.cached },
        output_tokens: count.output,
        output_tokens_details: { reasoning_tokens: count.reasoning },
        total_tokens: count.total
      }
}
