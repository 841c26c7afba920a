/**
 * Starts Debian's nginx and haproxy with the files of docs/operations.md, and Caddy with deploy/Caddyfile; only addresses and certificates are
 * replaced. Each is one child process that listens at unix sockets in a separate directory.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { readFile, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { join } from "node:path"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Data, Deferred, Effect, Exit, type Scope } from "effect"

export class ProxyEnded extends Data.TaggedError("ProxyEnded")<{ readonly message: string }> {}

export interface Proxy {
  /** The expected address of the server: a test listens there. */
  readonly upstream: string
  /** HTTP without TLS. */
  readonly plain: string
  /** HTTP/1.1 and HTTP/2 over TLS. */
  readonly tls: string
  /** Certificate of millrace.example, self-signed. */
  readonly certificate: string
}

const commands = { nginx: "/usr/sbin/nginx", haproxy: "/usr/sbin/haproxy", caddy: "/usr/bin/caddy" }

interface Started {
  readonly command: string
  readonly env?: Readonly<Record<string, string>>
  readonly args: ReadonlyArray<string>
  /** Recognises in standard error that it listens. */
  readonly isReady?: (text: string) => boolean
}

const read = (path: string) => Effect.promise(() => readFile(new URL(`../../../../${path}`, import.meta.url), "utf8"))

/** The file with other addresses. Each replaced text must exist. */
const replace = (text: string, replaced: Readonly<Record<string, string>>): Effect.Effect<string> => {
  let file = text
  for (const [from, to] of Object.entries(replaced)) {
    if (!file.includes(from))
      return Effect.dieMessage(`The documented file has no ${JSON.stringify(from)}: ${text.slice(0, 200)}`)
    file = file.replaceAll(from, to)
  }
  return Effect.succeed(file)
}

/** The block of this language in docs/operations.md. */
const documented = (language: string, replaced: Readonly<Record<string, string>>): Effect.Effect<string> =>
  Effect.flatMap(read("docs/operations.md"), (text) =>
    replace(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, "s").exec(text)?.[1] ?? "", replaced)
  )

const run = (command: string, args: ReadonlyArray<string>): Effect.Effect<void> =>
  Effect.async((resume) => {
    execFile(command, args, (error) => resume(error === null ? Effect.void : Effect.die(error)))
  })

const certify = (directory: string) =>
  Effect.gen(function* () {
    const [key, crt, pem] = ["key", "crt", "pem"].map((end) => join(directory, `millrace.${end}`)) as [string, string, string]
    const subject = ["-subj", "/CN=millrace.example", "-addext", "subjectAltName=DNS:millrace.example,DNS:localhost,IP:127.0.0.1"]
    const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    yield* run("openssl", ["req", "-x509", ...kind, ...subject, "-keyout", key, "-out", crt])
    const certificate = yield* Effect.promise(() => readFile(crt, "utf8"))
    const secret = yield* Effect.promise(() => readFile(key, "utf8"))
    yield* Effect.promise(() => writeFile(pem, certificate + secret))
    return { key, crt, pem, certificate }
  })

