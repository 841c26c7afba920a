/** The rules of requests. They share no code with decide and evolve. */
import type { Ask } from "@millrace/contracts/Item"
import { type Context, unknownEvent } from "./Context.ts"

/** Whether two questions are the same, apart from the ids of their events. */
const isSame = (one: Ask, other: Ask): boolean => {
  const words = ({ itemId: _i, ...rest }: Ask) =>
    JSON.stringify({ ...rest, threadId: undefined, turnId: undefined, requestId: undefined })
  return words(one) === words(other)
}

/** Checks and applies an event of a request. */
export const apply = ({ data, event, known, must, thread, turn }: Context): void => {
  switch (event.type) {
    case "request.opened": {
      const isPlanQuestion = thread.plan?.request === data.requestId
      must(
        (turn !== undefined || isPlanQuestion) && !thread.requests.has(data.requestId),
        "T13 a request opens once, in an open turn"
      )
      const ask = event.data as Ask
      must(
        !thread.openRequests.some((request) => request.held && request.turn === data.turnId && isSame(request.ask, ask)),
        "T13 a held question that is repeated is the same request"
      )
      const request = { id: data.requestId, thread, turn: data.turnId, ask, open: true, held: false, kept: undefined }
      thread.requests.set(data.requestId, request)
      known.requests.set(data.requestId, request)
      return
    }
    case "request.answered":
    case "request.expired":
    case "request.cancelled": {
      const request = thread.requests.get(data.requestId)
      must(request?.open === true, "T13 a request is settled once")
      must(
        turn !== undefined || thread.plan?.request === data.requestId || request?.held === true,
        "T13 a request is settled before its turn ends"
      )
      must(
        (data.held === true) === (event.type === "request.answered" && request?.held === true),
        "T13 an answer says if it is kept"
      )
      if (event.type === "request.answered") {
        must(
          data.by !== "policy" || thread.acceptsForSession,
          "T13 only requests accepted for the session are answered by policy"
        )
        if (data.decision === "accept-for-session") thread.acceptsForSession = true
      }
      if (request === undefined) return
      request.open = false
      if (data.held === true) request.kept = JSON.stringify(data.decision ?? data.answers)
      return
    }
    case "request.held": {
      const request = thread.requests.get(data.requestId)
      must(request?.open === true || request?.kept !== undefined, "T13 only an open request, or a kept answer, is held")
      must(thread.recovery !== "settle" && !thread.knows(data.turnId), "T13 it is held for the turn that continues the work")
      if (request === undefined) return
      request.turn = data.turnId
      request.held = request.open
      return
    }
    case "request.repeated": {
      const request = thread.requests.get(data.requestId)
      must(turn !== undefined && request?.turn === data.turnId, "T13 a request is repeated in the turn that it is held for")
      if (request === undefined) return
      if (data.answer === undefined) must(request.open && request.held, "T13 only a held request is repeated")
      else must(request.kept !== undefined, "T13 a kept answer is delivered once")
      request.held = false
      request.kept = undefined
      return
    }
    case "request.answer.unused": {
      const request = thread.requests.get(data.requestId)
      must(request?.kept !== undefined, "T13 a kept answer ends once")
      if (request !== undefined) request.kept = undefined
      return
    }
    default:
      must(false, unknownEvent)
  }
}
