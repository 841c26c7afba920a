/**
 * Checks every request, on every transport and before any route (X1). Host: the server accepts only its own names, which stops DNS rebinding.
 * Origin: the server accepts only its own pages and pages of allowed origins. It rejects a token in a query string, even a valid one, because URLs are logged. Pure.
 */
import { cut } from "@millrace/contracts/Text"
import { hostname, networkInterfaces } from "node:os"
import { Either } from "effect"
import { Forbidden, Unauthorized } from "@millrace/contracts/Errors"
import * as PublicAddress from "@millrace/host/PublicAddress"
import * as Target from "../http/Target.ts"
import { isLoopback } from "./Bind.ts"
import { prefix } from "./Tokens.ts"

export interface Bind {
  readonly host: string
  /** Additional host names of this server, such as that of a proxy in front of it. */
  readonly allowedHosts?: ReadonlyArray<string>
  /** The server's URL behind a proxy. Its origin counts as the server's own. */
  readonly publicUrl?: string | undefined
  /** Origins of other pages that may use the server with a bearer token. */
  readonly allowedOrigins?: ReadonlyArray<string>
}

type Headers = Readonly<Record<string, string | undefined>>

const parse = (url: string): URL | undefined => (URL.canParse(url) ? new URL(url) : undefined)
const bare = (host: string) => host.toLowerCase().replace(/^\[|\]$/g, "")

const names = (bind: Bind): ReadonlySet<string> => {
  const known = [bind.host, ...(bind.allowedHosts ?? [])]
  if (bind.publicUrl !== undefined) known.push(new URL(bind.publicUrl).hostname)
  if (bind.host === "0.0.0.0" || bind.host === "::") {
    known.push(hostname())
    for (const addresses of Object.values(networkInterfaces())) for (const { address } of addresses ?? []) known.push(address)
  }
  return new Set(known.map(bare))
}

const tokenNames = new Set(["token", "access_token", "auth_token", "api_key", "apikey", "api-key", "authorization", "bearer"])

const hasToken = (url: string): boolean => {
  const query = url.indexOf("?")
  if (query < 0) return false
  for (const [name, value] of new URLSearchParams(url.slice(query + 1))) {
    if (tokenNames.has(name.toLowerCase()) || value.startsWith(prefix)) return true
  }
  return false
}

/** Whether a URL must not appear in traces or logs: it contains a token (valid or not) or belongs to a pairing (X4). */
export const isSecret = (url: string): boolean => /^\/pair/i.test(Target.canonical(url)) || hasToken(url)

/** `Sec-Fetch-Site` values of requests from a page of another origin. `same-site` includes another port of this machine. */
const otherSites = new Set(["cross-site", "same-site"])

/** Whether a page of an allowed origin, other than the server's own, sent the request. Call it on a request that passed the checks. */
export const isForeign = (bind: Bind) => {
  const allowed = allowedOrigins(bind)
  const publicOrigin = publicOriginOf(bind)
  return ({ host, origin }: Headers): boolean =>
    origin !== undefined && allowed.has(origin) && origin !== publicOrigin && parse(origin)?.host !== host?.toLowerCase()
}

const publicOriginOf = ({ publicUrl }: Bind) => (publicUrl === undefined ? undefined : new URL(publicUrl).origin)
const allowedOrigins = ({ allowedOrigins = [] }: Bind): ReadonlySet<string> => new Set(allowedOrigins.map(PublicAddress.originOf))

/** The checks that do not read the tokens. `url`: the request target, path and query. */
export const make = (bind: Bind) => {
  const serverNames = names(bind)
  const publicOrigin = publicOriginOf(bind)
  const allowed = allowedOrigins(bind)
  return (request: { readonly url: string; readonly headers: Headers }): Either.Either<void, Forbidden | Unauthorized> => {
    const host = parse(`http://${request.headers["host"] ?? ""}`)
    if (host === undefined || host.username !== "" || host.pathname !== "/" || host.search !== "" || host.hash !== "")
      return forbidden("The Host header is missing or malformed. Use the URL that the server printed.")
    if (!isLoopback(host.hostname) && !serverNames.has(bare(host.hostname)))
      return forbidden(
        `This server does not accept the host name "${cut(host.hostname, 100)}". Use the URL that it printed, or allow the name with --allow-host or --public-url.`
      )
    const origin = request.headers["origin"]
    if (origin !== undefined && origin !== publicOrigin && parse(origin)?.host !== host.host && !allowed.has(origin))
      return forbidden(
        "Pages of another origin may not use this server. Open the server's own page, or allow the origin with --allow-origin."
      )
    if (
      origin === undefined &&
      otherSites.has(request.headers["sec-fetch-site"] ?? "") &&
      request.headers["sec-fetch-mode"] !== "navigate"
    )
      return forbidden("Pages of another site may not use this server. Open the server's own page.")
    if (hasToken(request.url)) return Either.left(inQuery)
    return Either.void
  }
}

const forbidden = (message: string) => Either.left(new Forbidden({ message }))
const inQuery = new Unauthorized({
  message:
    "A token in the URL is never accepted: URLs are logged. Send the header `Authorization: Bearer TOKEN`, and revoke this token."
})

/** The cookie's name contains the port, because browsers share cookies between the ports of a host. */
export const cookieName = (port: number) => `millrace_${port}`

/** The secret of a request: the bearer header if there is one, otherwise the session cookie. */
export const secretOf = (headers: Headers, cookies: Readonly<Record<string, string>>, port: number): string | undefined => {
  const header = headers["authorization"]
  if (header !== undefined) return /^bearer +([\x21-\x7e]{1,512})$/i.exec(header)?.[1]
  return cookies[cookieName(port)]
}
