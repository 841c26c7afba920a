import { expect, it } from "@effect/vitest"
import * as Proxy from "./Proxy.ts"

const given = {
  host: "127.0.0.1:7717",
  "x-forwarded-host": "first.example, millrace.example",
  "x-forwarded-proto": "http, HTTPS",
  "x-forwarded-for": "198.51.100.7, 203.0.113.9, 10.0.0.2",
  forwarded: "for=1.2.3.4"
}

it("X1 forwarded headers of an untrusted peer are removed; those of a trusted proxy are read from the right", () => {
  const seen = Proxy.make(["10.0.0.0/8", "::1"])
  for (const peer of ["127.0.0.1", "11.0.0.1", "fe80::1", undefined])
    expect(seen(given, peer)).toEqual({ headers: { host: "127.0.0.1:7717" }, address: peer })
  for (const peer of ["10.0.0.1", "::ffff:10.0.0.1", "::1"])
    expect(seen(given, peer)).toEqual({
      headers: { host: "millrace.example", "x-forwarded-proto": "https" },
      address: "203.0.113.9"
    })
  expect(seen({ host: "a", "x-forwarded-proto": "gopher", "x-forwarded-for": "nonsense" }, "::1")).toEqual({
    headers: { host: "a" },
    address: "::1"
  })
})
