/**
 * The request target in one spelling: what the router matches, what the guard compares and what a trace names are the same text. Clients may write
 * `//rpc`, `/rpc/`, `/%72pc`, `/rpc#x` or `http://host/rpc`; all of them are `/rpc`. Case counts. Pure.
 */

const unreserved = /^[A-Za-z0-9._~-]$/

/** Decodes what needs no encoding (RFC 3986, 6.2.2.2), and writes the rest in capitals. What is no encoding stays as it is: no route has it. */
const decoded = (path: string): string =>
  path.replace(/%([0-9A-Fa-f]{2})/g, (encoded, hex: string) => {
    const char = String.fromCharCode(Number.parseInt(hex, 16))
    return unreserved.test(char) ? char : encoded.toUpperCase()
  })

/** Path and query. `;` belongs to the path: the router would read a query behind it. */
export const canonical = (url: string): string => {
  const local = url.replace(/^https?:\/\/[^/?#]*/i, "")
  const [beforeFragment = ""] = local.split("#", 1)
  const at = beforeFragment.indexOf("?")
  const path = at < 0 ? beforeFragment : beforeFragment.slice(0, at)
  const one = decoded(path)
    .replaceAll(";", "%3B")
    .replace(/\/{2,}/g, "/")
    .replace(/(?<=.)\/$/, "")
  return `${one === "" ? "/" : one}${at < 0 ? "" : beforeFragment.slice(at)}`
}

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
