import { assert, describe, it } from "@effect/vitest"
import { SecretName } from "@millrace/contracts/Settings"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect, Schema } from "effect"
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as DataFiles from "./DataFiles.ts"
import * as Secrets from "./Secrets.ts"

const inMemory = Effect.provide(Secrets.Secrets, Secrets.layerMemory)
const onDisk = Effect.map(temporaryDirectory, Secrets.make)
const names = (secrets: typeof Secrets.Secrets.Service) => Effect.map(secrets.list, (all) => all.map(({ name }) => name))

describe.each([
  ["files", onDisk],
  ["memory", inMemory]
] as const)("secrets: %s", (_, store) => {
  it.scoped("X4 a value is found under its name until it is removed; a list has no values", () =>
    Effect.gen(function* () {
      const secrets = yield* store
      // Names that a path or a file system without case would confuse.
      for (const name of ["TOKEN", "token", "..", "."]) yield* secrets.set(name, `value of ${name}`)
      yield* secrets.set("TOKEN", "another")
      assert.deepStrictEqual(yield* names(secrets), [".", "..", "TOKEN", "token"])
      assert.notInclude(JSON.stringify(yield* secrets.list), "value of")
      assert.strictEqual(yield* secrets.get("TOKEN"), "another")
      assert.strictEqual(yield* secrets.get("token"), "value of token")
      assert.strictEqual(yield* secrets.get("missing"), undefined)
      assert.deepStrictEqual([yield* secrets.remove("token"), yield* secrets.remove("token")], [true, false])
      assert.strictEqual(yield* secrets.get("token"), undefined)
    })
  )

  it.scoped("X4 a given value gets a name that is the same for the same value", () =>
    Effect.gen(function* () {
      const secrets = yield* store
      const name = yield* secrets.keep("API KEY/1", "hunter22")
      assert.isTrue(Schema.is(SecretName)(name), name)
      assert.match(name, /^API_KEY_1-/)
      assert.strictEqual(yield* secrets.keep("API KEY/1", "hunter22"), name)
      assert.notStrictEqual(yield* secrets.keep("API KEY/1", "hunter23"), name)
      assert.isTrue(Schema.is(SecretName)(yield* secrets.keep("x".repeat(500), "hunter22")))
      assert.strictEqual(yield* secrets.get(name), "hunter22")
      assert.isTrue((yield* secrets.list).every(({ given }) => given))
    })
  )
})

describe("the files of secrets", () => {
  it.scoped("X4 are for this user only, and a backup has them", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const secrets = Secrets.make(directory)
      yield* secrets.set("TOKEN", "one")
      yield* secrets.keep("KEY", "two")
      const root = join(directory, "secrets")
      assert.strictEqual(statSync(root).mode & 0o777, 0o700)
      assert.strictEqual(readdirSync(root).length, 3)
      for (const name of readdirSync(root)) assert.strictEqual(statSync(join(root, name)).mode & 0o777, 0o600)
      assert.deepInclude(DataFiles.of("secrets"), { kind: "access", backedUp: true })
    })
  )

  it.scoped("X4 a second process sees them, and gives the same name to a given value", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const [server, cli] = [Secrets.make(directory), Secrets.make(directory)]
      const kept = yield* Effect.forEach([server, cli, server], (one) => one.keep("KEY", "value"), { concurrency: "unbounded" })
      assert.strictEqual(new Set(kept).size, 1)
      yield* cli.set("TOKEN", "one")
      assert.strictEqual(yield* server.get("TOKEN"), "one")
    })
  )

  it.scoped("X4 an error names the file and no value", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      writeFileSync(join(directory, "secrets"), "not a directory")
      const error = yield* Effect.flip(Secrets.make(directory).set("TOKEN", "hunter22"))
      assert.strictEqual(error._tag, "StorageUnavailable")
      assert.notInclude(error.message, "hunter22")
      assert.strictEqual(readFileSync(join(directory, "secrets"), "utf8"), "not a directory")
    })
  )
})
