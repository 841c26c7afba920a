/** The two programs that open pull requests: their arguments, and the parts of their answers that are read. */
import { Option, Schema } from "effect"

/** Where a remote is. */
export interface Place {
  readonly host: string
  /** Of the repository, without `.git`: `owner/name`; on GitLab it can have more parts. */
  readonly path: string
}

/** The repository that receives the pull request. */
export interface Target {
  readonly path: string
  readonly defaultBranch: string
}

export interface Wanted {
  /** The branch; of another repository than the target, with its owner. */
  readonly head: string
  readonly base: string
  readonly title: string
  readonly body: string
  readonly draft: boolean
}

export interface Forge {
  readonly program: "gh" | "glab"
  readonly install: string
  /** The page on which a person opens it. */
  readonly page: (place: Place, branch: string, base: string | undefined) => string
  readonly target: ReadonlyArray<string>
  readonly readTarget: (output: string) => Target | undefined
  readonly headOf: (owner: string, branch: string) => string
  readonly create: (wanted: Wanted) => ReadonlyArray<string>
  /** Lists the open pull requests of branches with this name, also those of forks. A lookup by `view` would take a branch `12` for a number. */
  readonly list: (branch: string) => ReadonlyArray<string>
  /** The address of the open pull request of the branch. `owner`: of the fork that has the branch; `undefined`: the target has it. */
  readonly readOpen: (output: string, owner: string | undefined) => string | undefined
  /** Addresses of pull requests in a text. */
  readonly address: RegExp
}

const read = <A, I, B>(schema: Schema.Schema<A, I>, of: (value: A) => B) => {
  const decode = Schema.decodeOption(Schema.parseJson(schema))
  return (output: string): B | undefined => Option.getOrUndefined(Option.map(decode(output), of))
}

const text = Schema.String

/** A value that begins with `-` stays a value. */
const flag = (name: string, value: string): string => `--${name}=${value}`

const inPath = (name: string): string => name.split("/").map(encodeURIComponent).join("/")

/** Pull requests of one branch name that are read: those of forks come along. */
const maxListed = 100

const readPulls = read(
  Schema.Array(
    Schema.Struct({
      url: text,
      isCrossRepository: Schema.Boolean,
      // Null: the fork was deleted.
      headRepositoryOwner: Schema.NullOr(Schema.Struct({ login: text }))
    })
  ),
  (found) => found
)

const gh: Forge = {
  program: "gh",
  install: "https://cli.github.com",
  page: ({ host, path }, branch, base) =>
    `https://${host}/${path}/compare/${base === undefined ? "" : `${inPath(base)}...`}${inPath(branch)}?expand=1`,
  target: ["repo", "view", "--json", "nameWithOwner,defaultBranchRef"],
  readTarget: read(
    Schema.Struct({ nameWithOwner: text, defaultBranchRef: Schema.Struct({ name: text }) }),
    ({ defaultBranchRef, nameWithOwner }) => ({ path: nameWithOwner, defaultBranch: defaultBranchRef.name })
  ),
  headOf: (owner, branch) => `${owner}:${branch}`,
  create: ({ base, body, draft, head, title }) =>
    ["pr", "create", flag("head", head), flag("base", base), flag("title", title), flag("body", body)].concat(
      draft ? ["--draft"] : []
    ),
  list: (branch) =>
    ["pr", "list", flag("head", branch), "--state=open", `--limit=${maxListed}`].concat(
      "--json=url,isCrossRepository,headRepositoryOwner"
    ),
  readOpen: (output, owner) =>
    readPulls(output)?.find(({ headRepositoryOwner, isCrossRepository }) =>
      isCrossRepository
        ? owner !== undefined && headRepositoryOwner?.login.toLowerCase() === owner.toLowerCase()
        : owner === undefined
    )?.url,
  address: /https?:\/\/\S+\/pull\/\d+(?!\S)/g
}

const readMerges = read(
  Schema.Array(Schema.Struct({ web_url: text, state: text, source_project_id: Schema.Number, target_project_id: Schema.Number })),
  (found) => found
)

const glab: Forge = {
  program: "glab",
  install: "https://gitlab.com/gitlab-org/cli",
  page: ({ host, path }, branch) =>
    `https://${host}/${path}/-/merge_requests/new?merge_request%5Bsource_branch%5D=${encodeURIComponent(branch)}`,
  target: ["repo", "view", "--output", "json"],
  readTarget: read(
    Schema.Struct({ path_with_namespace: text, default_branch: text }),
    ({ default_branch: defaultBranch, path_with_namespace: path }) => ({ path, defaultBranch })
  ),
  headOf: (_, branch) => branch,
  create: ({ base, body, draft, head, title }) =>
    ["mr", "create", flag("source-branch", head), flag("target-branch", base), flag("title", title)].concat(
      [flag("description", body), "--yes"],
      draft ? ["--draft"] : []
    ),
  list: (branch) => ["mr", "list", flag("source-branch", branch), `--per-page=${maxListed}`, "--output=json"],
  readOpen: (output) =>
    readMerges(output)?.find(
      ({ source_project_id: source, state, target_project_id: target }) => state === "opened" && source === target
    )?.web_url,
  address: /https?:\/\/\S+\/merge_requests\/\d+(?!\S)/g
}

/** The address that the program prints after it has opened a pull request: the last one, because the title can have one too. */
export const addressIn = ({ address }: Forge, output: string): string | undefined => output.match(address)?.at(-1)

/** The programs that may know the host. */
export const of = (host: string): ReadonlyArray<Forge> =>
  /(^|\.)github\./i.test(host) ? [gh] : /(^|\.)gitlab\./i.test(host) ? [glab] : [gh, glab]

/** Hosts for ssh through the port of HTTPS. The programs are signed in to the other name. */
const sshHosts: Readonly<Record<string, string>> = { "ssh.github.com": "github.com", "altssh.gitlab.com": "gitlab.com" }
const canonical = (host: string): string => sshHosts[host] ?? host

const forms = [
  /^(?:https?|ssh|git):\/\/(?:[^/@]*@)?([^/:]+)(?::\d+)?\/(.+?)(?:\.git)?\/?$/,
  /^(?:[^/@:]+@)?([^/:]+):(?!\/\/)\/?(.+?)(?:\.git)?\/?$/
]

/** `undefined`: the address has no host, such as a path on this machine. */
export const placeOf = (url: string): Place | undefined => {
  for (const form of forms) {
    const [, host, path] = form.exec(url) ?? []
    if (host !== undefined && path !== undefined && /^\w/.test(host)) return { host: canonical(host.toLowerCase()), path }
  }
  return undefined
}
