/** `GET /v1/models`: the agents that are installed. A model of an agent's own is named `provider/model`. */
import { Effect } from "effect"
import { Service } from "../Service.ts"
import { invalid } from "./Failure.ts"
import { parseModel } from "./Call.ts"

const model = (id: string) => ({ id, object: "model", created: 0, owned_by: "millrace" })

const installed = Effect.gen(function* () {
  const all = yield* (yield* Service).providers
  return all.filter(({ installed }) => installed).map(({ provider }) => provider)
})

export const list = Effect.map(installed, (providers) => ({ object: "list", data: providers.map(model) }))

/** One by its name, also with a model of the agent's: whether the agent knows that model, only the agent can tell. */
export const one = (id: string) =>
  Effect.flatMap(installed, (providers) =>
    providers.includes(parseModel(id).provider)
      ? Effect.succeed(model(id))
      : invalid("model", `There is no model ${id.slice(0, 100)}. There are: ${providers.join(", ")}.`, "model_not_found", 404)
  )
