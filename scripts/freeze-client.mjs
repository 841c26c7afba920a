// `node scripts/freeze-client.mjs OUT [CHECKOUT]`: writes the client of a checkout, with the fold of events into views, as one module. The client of the
// last release is in apps/server/test/fixtures/clients; evolution.test.ts runs it against this server. Run this at each release.
import { resolve } from "node:path"
import { build } from "esbuild"
import { unused } from "./bundle.mjs"

const [out, checkout = resolve(import.meta.dirname, "..")] = process.argv.slice(2)
if (out === undefined) throw new Error("usage: node scripts/freeze-client.mjs OUT [CHECKOUT]")
const packages = resolve(checkout, "packages")
await build({
  stdin: {
    contents: `export { createClient } from "./client/src/createClient.ts"
export * as AppState from "./model/src/AppState.ts"
export * as Transcript from "./model/src/Transcript.ts"`,
    resolveDir: packages
  },
  // The packages import each other by name; without this a checkout without an install would get ours.
  alias: Object.fromEntries(
    ["client", "contracts", "model"].map((name) => [`@millrace/${name}`, resolve(packages, name, "src")])
  ),
  resolveExtensions: [".ts", ".js", ".json"],
  plugins: [unused],
  outfile: out,
  bundle: true,
  minify: true,
  platform: "node",
  format: "esm",
  target: "node20",
  // `ws` is CommonJS and requires modules of Node.
  banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  legalComments: "none",
  logLevel: "error"
})
