// `pnpm release:check [--all]`: installs the packages of dist/npm (`pnpm pack:all`) as a stranger would, in an empty project with an empty home and without
// a compiler on the PATH, and uses them. Without `--all` one cell: Node 22 and npm 12. Prints a table; exits with 1 when a cell fails.
import { spawn, spawnSync } from "node:child_process"
import { createRequire } from "node:module"
import { once } from "node:events"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { gzipSync } from "node:zlib"

const root = resolve(import.meta.dirname, "..")
const packages = join(root, "dist/npm")
const cache = join(root, ".cache/release")
const nodes = { 20: "20.20.2", 22: "22.23.5", 24: "24.22.3" }
const managers = { "npm 11": "npm@11.21.2", "npm 12": "npm@12.2.2", pnpm: "pnpm@10.34.9" }

const npm = (...args) => {
  const { status, stderr, stdout } = spawnSync("npm", args, { encoding: "utf8" })
  if (status !== 0) throw new Error(`npm ${args.join(" ")} ended with ${status}: ${stderr}`)
  return stdout.trim()
}
/** How this machine reaches the registry, without the settings of this checkout and of Millrace. */
const network = {
  ...Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(npm_|pnpm_|PNPM_|XDG_|MILLRACE_|NODE_PATH$|INIT_CWD$)/.test(name))
  ),
  npm_config_registry: npm("config", "get", "registry"),
  npm_config_userconfig: npm("config", "get", "userconfig")
}
/** Time limit of each step. A step takes far less, so a machine without network fails with a message. */
const timeout = 600_000

/** The directory of a package from npm, which is fetched once. No install script runs. */
const fetched = (spec) => {
  const [name] = spec.split("@")
  const home = join(cache, spec.replace("@", "-"))
  const directory = join(home, "node_modules", name)
  if (!existsSync(directory)) npm("install", "--prefix", home, "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", spec)
  return directory
}

const nodeOf = (version) => join(fetched(`node-${process.platform}-${process.arch}@${nodes[version]}`), "bin/node")

const cliOf = (manager) => join(fetched(managers[manager]), manager === "pnpm" ? "bin/pnpm.cjs" : "bin/npm-cli.js")

/** The system programs that commands of package managers need. */
const tools = ["sh", "sed", "dirname", "basename", "uname"]

/** An environment with this Node and these tools, and nothing else. */
const environment = (node, work) => {
  const bin = join(work, "bin")
  mkdirSync(bin)
  symlinkSync(node, join(bin, "node"))
  for (const tool of tools) symlinkSync(`${existsSync(`/bin/${tool}`) ? "/bin" : "/usr/bin"}/${tool}`, join(bin, tool))
  const home = join(work, "home")
  mkdirSync(home)
  return { ...network, PATH: bin, HOME: home, TMPDIR: work, npm_config_update_notifier: "false" }
}

const finished = async (child) => {
  const text = { out: "", err: "" }
  child.stdout.on("data", (part) => (text.out += part))
  child.stderr.on("data", (part) => (text.err += part))
  const [code, signal] = await once(child, "close")
  return { code: code ?? signal, ...text }
}

const expect = (what, holds, { code, err, out } = {}) => {
  if (!holds) throw new Error(`${what}${code === undefined ? "" : ` (exit ${code})\n${out}${err}`}`)
}

const tarball = (name) => {
  const found = existsSync(packages)
    ? readdirSync(packages).find((file) => new RegExp(`^${name}-\\d.*\\.tgz$`).test(file))
    : undefined
  if (found === undefined) throw new Error(`There is no ${name} in dist/npm: run pnpm pack:all first`)
  return join(packages, found)
}

