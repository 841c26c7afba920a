/** Validates `--public-url` and `--trust-proxy`, for flags and the configuration. Pure. */
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

export const publicUrlWanted = "an http or https URL without a path, like https://millrace.example"
export const proxyAddressWanted = "an address or a network, like 127.0.0.1 or 10.0.0.0/8"
