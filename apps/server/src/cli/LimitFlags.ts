/** The flags of `limits` (R7): limits for one token, for one provider, and for the whole server. A flag overrides the configuration, and the configuration overrides the default. */
import { Options } from "@effect/cli"
import type { Limits } from "@millrace/host/Configuration"
import { Option } from "effect"
import * as Flags from "./Flags.ts"

/** 0 = no limit. */
export const defaults = {
  agents: 64,
  agentsPerToken: 64,
  agentsPerProvider: 0,
  streamsPerToken: 256,
  requestsPerSecond: 5000
} as const satisfies Required<Limits>

const flag = (name: string, variable: string, what: string, usual: number) =>
  Flags.integer(name, { min: 0, max: 1_000_000, variable }).pipe(
    Options.withDescription(`${what}; default ${usual}; 0 = no limit (${variable}).`),
    Options.optional
  )

export const options = {
  agents: flag("agents", "MILLRACE_AGENTS", "Maximum number of live agents; further turns wait in their queues", defaults.agents),
  agentsPerToken: flag(
    "agents-per-token",
    "MILLRACE_AGENTS_PER_TOKEN",
    "Maximum number of live agents that work on turns sent with one token",
    defaults.agentsPerToken
  ),
  agentsPerProvider: flag(
    "agents-per-provider",
    "MILLRACE_AGENTS_PER_PROVIDER",
    "Maximum number of live agents of each provider",
    defaults.agentsPerProvider
  ),
  streamsPerToken: flag(
    "streams-per-token",
    "MILLRACE_STREAMS_PER_TOKEN",
    "Maximum number of event streams that one token holds open",
    defaults.streamsPerToken
  ),
  requestsPerSecond: flag(
    "requests-per-second",
    "MILLRACE_REQUESTS_PER_SECOND",
    "Requests per second of one token, with bursts of twice as many",
    defaults.requestsPerSecond
  )
}

type Given = { readonly [K in keyof typeof options]: Option.Option<number> }

export const merge = (given: Given, configured: Limits): Required<Limits> => {
  const of = (name: keyof Limits) => Option.getOrElse(given[name], () => configured[name] ?? defaults[name])
  return {
    agents: of("agents"),
    agentsPerToken: of("agentsPerToken"),
    agentsPerProvider: of("agentsPerProvider"),
    streamsPerToken: of("streamsPerToken"),
    requestsPerSecond: of("requestsPerSecond")
  }
}
