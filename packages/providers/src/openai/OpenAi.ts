/** Adapter for any endpoint with `/v1/chat/completions` or `/v1/responses`: vLLM, llama.cpp, Ollama, LM Studio, exo. */
import { defined } from "@millrace/contracts/Defined"
import type { HttpClient } from "@effect/platform"
import type { ProviderAdapter } from "@millrace/contracts/ProviderAdapter"
import type { ProviderStatus } from "@millrace/contracts/State"
import { DateTime, Effect } from "effect"
import * as Endpoint from "./Endpoint.ts"
import * as Session from "./Session.ts"

export type { OpenAiOptions, Tool } from "./Endpoint.ts"

/** Builds the adapter. It makes no request before a probe or a session. */
export const make = (options: Endpoint.OpenAiOptions, client: HttpClient.HttpClient): ProviderAdapter => {
  const { name } = options
  const endpoint = Endpoint.make(options, client, () => process.env)
  const probe = Effect.gen(function* () {
    const status = {
      provider: name,
      capabilities: Session.capabilities,
      checkedAt: DateTime.formatIso(yield* DateTime.now)
    }
    return yield* Effect.match(endpoint.models, {
      onSuccess: (models): ProviderStatus => ({
        ...status,
        installed: true,
        // If the endpoint lists no models, it is unknown whether it accepts the key.
        signedIn: !endpoint.hasKey ? "not-needed" : models === undefined ? "unknown" : "yes",
        ...(models === undefined ? {} : { models: models.map((id) => ({ id, name: id })) })
      }),
      onFailure: ({ kind, message }): ProviderStatus => ({
        ...status,
        installed: kind !== "transport",
        signedIn: kind === "auth" ? "no" : endpoint.hasKey ? "unknown" : "not-needed",
        fix: kind === "auth" && !endpoint.hasKey ? `${message} Configure the key with apiKeyEnv or apiKeyFile.` : message
      })
    })
  })
  return {
    name,
    settable: Session.settable,
    defaults: defined({ model: options.model }),
    probe: Effect.withSpan(probe, "OpenAi.probe"),
    open: (input) => Session.open(input, options, endpoint)
  }
}
