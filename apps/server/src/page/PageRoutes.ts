/** The routes for browsers: the web application, and the style of the server's own pages. */
import { HttpLayerRouter, HttpServerResponse } from "@effect/platform"
import { Effect } from "effect"
import { style } from "./PageStyle.ts"
import * as WebPage from "./WebPage.ts"

const css = HttpServerResponse.text(style, {
  contentType: "text/css; charset=utf-8",
  headers: { "cache-control": "no-cache" }
})

export const make = Effect.map(WebPage.make, (page) => [...page, HttpLayerRouter.route("GET", "/app.css", Effect.succeed(css))])
