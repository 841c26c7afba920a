/** `GET /v1/models`: the installed agents, and their models as `provider/model` if an agent lists them. */
import { cut } from "@millrace/contracts/Text"
import { Effect } from "effect"
import type { ProviderStatus } from "@millrace/contracts/State"
import { Service } from "../Service.ts"
import { invalid } from "./Failure.ts"
import { parseModel } from "./ContinuedThread.ts"

const model = (id: string) => ({ id, object: "model", created: 0, owned_by: "millrace" })

const installed = Effect.gen(function* () {
  const all = yield* (yield* Service).providers
  return all.filter(({ installed }) => installed)
})

const idsOf = ({ models = [], provider }: ProviderStatus): ReadonlyArray<string> => [
  provider,
  ...models.map(({ id }) => `${provider}/${id}`)
]

export const list = Effect.map(installed, (providers) => ({ object: "list", data: providers.flatMap(idsOf).map(model) }))

/** The model with this id. Only the provider is checked: which models it knows, only the agent can report. */
export const one = (id: string) =>
  Effect.flatMap(installed, (providers) =>
    providers.some(({ provider }) => provider === parseModel(id).provider)
      ? Effect.succeed(model(id))
      : invalid(
          "model",
          `There is no model ${cut(id, 100)}. Available: ${providers.map(({ provider }) => provider).join(", ")}.`,
          "model_not_found",
          404
        )
  )
