/**
 * Normalises the request target, so that the router, the guard and traces use the same text. Clients may write `//rpc`, `/rpc/`, `/%72pc`, `/rpc#x` or
 * `http://host/rpc`; all of them are `/rpc`. Case-sensitive. Pure.
 */

const unreserved = /^[A-Za-z0-9._~-]$/

/** Decodes needless escapes (RFC 3986, 6.2.2.2), and writes the others in upper case. A malformed escape stays and matches no route. */
const decoded = (path: string): string =>
  path.replace(/%([0-9A-Fa-f]{2})/g, (encoded, hex: string) => {
    const char = String.fromCharCode(Number.parseInt(hex, 16))
    return unreserved.test(char) ? char : encoded.toUpperCase()
  })

/** The normalised path and query. `;` is escaped in the path, because the router would take it for the start of a query. */
export const canonical = (url: string): string => {
  const local = url.replace(/^https?:\/\/[^/?#]*/i, "")
  const [beforeFragment = ""] = local.split("#", 1)
  const at = beforeFragment.indexOf("?")
  const path = at < 0 ? beforeFragment : beforeFragment.slice(0, at)
  const normalised = decoded(path)
    .replaceAll(";", "%3B")
    .replace(/\/{2,}/g, "/")
    .replace(/(?<=.)\/$/, "")
  return `${normalised === "" ? "/" : normalised}${at < 0 ? "" : beforeFragment.slice(at)}`
}

/** The router's pattern for the path of an endpoint. A last parameter `:path` matches the rest of the path, with its slashes. */
export const routed = (path: string): string => path.replace(/:path$/, "*")

/** The path of a canonical target. */
export const pathOf = (target: string): string => {
  const at = target.indexOf("?")
  return at < 0 ? target : target.slice(0, at)
}

/** The query of a canonical target, without its `?`. */
export const queryOf = (target: string): string => {
  const at = target.indexOf("?")
  return at < 0 ? "" : target.slice(at + 1)
}
