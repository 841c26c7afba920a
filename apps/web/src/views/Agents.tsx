/** The agents of this server: installed, signed in, capabilities, and how to fix what is wrong. */
import { useEffect } from "react"
import type { ProviderStatus } from "@millrace/contracts/State"
import { loadProviders } from "../store/Store.ts"
import { useStore } from "../store/useStore.ts"

const signed: Readonly<Record<ProviderStatus["signedIn"], string>> = {
  yes: "signed in",
  no: "not signed in",
  "not-needed": "no account needed",
  unknown: "sign-in unknown"
}

const Card = ({ agent }: { readonly agent: ProviderStatus }) => (
  <article className={agent.installed ? "agent" : "agent missing"}>
    <header>
      <h2>{agent.provider}</h2>
      {agent.version !== undefined && <span className="version">{agent.version}</span>}
      <span className={agent.installed && agent.signedIn !== "no" ? "ok" : "not-ok"}>
        {agent.installed ? signed[agent.signedIn] : "not installed"}
      </span>
    </header>
    {agent.fix !== undefined && (
      <p className="fix">
        <b>To fix:</b> {agent.fix}
      </p>
    )}
    {agent.capabilities.length > 0 && (
      <ul className="tags" aria-label="Capabilities">
        {agent.capabilities.map((one) => (
          <li key={one}>{one}</li>
        ))}
      </ul>
    )}
  </article>
)

export const Agents = () => {
  const providers = useStore((state) => state.providers)
  useEffect(() => void loadProviders(), [])
  const all = (providers ?? []).toSorted((a, b) => Number(b.installed) - Number(a.installed))
  return (
    // The cards have nothing to focus: a keyboard scrolls the page itself.
    <div className="page" tabIndex={0} role="region" aria-label="Agents">
      <h1>Agents</h1>
      {providers === undefined && <p role="status">Probing agents…</p>}
      {providers !== undefined && all.every(({ installed, provider }) => !installed || provider === "demo") && (
        <p className="nothing">
          Only the demo agent is installed on the server. See below what each agent needs; the server checks again by itself.
        </p>
      )}
      <div className="cards">
        {all.map((agent) => (
          <Card key={agent.provider} agent={agent} />
        ))}
      </div>
    </div>
  )
}