/** The part of Debian's nginx.conf around conf.d, for one process and this directory. */
const nginx = (
  directory: string,
  { crt, key }: { readonly crt: string; readonly key: string },
  { plain, tls, upstream }: Proxy
) =>
  Effect.gen(function* () {
    const server = yield* documented("nginx", {
      "listen 443 ssl http2;": `listen unix:${tls} ssl http2; listen unix:${plain};`,
      "/etc/nginx/millrace.crt": crt,
      "/etc/nginx/millrace.key": key,
      "http://127.0.0.1:7717": `http://unix:${upstream}:`
    })
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${name};`).join(" ")
    const main = "master_process off; pid nginx.pid; error_log stderr notice; events {}"
    const file = join(directory, "nginx.conf")
    yield* Effect.promise(() => writeFile(file, `${main}\nhttp {\naccess_log off; ${temporary}\n${server}}\n`))
    const isReady = (text: string) => text.includes("[notice]") && text.includes("OS: ")
    return { command: commands.nginx, args: ["-c", file, "-p", directory, "-g", "daemon off;"], isReady } satisfies Started
  })

/** The beginning of Debian's haproxy.cfg. Its health check of the server begins when it listens. */
const haproxy = (directory: string, { pem }: { readonly pem: string }, { plain, tls, upstream }: Proxy, ready: string) =>
  Effect.gen(function* () {
    const sections = yield* documented("haproxy", {
      "bind :443 ssl crt /etc/haproxy/millrace.pem alpn h2,http/1.1": `bind unix@${tls} ssl crt ${pem} alpn h2,http/1.1\n  bind unix@${plain}`,
      "server millrace 127.0.0.1:7717": `server millrace unix@${upstream}`
    })
    const times = "timeout connect 5000\n  timeout client 50000\n  timeout server 50000"
    const errors = [502, 503, 504].map((status) => `  errorfile ${status} /etc/haproxy/errors/${status}.http`).join("\n")
    const check = `backend ready\n  server ready unix@${ready} check`
    const file = join(directory, "haproxy.cfg")
    yield* Effect.promise(() => writeFile(file, `defaults\n  mode http\n  ${times}\n${errors}\n${sections}\n${check}\n`))
    return { command: commands.haproxy, args: ["-f", file, "-db"] } satisfies Started
  })

/** A site with TLS and one without. Caddy keeps its state in this directory. */
const caddy = (
  directory: string,
  { crt, key }: { readonly crt: string; readonly key: string },
  { plain, tls, upstream }: Proxy
) =>
  Effect.gen(function* () {
    const text = yield* read("deploy/Caddyfile")
    const site = (address: string, listen: string, certificate: string) =>
      replace(text, {
        "{$MILLRACE_SITE:localhost} {": `${address} {\n\tbind unix/${listen}`,
        "\ttls internal\n": certificate,
        // Caddy sets these headers itself, but not for a client at a unix socket.
        "{$MILLRACE_SERVER:127.0.0.1:7717}": `unix/${upstream} {\n\t\theader_up X-Forwarded-Proto {scheme}\n\t\theader_up X-Forwarded-Host {host}\n\t}`
      })
    const sites = [yield* site("https://", tls, `\ttls ${crt} ${key}\n`), yield* site("http://", plain, "")]
    const file = join(directory, "Caddyfile")
    yield* Effect.promise(() => writeFile(file, `{\n\tadmin off\n\tservers {\n\t\tprotocols h1 h2\n\t}\n}\n${sites.join("\n")}`))
    const isReady = (said: string) => said.includes("serving initial configuration")
    const env = { HOME: directory, XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory }
    return { command: commands.caddy, args: ["run", "--config", file, "--adapter", "caddyfile"], env, isReady } satisfies Started
  })

const killed = (child: ChildProcess) =>
  Effect.async<void>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    child.kill("SIGKILL")
  })

/** Listens at this path; `came` returns at the first connection. */
const asked = (path: string): Effect.Effect<{ readonly came: Effect.Effect<void> }, never, Scope.Scope> =>
  Effect.gen(function* () {
    const came = yield* Deferred.make<void>()
    yield* Effect.acquireRelease(
      Effect.async<ReturnType<typeof createServer>>((resume) => {
        const server = createServer((socket) => {
          Deferred.unsafeDone(came, Exit.void)
          socket.on("error", () => {})
          socket.destroy()
        })
        server.listen(path, () => resume(Effect.succeed(server)))
      }),
      (server) => Effect.sync(() => server.close())
    )
    return { came: Deferred.await(came) }
  })

/** Returns when the process is ready: by its standard error or by `ready`. The process ends with the scope. */
const launch = ({ args, command, env, isReady }: Started, ready: Effect.Effect<void>) =>
  Effect.gen(function* () {
    let text = ""
    const [said, over] = [yield* Deferred.make<void>(), yield* Deferred.make<never, ProxyEnded>()]
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        const child = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, ...env } })
        child.stderr.setEncoding("utf8").on("data", (part: string) => {
          text = (text + part).slice(-4_000)
          if (isReady?.(text) === true) Deferred.unsafeDone(said, Exit.void)
        })
        const ended = (message: string) => Deferred.unsafeDone(over, Exit.fail(new ProxyEnded({ message })))
        child.on("error", (error) => ended(String(error)))
        child.on("close", () => ended(`${command} ended: ${text}`))
        return child
      }),
      killed
    )
    yield* Effect.raceFirst(isReady === undefined ? ready : Deferred.await(said), Deferred.await(over))
  })

export const kinds = ["nginx", "haproxy", "caddy"] as const
export type Kind = (typeof kinds)[number]
/** The Debian packages that the tests need, and whether they are installed. */
export const packages = { nginx: "nginx-light openssl", haproxy: "haproxy openssl", caddy: "caddy openssl" }
export const isThere = (kind: Kind): boolean => [commands[kind], "/usr/bin/openssl"].every((file) => existsSync(file))

export const start = (kind: Kind): Effect.Effect<Proxy, ProxyEnded, Scope.Scope> =>
  Effect.gen(function* () {
    const directory = yield* temporaryDirectory
    const at = (name: string) => join(directory, name)
    const files = yield* certify(directory)
    const proxy = { upstream: at("up"), plain: at("plain"), tls: at("tls"), certificate: files.certificate }
    const configured = {
      nginx: nginx(directory, files, proxy),
      haproxy: haproxy(directory, files, proxy, at("ready")),
      caddy: caddy(directory, files, proxy)
    }
    yield* launch(yield* configured[kind], (yield* asked(at("ready"))).came)
    return proxy
  })
