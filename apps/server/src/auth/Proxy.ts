/**
 * The headers that a proxy in front of the server adds to a request. `X-Forwarded-*` take effect if they come from a trusted address; otherwise they are
 * removed, so that no later code reads them (X1). Pure.
 */
import { BlockList, isIP } from "node:net"

export type Headers = Readonly<Record<string, string | undefined>>

const names = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"] as const

const bare = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, "")

const familyOf = (address: string) => (isIP(address) === 6 ? "ipv6" : "ipv4")

/** The value that the nearest proxy wrote. */
const last = (value: string | undefined): string | undefined => value?.split(",").at(-1)?.trim()

export interface Seen {
  /** `host` is the host name that the client requested. */
  readonly headers: Record<string, string>
  /** The client's address. */
  readonly address: string | undefined
}

/** `trusted`: addresses and networks of proxies. */
export const make = (trusted: ReadonlyArray<string>) => {
  const list = new BlockList()
  for (const one of trusted) {
    const [address = "", bits] = one.split("/")
    if (bits === undefined) list.addAddress(address, familyOf(address))
    else list.addSubnet(address, Number(bits), familyOf(address))
  }
  const trusts = (address: string): boolean => isIP(address) !== 0 && list.check(address, familyOf(address))
  return (headers: Headers, peer: string | undefined): Seen => {
    const forwarded: Record<string, string> = {}
    for (const [name, value] of Object.entries(headers)) if (value !== undefined) forwarded[name] = value
    for (const name of names) delete forwarded[name]
    const nearest = bare(peer ?? "")
    if (!trusts(nearest)) return { headers: forwarded, address: peer }
    const host = last(headers["x-forwarded-host"])
    const proto = last(headers["x-forwarded-proto"])?.toLowerCase()
    if (host !== undefined && host !== "") forwarded["host"] = host
    if (proto === "https" || proto === "http") forwarded["x-forwarded-proto"] = proto
    const hops = (headers["x-forwarded-for"] ?? "").split(",").map((hop) => bare(hop.trim()))
    const client = hops.findLast((hop) => isIP(hop) !== 0 && !trusts(hop))
    return { headers: forwarded, address: client ?? peer }
  }
}

/** Whether the client uses TLS to the proxy that forwarded this request. */
export const isSecure = (headers: Headers): boolean => headers["x-forwarded-proto"] === "https"
