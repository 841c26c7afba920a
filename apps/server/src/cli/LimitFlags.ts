/** What one client, one provider and all together may use: the flags of `limits` (R7). Flags win over the configuration, which wins over the defaults. */
import { Options } from "@effect/cli"
import type { Limits } from "@millrace/host/Configuration"
import { Option } from "effect"
import * as Flags from "./Flags.ts"

/** Each 0 = any number. */
export const defaults = {
  agents: 64,
  agentsPerToken: 64,
  agentsPerProvider: 0,
  streamsPerToken: 256,
  requestsPerSecond: 5000
} as const satisfies Required<Limits>

const flag = (name: string, variable: string, what: string, usual: number) =>
  Flags.integer(name, { min: 0, max: 1_000_000, variable }).pipe(
    Options.withDescription(`${what}; default ${usual}; 0 = any number (${variable}).`),
    Options.optional
  )

export const options = {
  agents: flag("agents", "MILLRACE_AGENTS", "Agents that live at once; beyond them turns wait in their queues", defaults.agents),
  agentsPerToken: flag(
    "agents-per-token",
    "MILLRACE_AGENTS_PER_TOKEN",
    "The same for the turns that one token asked for",
    defaults.agentsPerToken
  ),
  agentsPerProvider: flag(
    "agents-per-provider",
    "MILLRACE_AGENTS_PER_PROVIDER",
    "The same for each provider",
    defaults.agentsPerProvider
  ),
  streamsPerToken: flag(
    "streams-per-token",
    "MILLRACE_STREAMS_PER_TOKEN",
    "Event streams that one token holds open",
    defaults.streamsPerToken
  ),
  requestsPerSecond: flag(
    "requests-per-second",
    "MILLRACE_REQUESTS_PER_SECOND",
    "Requests of one token in a second, twice as many at once",
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
