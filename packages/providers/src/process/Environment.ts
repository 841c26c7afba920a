/**
 * The variables that an agent inherits from the server: an allow-list, so that the server's tokens and keys do not reach the agent unless the
 * configuration passes them (X4). Proxy URLs are passed unchanged.
 */
import { isSecretName } from "@millrace/contracts/Settings"

const allowed = new Set([
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "SHELL",
  "LANG",
  "LANGUAGE",
  "TERM",
  "COLORTERM",
  "TZ",
  "TMPDIR",
  "XDG_CONFIG_HOME",
  "XDG_DATA_HOME",
  "XDG_STATE_HOME",
  "XDG_CACHE_HOME",
  "XDG_RUNTIME_DIR",
  "SSH_AUTH_SOCK",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "ALL_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy",
  "all_proxy",
  "NODE_EXTRA_CA_CERTS",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "REQUESTS_CA_BUNDLE",
  "CURL_CA_BUNDLE",
  "GIT_SSL_CAINFO",
  // Where tools are installed: directories, no secrets.
  "JAVA_HOME",
  "GOPATH",
  "GOROOT",
  "CARGO_HOME",
  "RUSTUP_HOME",
  "NVM_DIR",
  "VOLTA_HOME",
  "PNPM_HOME",
  "BUN_INSTALL",
  "PYENV_ROOT",
  "VIRTUAL_ENV",
  "CONDA_PREFIX",
  "ANDROID_HOME"
])

export type Environment = Readonly<Record<string, string | undefined>>

/** Variable with the id of the ledger entry, in the environment of a child and of all processes it starts. It proves which child a process belongs to. */
export const marker = "MILLRACE_CHILD"

/** Variables that the server sets for the agents of a thread. */
const ofThread = new Set(["MILLRACE_WORKSPACE", "MILLRACE_PROJECT_ROOT", "MILLRACE_PORT"])

/**
 * The allow-listed part of `from`, then the variables of `configured`; a value of `undefined` removes a variable. Of `MILLRACE_*` only the variables of the
 * thread are passed on.
 */
export const select = (from: Environment, configured: Environment): Record<string, string> => {
  const out: Record<string, string> = {}
  for (const [name, value] of Object.entries(from))
    if (value !== undefined && (allowed.has(name) || name.startsWith("LC_"))) out[name] = value
  for (const [name, value] of Object.entries(configured)) {
    if (name.startsWith("MILLRACE_") && !ofThread.has(name)) continue
    if (value === undefined) delete out[name]
    else out[name] = value
  }
  return out
}

/** Minimum characters of a secret. Shorter values also occur as ordinary words: removing those would garble the text. */
const secretLength = 8

const secretsOf = (configured: Environment, further: ReadonlyArray<string>): ReadonlyArray<string> =>
  Object.entries(configured)
    .flatMap(([name, value]) => (value !== undefined && isSecretName(name) ? [value] : []))
    .concat(further)
    .filter((value) => value.length >= secretLength)

/** Replaces in a text the `further` values, and the values of variables whose names look like secrets, with `(secret)`. Used for an agent's stderr and for unparsed lines in errors (X4). */
export const redactor = (configured: Environment, further: ReadonlyArray<string> = []): ((text: string) => string) => {
  const secrets = secretsOf(configured, further)
  return (text) => secrets.reduce((left, secret) => left.replaceAll(secret, "(secret)"), text)
}

/** The same for a text that comes in parts: a secret that two parts divide is replaced too. `end` returns the last part. */
export const partRedactor = (configured: Environment, further: ReadonlyArray<string> = []) => {
  const hide = redactor(configured, further)
  const held = Math.max(0, ...secretsOf(configured, further).map((secret) => secret.length - 1))
  let rest = ""
  return {
    next: (part: string): string => {
      const text = hide(rest + part)
      rest = held === 0 ? "" : text.slice(-held)
      return text.slice(0, text.length - rest.length)
    },
    end: (): string => rest
  }
}
