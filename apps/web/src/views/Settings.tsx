/** Access to this server (pair a device, list tokens, revoke one) and the colours of the page. */
import { encode } from "uqr"
import { useCallback, useEffect, useState } from "react"
import type { PairingCode, TokenView } from "@millrace/contracts/Access"
import { Action, useAction } from "../ui/Action.tsx"
import { apply, theme, type Theme } from "../ui/Theme.ts"
import { ago } from "../ui/Time.ts"
import { useNow } from "../ui/useNow.ts"
import { get, post } from "../store/Http.ts"
import { link } from "../store/Store.ts"
import { useStore } from "../store/useStore.ts"

const Qr = ({ text }: { readonly text: string }) => {
  const { data, size } = encode(text, { border: 2 })
  const path = data.flatMap((line, y) => line.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : ""))).join("")
  return (
    <svg className="qr" viewBox={`0 0 ${size} ${size}`} role="img" aria-label="QR code of the pairing link">
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  )
}

const isLocal = (url: string) => /^(127\.|localhost$|\[?::1)/.test(new URL(url).hostname)

const Pair = ({ onCreated }: { readonly onCreated: () => void }) => {
  const [code, setCode] = useState<PairingCode>()
  const [name, setName] = useState("")
  const action = useAction()
  const make = () =>
    action.run(async () => {
      setCode(await post<PairingCode>("/api/pair", name.trim() === "" ? {} : { name: name.trim() }))
      onCreated()
    })
  return (
    <section>
      <h2>Pair a device</h2>
      <form
        className="line-form"
        onSubmit={(event) => {
          event.preventDefault()
          void make()
        }}
      >
        <input
          aria-label="Name of the device"
          placeholder="Name, such as phone"
          maxLength={100}
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <button type="submit" className="primary" disabled={action.busy}>
          Create a link
        </button>
      </form>
      {action.error !== undefined && (
        <p className="refusal" role="alert">
          {action.error}
        </p>
      )}
      {code !== undefined && (
        <div className="pairing">
          <Qr text={code.url} />
          <div>
            <p>
              Open this on the other device. It works once, until {new Date(code.expiresAt).toLocaleTimeString()}. That device may
              run agents on this server and answer their requests; the log shows its name with each of its commands. Only an
              administrator can revoke other devices.
            </p>
            <pre className="code" tabIndex={0}>
              {code.url}
            </pre>
            {isLocal(code.url) && (
              <p className="fix">
                This address works only on the server's machine. For another device, start the server with{" "}
                <code>--host 0.0.0.0</code> and open this page at the machine's network address.
              </p>
            )}
          </div>
        </div>
      )}
    </section>
  )
}

const Tokens = ({ reload, tokens }: { readonly tokens: ReadonlyArray<TokenView>; readonly reload: () => void }) => {
  const now = useNow()
  const live = tokens.filter((token) => token.revokedAt === undefined)
  return (
    <section>
      <h2>Devices and tokens</h2>
      <ul className="tokens">
        {live.toReversed().map((token) => (
          <li key={token.id}>
            <b>{token.name}</b>
            <span>{token.kind === "session" ? "browser" : "token"}</span>
            <span className="mono">…{token.last4}</span>
            <span>since {ago(token.createdAt, now)}</span>
            {token.current === true && <span className="ok">this browser</span>}
            <Action
              className="danger small"
              run={() => post(`/api/tokens/${token.id}/revoke`).then(token.current === true ? link.retry : reload)}
            >
              Revoke
            </Action>
          </li>
        ))}
      </ul>
      {live.length === 0 && <p className="nothing">No tokens.</p>}
    </section>
  )
}

const themes: ReadonlyArray<Theme> = ["system", "light", "dark"]

export const Settings = () => {
  const [tokens, setTokens] = useState<ReadonlyArray<TokenView>>()
  const [error, setError] = useState<string>()
  const [colours, setColours] = useState(theme)
  const logEpoch = useStore((state) => state.world?.logEpoch)
  const reload = useCallback(() => {
    get<ReadonlyArray<TokenView>>("/api/tokens").then(setTokens, (cause: Error) => setError(cause.message))
  }, [])
  useEffect(reload, [reload])
  return (
    <div className="page">
      <h1>Settings</h1>
      {error === undefined ? <Pair onCreated={reload} /> : <p className="fix">{error}</p>}
      {tokens !== undefined && <Tokens tokens={tokens} reload={reload} />}
      <section>
        <h2>Colours</h2>
        <div className="choices" role="group" aria-label="Colours">
          {themes.map((one) => (
            <button
              key={one}
              type="button"
              aria-pressed={colours === one}
              onClick={() => {
                apply(one)
                setColours(one)
              }}
            >
              {one}
            </button>
          ))}
        </div>
      </section>
      <section>
        <h2>This server</h2>
        <p>
          Log <span className="mono">{logEpoch}</span>. <a href="/docs">API</a> · <a href="/metrics">Metrics</a>
        </p>
      </section>
    </div>
  )
}
