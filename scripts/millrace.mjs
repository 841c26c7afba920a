// `pnpm millrace ARGS`: builds when a source is newer than the bundle, then becomes the program.
import { spawnSync } from "node:child_process"
import { existsSync, readdirSync, statSync } from "node:fs"
import { join, resolve } from "node:path"

const root = resolve(import.meta.dirname, "..")
const stamp = join(root, "apps/server/dist/.built")

const newest = () => {
  const files = ["pnpm-lock.yaml", "apps/web/index.html", "apps/web/vite.config.ts"]
  let latest = Math.max(...files.map((file) => statSync(join(root, file)).mtimeMs))
  for (const area of ["apps", "packages"])
    for (const room of readdirSync(join(root, area))) {
      const source = join(root, area, room, "src")
      if (!existsSync(source)) continue
      for (const entry of readdirSync(source, { recursive: true }))
        latest = Math.max(latest, statSync(join(source, entry)).mtimeMs)
    }
  return latest
}

if (!existsSync(stamp) || statSync(stamp).mtimeMs < newest()) {
  process.stderr.write("building … ")
  // In a separate process: the bundlers use half a gigabyte and leave a service running.
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, "build.mjs")], {
    stdio: ["ignore", "inherit", "inherit"]
  })
  if (status !== 0) process.exit(status ?? 1)
}

process.env["MILLRACE_COMMAND"] = "pnpm millrace"
process.argv[1] = join(root, "apps/server/dist/main.mjs")
await import(process.argv[1])
