import { readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { send, start } from "../../test/support/Fixture.ts"
import * as Pairing from "./Pairing.ts"
import * as Tokens from "./Tokens.ts"

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })

it.scopedLive("X3 X6 an administrator's page lists the devices and revokes one", () =>
  Effect.gen(function* () {
    const { dataDir, url } = yield* start()
    const admin = yield* Tokens.create(dataDir, { name: "owner", scope: "admin" })
    const phone = yield* Tokens.create(dataDir, { name: "phone", kind: "session" })
    const listed = yield* send(`${url}/api/tokens`, bearer(admin.token))
    expect(JSON.parse(listed.body)).toContainEqual({ ...phone.record })
    expect(JSON.parse(listed.body)).toContainEqual({ ...admin.record, current: true })
    expect(listed.body).not.toContain(phone.token)
    const out = yield* send(`${url}/api/tokens/${phone.record.id}/revoke`, { method: "POST", ...bearer(admin.token) })
    expect(out).toMatchObject({ status: 200, body: JSON.stringify({ revoked: [phone.record.id] }) })
    const [recorded] = readFileSync(join(dataDir, "access.jsonl"), "utf8").trimEnd().split("\n")
    expect(JSON.parse(recorded ?? "")).toMatchObject({
      action: "revoke",
      actor: "owner",
      tokenId: admin.record.id,
      revoked: phone.record.id
    })
    expect((yield* send(`${url}/api/tokens`, bearer(phone.token))).status).toBe(401)
    expect((yield* send(`${url}/api/tokens/${phone.record.id}/revoke`, { method: "POST", ...bearer(admin.token) })).status).toBe(
      404
    )
  })
)

it.scopedLive("X3 a client lists and revokes only itself", () =>
  Effect.gen(function* () {
    const { dataDir, url } = yield* start()
    const other = yield* Tokens.create(dataDir, { name: "other" })
    const ownToken = yield* Tokens.create(dataDir, { name: "own" })
    expect(JSON.parse((yield* send(`${url}/api/tokens`, bearer(ownToken.token))).body)).toEqual([
      { ...ownToken.record, current: true }
    ])
    const revoke = (id: string) => send(`${url}/api/tokens/${id}/revoke`, { method: "POST", ...bearer(ownToken.token) })
    expect(yield* revoke(other.record.id)).toMatchObject({ status: 403, body: expect.stringContaining("--admin") })
    expect((yield* revoke(ownToken.record.id)).status).toBe(200)
  })
)

it.scopedLive("X3 a pairing code has the role of its creator: the page's codes create clients", () =>
  Effect.gen(function* () {
    const { dataDir, url } = yield* start()
    const { code } = yield* Pairing.create(dataDir, { scope: "admin" })
    const redeem = (text: string) => send(`${url}/pair`, { body: JSON.stringify({ code: text }) })
    const admin = JSON.parse((yield* redeem(code)).body) as { readonly token: string; readonly id: string }
    const made = JSON.parse((yield* send(`${url}/api/pair`, { method: "POST", ...bearer(admin.token) })).body) as {
      readonly code: string
    }
    const client = JSON.parse((yield* redeem(made.code)).body) as { readonly id: string }
    const roles = new Map((yield* Tokens.list(dataDir)).map(({ id, role }) => [id, role]))
    expect([roles.get(admin.id), roles.get(client.id)]).toEqual(["admin", "client"])
  })
)
