/** How people reach a server through a proxy, as flags and the configuration name it. Pure. */
import { isIP } from "node:net"

/** An http or https origin: no path, since the routes have fixed ones; no user and no query. */
export const isPublicUrl = (text: string): boolean => {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return false
  const { hash, password, pathname, search, username } = new URL(text)
  return [hash, password, search, username].every((part) => part === "") && pathname === "/"
}

/** An address, or a network such as `10.0.0.0/8`. */
export const isProxyAddress = (text: string): boolean => {
  const [address = "", bits, ...rest] = text.split("/")
  const family = isIP(address)
  if (family === 0 || rest.length > 0) return false
  return bits === undefined || (/^[0-9]{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
}

export const publicUrlWanted = "an http or https URL without a path, like https://millrace.example"
export const proxyAddressWanted = "an address or a network, like 127.0.0.1 or 10.0.0.0/8"
