/**
 * Answers to questions, kept in memory until the session fetches them. The log records only that a secret was given (X4), so the session gets the
 * value from here, once. If the process dies in between, the value is lost together with the session that asked.
 */
import { BoundedMap } from "@millrace/contracts/BoundedMap"
import type { RequestId } from "@millrace/contracts/Ids"
import type { Answer } from "@millrace/contracts/Item"

/** Maximum number of answers that are kept. An answer whose command was not committed is never fetched, so the oldest answers are dropped. */
const capacity = 1000

export class GivenAnswers {
  private readonly answers = new BoundedMap<RequestId, Answer>(capacity)

  put(requestId: RequestId, answer: Answer): void {
    this.answers.renew(requestId, answer)
  }

  /** Removes the unchanged answer and returns it. */
  take(requestId: RequestId): Answer | undefined {
    const answer = this.answers.get(requestId)
    this.answers.delete(requestId)
    return answer
  }
}
