/**
 * Answers to questions on their way to the agent. The log says of a secret only that it was given (X4), so its value goes by here, in memory,
 * and once. A process that dies in between takes it along, and the session that asked.
 */
import type { RequestId } from "@millrace/contracts/Ids"
import type { Answer } from "@millrace/contracts/Item"

/** An answer whose command was not committed is never fetched; so many of them are kept. */
const capacity = 1000

export class GivenAnswers {
  private readonly answers = new Map<RequestId, Answer>()

  put(requestId: RequestId, answer: Answer): void {
    this.answers.delete(requestId)
    this.answers.set(requestId, answer)
    const [oldest] = this.answers.keys()
    if (this.answers.size > capacity && oldest !== undefined) this.answers.delete(oldest)
  }

  /** The answer as it was given, once. */
  take(requestId: RequestId): Answer | undefined {
    const answer = this.answers.get(requestId)
    this.answers.delete(requestId)
    return answer
  }
}
