/**
 * `GET /`: the built web application (`apps/web/scripts/build.mjs`), compressed at build time. A file is read once, the page itself at start, because a
 * later build replaces it. Browsers may cache hashed files indefinitely, but revalidate the page. The policy allows nothing inline and nothing from
 * other origins.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { extname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { HttpLayerRouter, HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { Effect } from "effect"
import * as Html from "./Html.ts"
import * as Respond from "../http/Respond.ts"

/** The directory next to the bundled program if it exists, otherwise the directory in the checkout. */
const places = ["./web/", "../../../web/dist/"]

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml"
}

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

interface Body {
  readonly encoding: "br" | "gzip" | undefined
  readonly bytes: () => Uint8Array
}
interface File {
  readonly path: `/${string}`
  readonly headers: Readonly<Record<string, string>>
  readonly contentType: string
  /** The smallest encoding first. The last entry is uncompressed. */
  readonly bodies: ReadonlyArray<Body>
}

const reading = (path: string) => {
  let bytes: Uint8Array | undefined
  return () => (bytes ??= readFileSync(path))
}

const fileOf = (folder: string, name: string): File => {
  const page = name === "index.html"
  const compressed = [
    { encoding: "br", ending: ".br" },
    { encoding: "gzip", ending: ".gz" }
  ] as const
  return {
    path: page ? "/" : `/${name}`,
    contentType: types[extname(name)] ?? "application/octet-stream",
    headers: {
      "cache-control": name.startsWith("assets/") ? "public, max-age=31536000, immutable" : "no-cache",
      vary: "accept-encoding",
      ...(page && { "content-security-policy": policy, "referrer-policy": "no-referrer" })
    },
    bodies: [
      ...compressed.flatMap(({ encoding, ending }) =>
        existsSync(join(folder, name + ending)) ? [{ encoding, bytes: reading(join(folder, name + ending)) }] : []
      ),
      { encoding: undefined, bytes: reading(join(folder, name)) }
    ]
  }
}

/** Absent: this checkout was not built. */
const built = (): string | undefined =>
  places.map((place) => fileURLToPath(new URL(place, import.meta.url))).find((at) => existsSync(join(at, "index.html")))

/** A route for each file of a built page; `index.html` is read now. */
export const routesOf = (folder: string) => {
  const files = readdirSync(folder, { recursive: true })
    .map((name) => String(name))
    .filter((name) => types[extname(name)] !== undefined)
    .map((name) => fileOf(folder, name))
  for (const { bodies } of files.filter(({ path }) => path === "/")) for (const { bytes } of bodies) bytes()
  return files.map((file) => HttpLayerRouter.route("GET", file.path, serve(file)))
}

/** Response for a file that a later build deleted. */
const notFound = Respond.plain(
  404,
  "NotFound",
  "The web application was rebuilt since this server started. Restart the server, then reload the page.",
  {
    "cache-control": "no-store"
  }
)

const serve = ({ bodies, contentType, headers }: File) =>
  Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
    const accepted = request.headers["accept-encoding"] ?? ""
    const body = bodies.find(
      ({ encoding }) => encoding === undefined || new RegExp(`\\b${encoding}\\b(?!;q=0(\\.0*)?(,|$))`).test(accepted)
    )
    return Effect.try(() => body?.bytes() ?? new Uint8Array()).pipe(
      Effect.map((bytes) =>
        HttpServerResponse.uint8Array(bytes, {
          contentType,
          headers: { ...headers, ...(body?.encoding !== undefined && { "content-encoding": body.encoding }) }
        })
      ),
      Effect.orElseSucceed(() => notFound)
    )
  })

const missing = Html.page(
  "Millrace",
  `<main class="docs"><h1>Millrace runs; its page is not built</h1>
<p>The web application of this checkout is not built yet. Stop the server and run:</p><pre>npx pnpm@10.34.9 build</pre>
<p>The <a href="/docs">interface</a> works without it, and so does <code>millrace run "hello"</code>.</p></main>`
)

/** One route for each file. */
export const make = Effect.sync(() => {
  const folder = built()
  return folder === undefined ? [HttpLayerRouter.route("GET", "/", Effect.succeed(missing))] : routesOf(folder)
})
