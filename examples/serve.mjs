/**
 * Serves browser.html, and forwards every other request to the server unchanged, so that the page and the server have one origin.
 *
 *   node examples/serve.mjs        # prints the address of the page
 *
 * The server still rejects pages of other origins, because Host and Origin are forwarded unchanged. Needs Node 20, no packages.
 */
import { readFileSync } from "node:fs"
import { createServer, request } from "node:http"

const url = process.env.MILLRACE_URL ?? "http://127.0.0.1:7717"
if (!url.startsWith("http://")) {
  console.error(`MILLRACE_URL must begin with http://, and is ${url}.`)
  process.exit(1)
}
const { hostname: host, port } = new URL(url)
// A URL has brackets around an IPv6 address, but a DNS lookup rejects them.
const hostname = host.replace(/^\[|\]$/g, "")
const page = readFileSync(new URL("browser.html", import.meta.url))
const policy = "default-src 'none'; connect-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; form-action 'none'"

const server = createServer((incoming, outgoing) => {
  if (incoming.url === "/") {
    outgoing.writeHead(200, { "content-type": "text/html; charset=utf-8", "content-security-policy": policy }).end(page)
    return
  }
  const { headers, method, url: path } = incoming
  const forwarded = request({ hostname, port, path, method, headers }, (response) => {
    outgoing.writeHead(response.statusCode, response.headers)
    response.pipe(outgoing)
    // A response that breaks off must not look complete.
    response.on("error", () => outgoing.destroy())
  })
  forwarded.on("error", () =>
    outgoing.headersSent ? outgoing.destroy() : outgoing.writeHead(502).end("The server does not answer.")
  )
  outgoing.on("close", () => forwarded.destroy())
  incoming.pipe(forwarded)
})
server.listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/`))