/** Installs the program globally in an empty home, starts it, loads the page, runs a turn, stops it. */
const programCell = async (version, manager) => {
  const node = nodeOf(version)
  const cli = cliOf(manager)
  const work = mkdtempSync(join(tmpdir(), "millrace-release-"))
  const env = environment(node, work)
  let server
  try {
    const prefix = join(work, "global")
    const started = performance.now()
    const args =
      manager === "pnpm"
        ? ["add", "--global", `--global-dir=${prefix}`, `--global-bin-dir=${env.PATH}`, tarball("millrace")]
        : ["install", "--global", "--prefix", prefix, "--no-audit", "--no-fund", tarball("millrace")]
    const install = await finished(spawn(node, [cli, ...args], { cwd: work, env: { ...env, PNPM_HOME: env.PATH }, timeout }))
    expect("the install failed", install.code === 0, install)
    const installed = performance.now()
    const command = manager === "pnpm" ? join(env.PATH, "millrace") : join(prefix, "bin/millrace")
    const millrace = (...given) => spawn(command, given, { cwd: work, env, timeout })
    if (version === "20") {
      const refused = await finished(millrace("--help"))
      expect("Node 20 is told what to do", refused.code === 2 && /use Node 22\.13 or newer/.test(refused.err), refused)
      return { install: installed - started, note: "one sentence, exit 2" }
    }
    server = spawn(command, ["serve", "--port", "0", "--ready-fd", "3"], {
      cwd: work,
      env,
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      timeout
    })
    const ended = finished(server)
    const line = await Promise.race([once(server.stdio[3], "data").then(([data]) => String(data)), ended.then(() => undefined)])
    expect("the server is ready", line !== undefined, line === undefined ? await ended : undefined)
    const { url } = JSON.parse(line)
    const get = (address) => fetch(address, { signal: AbortSignal.timeout(timeout) })
    const page = await get(url)
    const script = /src="(\/assets\/[^"]+)"/.exec(await page.text())?.[1]
    expect("the page is served", page.status === 200 && script !== undefined && (await get(url + script)).status === 200)
    const answer = await finished(millrace("run", "hello"))
    expect("the demo agent answers", answer.code === 0 && answer.out.includes('You said: "hello"'), answer)
    const answered = performance.now()
    expect("no warning reaches the screen", !/ExperimentalWarning/.test(answer.err), answer)
    server.kill("SIGTERM")
    const stop = await ended
    expect("the server stops in order", stop.code === 0 && !/ExperimentalWarning/.test(stop.err), stop)
    return { install: installed - started, first: answered - installed, note: "serve, page, run, stop" }
  } finally {
    server?.kill("SIGKILL")
    rmSync(work, { recursive: true, force: true })
  }
}

/** The first JavaScript block of the README that uses the host. */
const embedding = () => /```js\n(import \{ createHost \}[\s\S]*?)```/.exec(readFileSync(join(root, "README.md"), "utf8"))[1]

/** The modules that a front end in a browser imports. */
const browser = `import * as Client from "@millrace/client/Client"
import * as HttpTransport from "@millrace/client/HttpTransport"
import * as RpcTransport from "@millrace/client/RpcTransport"
console.log(Client, HttpTransport, RpcTransport)
`
const maxBrowserBytes = 115 * 1024

/** A page with the hooks: buttons start a turn and accept what its agent asks; each thread is shown with its text. Its address names the server. */
const page = `import { createElement } from "react"
import { createRoot } from "react-dom/client"
import { connect } from "@millrace/react/LiveState"
import { MillraceProvider, useConnection, useDispatch, useRequests, useThread, useThreads } from "@millrace/react/hooks"

const { cwd, token, transport, url } = Object.fromEntries(new URLSearchParams(location.hash.slice(1)))
const live = await connect({ url, token, transport })

const Thread = ({ threadId }) => {
  const { rows, turns } = useThread(threadId)
  const text = rows.flatMap((row) => (row.kind === "item" ? [row.item.text] : [])).join("|")
  return createElement("p", { className: turns.at(-1)?.status }, text)
}
const App = () => {
  const dispatch = useDispatch()
  const turn = { text: "[[run true]] [[say hello from " + transport + "]]" }
  const start = () => dispatch("thread.create", { provider: "demo", cwd, turn })
  return [
    createElement("h1", { key: "connection" }, useConnection().state),
    createElement("button", { key: "start", onClick: start }, "Start"),
    ...useRequests().map(({ requestId }) => {
      const accept = () => dispatch("request.answer", { requestId, decision: "accept" })
      return createElement("button", { key: requestId, onClick: accept }, "Accept")
    }),
    ...useThreads().map(({ threadId }) => createElement(Thread, { key: threadId, threadId }))
  ]
}
createRoot(document.body.appendChild(document.createElement("main"))).render(
  createElement(MillraceProvider, { live }, createElement(App))
)
`
const chromium = process.env.MILLRACE_CHROMIUM ?? "/usr/bin/chromium"
const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]

