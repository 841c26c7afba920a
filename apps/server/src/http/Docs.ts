/** `/openapi.json`, and `/docs` with its script. Both are made on the first request, so that they do not delay the start. */
import { existsSync, readFileSync } from "node:fs"
import { HttpLayerRouter, HttpServerResponse } from "@effect/platform"
import { Effect } from "effect"
import { AccessConfig } from "../auth/Session.ts"
import * as Document from "../openapi/Document.ts"
import * as Page from "../openapi/Page.ts"
import * as Respond from "./Respond.ts"

/** The file next to the bundled program, or the file in the checkout. */
const scriptFile = () =>
  ["./docs.js", "../openapi/docs.js"].map((place) => new URL(place, import.meta.url)).find((url) => existsSync(url))

const scriptOf = (file: URL | undefined) =>
  file === undefined
    ? HttpServerResponse.text("This installation has no docs.js.", { status: 404 })
    : HttpServerResponse.text(readFileSync(file, "utf8"), {
        contentType: "text/javascript; charset=utf-8",
        headers: { "cache-control": "no-cache" }
      })

export const make = Effect.gen(function* () {
  const { port } = yield* AccessConfig
  const document = yield* Effect.cached(Effect.sync(() => Document.make(port())))
  const json = yield* Effect.cached(Effect.map(document, (value) => Respond.json(value)))
  const page = yield* Effect.cached(Effect.map(document, Page.make))
  const script = yield* Effect.cached(Effect.sync(() => scriptOf(scriptFile())))
  return [
    HttpLayerRouter.route("GET", "/openapi.json", json),
    HttpLayerRouter.route("GET", "/docs", page),
    HttpLayerRouter.route("GET", "/docs.js", script)
  ]
})
