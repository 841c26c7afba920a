/** Validates `--public-url`, `--trust-proxy` and `--allow-origin`, for flags and the configuration. Pure. */
import { isIP } from "node:net"

/** True for an http or https origin without user and query. It has no path, because the routes have fixed paths. */
export const isPublicUrl = (text: string): boolean => {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return false
  const { hash, password, pathname, search, username } = new URL(text)
  return [hash, password, search, username].every((part) => part === "") && pathname === "/"
}

/** True for an IP address or a network such as `10.0.0.0/8`. */
export const isProxyAddress = (text: string): boolean => {
  const [address = "", bits, ...rest] = text.split("/")
  const family = isIP(address)
  if (family === 0 || rest.length > 0) return false
  return bits === undefined || (/^[0-9]{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
}

/** The origin as browsers send it: lower case, without a default port and a slash. */
export const originOf = (text: string): string => {
  const { host, origin, protocol } = new URL(text)
  return origin === "null" ? `${protocol}//${host}` : origin
}

/** True for an origin: scheme, host and port only. The schemes of extensions and desktop applications are allowed. */
export const isOrigin = (text: string): boolean =>
  /^[a-z][a-z0-9+.-]*:\/\/[^/?#@*\s,]+\/?$/i.test(text) && URL.canParse(text) && new URL(text).host !== ""

export const originWanted =
  "an origin, like https://app.example or http://localhost:5173: a scheme, a host and a port, without a path and without *"
export const publicUrlWanted = "an http or https URL without a path, like https://millrace.example"
export const proxyAddressWanted = "an address or a network, like 127.0.0.1 or 10.0.0.0/8"
