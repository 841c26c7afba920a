import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect } from "effect"
import { routesOf } from "./WebPage.ts"

it.scoped("a page that is rebuilt under a running server: loaded files stay available, removed ones are 404", () =>
  Effect.gen(function* () {
    const folder = yield* temporaryDirectory
    mkdirSync(join(folder, "assets"))
    for (const name of ["index.html", "index.html.br", "assets/a.js", "assets/b.js"]) writeFileSync(join(folder, name), name)
    const routes = routesOf(folder)
    const get = (path: string, encoding = "") =>
      Effect.gen(function* () {
        const request = HttpServerRequest.fromWeb(new Request(`http://mill${path}`, { headers: { "accept-encoding": encoding } }))
        const route = routes.find((one) => one.path === path)
        const answer = yield* Effect.provideService(
          route?.handler ?? Effect.die(path),
          HttpServerRequest.HttpServerRequest,
          request
        )
        const web = HttpServerResponse.toWeb(answer)
        return [web.status, web.headers.get("content-encoding"), yield* Effect.promise(() => web.text())]
      })
    expect(yield* get("/assets/a.js")).toEqual([200, null, "assets/a.js"])
    rmSync(folder, { recursive: true })
    expect(yield* get("/")).toEqual([200, null, "index.html"])
    expect(yield* get("/", "gzip, br")).toEqual([200, "br", "index.html.br"])
    expect(yield* get("/", "br;q=0")).toEqual([200, null, "index.html"])
    expect(yield* get("/assets/a.js")).toEqual([200, null, "assets/a.js"])
    expect(yield* get("/assets/b.js")).toEqual([404, null, expect.stringContaining("rebuilt")])
  })
)