/** Resolves with the first match in the output of the process. Rejects with the whole output when the process ends. */
const said = (child, pattern) =>
  new Promise((resolve, reject) => {
    let text = ""
    const look = (part) => {
      text += part
      // eslint-disable-next-line no-control-regex -- colours
      const found = pattern.exec(text.replaceAll(/\u001B\[\d*m/g, ""))
      if (found !== null) resolve(found)
    }
    child.stdout.on("data", look)
    child.stderr.on("data", look)
    child.once("close", (code) => reject(new Error(`it ended with ${code}\n${text}`)))
  })

/** A page that Vite's development server serves, so of another origin, runs and follows turns of the installed program in a real browser. */
const otherOrigin = async (node, project, env) => {
  writeFileSync(join(project, "index.html"), '<script type="module" src="/page.js"></script>')
  writeFileSync(join(project, "page.js"), page)
  const { chromium: browsers } = createRequire(join(root, "apps/web/package.json"))("playwright-core")
  const start = (...args) => spawn(node, args, { cwd: project, env, timeout })
  const vite = start("node_modules/vite/bin/vite.js", "--host", "127.0.0.1", "--port", "0")
  let server
  let browser
  try {
    const [, origin] = await said(vite, /(http:\/\/127\.0\.0\.1:\d+)/)
    server = start("node_modules/millrace/main.mjs", "serve", "--port", "0", "--allow-origin", origin)
    const [, url] = await said(server, /ready at (http:\/\/\S+)/)
    const created = await finished(start("node_modules/millrace/main.mjs", "token", "create", "page"))
    expect("a token is created", created.code === 0, created)
    browser = await browsers.launch({ executablePath: chromium, args: flags })
    for (const transport of ["http", "websocket"]) {
      const tab = await browser.newPage()
      const complaints = []
      tab.on("console", (message) => complaints.push(message.text()))
      tab.on("pageerror", (error) => complaints.push(String(error)))
      const given = new URLSearchParams({ url, token: created.out.trim(), transport, cwd: project })
      await tab.goto(`${origin}/#${given}`)
      const shown = tab.locator("p.completed", { hasText: `hello from ${transport}` })
      const steps = async () => {
        await tab.locator("h1", { hasText: "live" }).waitFor({ timeout: timeout / 4 })
        await tab.click("text=Start")
        await tab.click("text=Accept", { timeout: timeout / 4 })
        await shown.waitFor({ timeout: timeout / 4 })
      }
      await steps().catch((error) => {
        throw new Error(`the page on another origin shows no turn over ${transport}: ${complaints.join("\n")}\n${error.message}`)
      })
    }
  } finally {
    await browser?.close()
    server?.kill("SIGKILL")
    vite.kill("SIGKILL")
  }
}

/** Installs the libraries into a project: types of every public module, the embedding program of the README, a browser build of the client, a page on another origin. */
const librariesCell = async (version, manager) => {
  const node = nodeOf(version)
  const cli = cliOf(manager)
  const work = mkdtempSync(join(tmpdir(), "millrace-release-"))
  const env = environment(node, work)
  const project = join(work, "project")
  mkdirSync(project)
  const run = (...args) => finished(spawn(node, args, { cwd: project, env, timeout }))
  try {
    writeFileSync(join(project, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }))
    const tarballs = readdirSync(packages)
    const libraries = tarballs.filter((file) => !/^millrace-\d/.test(file))
    // pnpm asks the registry for a dependency of a tarball even when the project has it: these are not published.
    const overrides = libraries.map((file) => {
      const name = `@millrace/${/^millrace-(.*)-\d+\.\d+\.\d+/.exec(file)[1]}`
      return `  "${name}": "file:${join(packages, file)}"\n`
    })
    if (manager === "pnpm") writeFileSync(join(project, "pnpm-workspace.yaml"), `overrides:\n${overrides.join("")}`)
    const started = performance.now()
    const third = [
      "effect@3.22.4",
      "@effect/platform@0.97.2",
      "@effect/vitest@0.30.0",
      "vitest@3.2.7",
      "react@19.3.1",
      "react-dom@19.3.1",
      "@types/react@19.3.0",
      "@types/react-dom@19.3.0",
      "@types/node@20.19.43",
      "typescript@7.0.2",
      "vite@8.3.8"
    ]
    const install = await run(
      cli,
      ...(manager === "pnpm" ? ["add"] : ["install", "--no-audit", "--no-fund"]),
      ...tarballs.map((file) => join(packages, file)),
      ...third
    )
    expect("the install failed", install.code === 0, install)
    const installed = performance.now()

    const names = readdirSync(join(project, "node_modules/@millrace"))
    const modules = names.flatMap((name) => {
      const { exports } = JSON.parse(readFileSync(join(project, "node_modules/@millrace", name, "package.json"), "utf8"))
      return Object.keys(exports)
        .filter((key) => !key.endsWith(".mjs"))
        .map((key) => `@millrace/${name}${key.slice(1)}`)
    })
    const use = (name, n) => `import * as m${n} from "${name}"\nvoid m${n}\n`
    const isKit = (name) => name.startsWith("@millrace/adapter-kit/")
    writeFileSync(
      join(project, "consumer.ts"),
      modules
        .filter((name) => !isKit(name))
        .map(use)
        .join("")
    )
    writeFileSync(join(project, "kit.ts"), modules.filter(isKit).map(use).join(""))
    for (const [module, moduleResolution] of [
      ["nodenext", "nodenext"],
      ["esnext", "bundler"]
    ])
      // The types of vitest 3.2, which the kit imports, contradict the types of its dependency chai.
      for (const [file, skipLibCheck] of [
        ["consumer.ts", false],
        ["kit.ts", true]
      ]) {
        const lib = ["es2023", "dom", "dom.iterable", "esnext.disposable"]
        const strictness = { strict: true, exactOptionalPropertyTypes: true, skipLibCheck }
        const compilerOptions = { module, moduleResolution, target: "es2023", lib, types: ["node"], noEmit: true, ...strictness }
        writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: [file] }))
        const types = await run("node_modules/typescript/bin/tsc", "-p", ".")
        expect(`the types of ${file} hold under ${moduleResolution}`, types.code === 0, types)
      }

    writeFileSync(join(project, "embed.mjs"), embedding())
    const embedded = await run("embed.mjs")
    if (version === "20") expect("Node 20 is told what to do", /better-sqlite3/.test(embedded.err), embedded)
    else expect("the README's program runs", embedded.code === 0 && embedded.out.includes("hello from the mill"), embedded)

    writeFileSync(join(project, "index.html"), '<script type="module" src="/main.js"></script>')
    writeFileSync(join(project, "main.js"), browser)
    const built = await run("node_modules/vite/bin/vite.js", "build", "--logLevel", "error")
    expect("Vite builds the client", built.code === 0, built)
    const assets = join(project, "dist/assets")
    const bytes = readdirSync(assets).reduce((sum, file) => sum + gzipSync(readFileSync(join(assets, file))).length, 0)
    expect(`the client has ${bytes} bytes compressed, at most ${maxBrowserBytes} are allowed`, bytes <= maxBrowserBytes)
    if (version !== "20") await otherOrigin(node, project, { ...env, MILLRACE_DATA: join(work, "data") })
    return {
      install: installed - started,
      note: `types of ${modules.length} modules, ${version === "20" ? "embed refused in one sentence" : "embed"}, client ${Math.ceil(bytes / 1024)} KiB${version === "20" ? "" : ", page on another origin"}`
    }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

const cells = process.argv.includes("--all")
  ? Object.keys(nodes).flatMap((version) => Object.keys(managers).map((manager) => [version, manager]))
  : [["22", "npm 12"]]

const seconds = (millis) => (millis === undefined ? "–" : `${(millis / 1000).toFixed(1)} s`)
let failed = 0
console.log("| Node | package manager | install | install's end to first answer | result |\n| --- | --- | --- | --- | --- |")
for (const [version, manager] of cells) {
  const started = `| ${nodes[version]} | ${managers[manager]} |`
  if (version === "20" && manager === "npm 12") {
    console.log(`${started} – | – | npm 12 does not run on Node 20 |`)
    continue
  }
  try {
    const { first, install, note } = await programCell(version, manager)
    console.log(`${started} ${seconds(install)} | ${seconds(first)} | ${note} |`)
    const libraries = await librariesCell(version, manager)
    console.log(`${started} ${seconds(libraries.install)} | – | ${libraries.note} |`)
  } catch (error) {
    failed++
    console.log(`${started} – | – | FAILED |`)
    console.error(error.message)
  }
}
process.exit(failed === 0 ? 0 : 1)
