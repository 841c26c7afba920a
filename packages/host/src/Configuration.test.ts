import { homedir } from "node:os"
import { describe, expect, it } from "@effect/vitest"
import { Duration, Either } from "effect"
import * as Configuration from "./Configuration.ts"

const problems = (value: unknown) => Either.getOrThrow(Either.flip(Configuration.decode(value)))
const decoded = (value: unknown) => Either.getOrThrow(Configuration.decode(value))
const at = (value: unknown) => problems(value).map(({ message, path }) => `${path}: ${message}`)

describe("configuration", () => {
  it("X5 several instances of one kind, each with a separate home; one can be removed", () => {
    const given = {
      providers: {
        work: { kind: "codex", codexHome: "~/.codex-work", env: { OPENAI_API_KEY: null } },
        private: { kind: "codex", codexHome: "private" },
        local: { kind: "openai", baseUrl: "http://127.0.0.1:8000/v1", apiKeyEnv: "LOCAL_KEY" },
        gemini: { kind: "acp", command: "./bin/gemini", args: ["--experimental-acp"] },
        claude: false
      }
    }
    const { providers } = Configuration.locate(decoded(given), "/etc/millrace")
    expect(providers).toMatchObject({
      work: { codexHome: `${homedir()}/.codex-work`, env: { OPENAI_API_KEY: null } },
      private: { codexHome: "/etc/millrace/private" },
      local: { baseUrl: "http://127.0.0.1:8000/v1" },
      gemini: { command: "/etc/millrace/bin/gemini" },
      claude: false
    })
  })

  it("X5 errors name the path of the field, all fields at once", () => {
    expect(
      at({
        provider: {},
        providers: {
          a: { kind: "opnai" },
          b: {},
          c: { kind: "openai", baseUrl: "127.0.0.1" },
          d: { kind: "openai", baseUrl: "http://me:secret@127.0.0.1" },
          e: { kind: "codex", sandbx: "read-only" },
          f: { kind: "acp", command: "x", env: { A: 1 } },
          h: { kind: "openai", baseUrl: "http://h", apiKey: "sk-canary" },
          g: true
        },
        server: { port: 70000 },
        reaper: { idle: -1 }
      })
    ).toEqual([
      "provider: there is no such field; see: millrace config schema",
      "providers.a.kind: expected one of codex, claude, acp, openai, demo",
      "providers.b.kind: say which kind: codex, claude, acp, openai, demo",
      "providers.c.baseUrl: expected an http or https URL, like http://127.0.0.1:8000/v1",
      "providers.d.baseUrl: expected a URL without user, password or query: name the key with apiKeyEnv or apiKeyFile",
      "providers.e.sandbx: there is no such field; see: millrace config schema",
      "providers.f.env.A: Expected string",
      "providers.h.apiKey: a key does not belong in this file; name its source with apiKeyEnv or apiKeyFile",
      "providers.g: expected an object with a kind, or false",
      "server.port: expected a port from 0 to 65535; 0 picks a free one",
      "reaper.idle: expected whole minutes from 0 to 525600; 0 = never"
    ])
    expect(at([])).toEqual([": expected an object"])
    expect(JSON.stringify(problems({ providers: { d: { kind: "openai", baseUrl: "http://me:secret@h" } } }))).not.toContain(
      "secret@"
    )
  })

  it("the later file wins: a provider as a whole, each other setting separately", () => {
    const under = decoded({
      providers: { a: { kind: "codex", binary: "/x" }, b: { kind: "demo" } },
      server: { host: "::1", port: 1 },
      reaper: { idle: 1, waiting: 2, providers: { a: { idle: 3 } } }
    })
    const over = decoded({ providers: { a: { kind: "claude" } }, server: { port: 2 }, reaper: { idle: 9 } })
    const both = Configuration.merge(under, over)
    expect(both).toEqual({
      providers: { a: { kind: "claude" }, b: { kind: "demo" } },
      server: { host: "::1", port: 2 },
      reaper: { idle: 9, waiting: 2, providers: { a: { idle: 3 } } }
    })
    expect(Configuration.reaper(both)).toEqual({
      idle: Duration.minutes(9),
      waiting: Duration.minutes(2),
      providers: { a: { idle: Duration.minutes(3) } }
    })
  })

  it("the schema describes every field", () => {
    const text = JSON.stringify(Configuration.jsonSchema())
    for (const field of ["baseUrl", "codexHome", "settingSources", "modelSilence", "allowHosts"])
      expect(text).toContain(`"${field}"`)
    expect(text.match(/"description"/g)?.length).toBeGreaterThan(40)
  })
})
