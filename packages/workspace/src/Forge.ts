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
  readonly view: (head: string) => ReadonlyArray<string>
  /** The address of a pull request that is open. */
  readonly readOpen: (output: string) => string | undefined
}

const read = <A, I, B>(schema: Schema.Schema<A, I>, of: (value: A) => B) => {
  const decode = Schema.decodeOption(Schema.parseJson(schema))
  return (output: string): B | undefined => Option.getOrUndefined(Option.map(decode(output), of))
}

const text = Schema.String

/** A value that begins with `-` stays a value. */
const flag = (name: string, value: string): string => `--${name}=${value}`

const inPath = (name: string): string => name.split("/").map(encodeURIComponent).join("/")

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
  view: (head) => ["pr", "view", head, "--json", "url,state"],
  readOpen: read(Schema.Struct({ url: text, state: text }), ({ state, url }) => (state === "OPEN" ? url : undefined))
}

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
  view: (head) => ["mr", "view", head, "--output", "json"],
  readOpen: read(Schema.Struct({ web_url: text, state: text }), ({ state, web_url: url }) =>
    state === "opened" ? url : undefined
  )
}

/** The programs that may know the host. */
export const of = (host: string): ReadonlyArray<Forge> =>
  /(^|\.)github\./i.test(host) ? [gh] : /(^|\.)gitlab\./i.test(host) ? [glab] : [gh, glab]

const forms = [
  /^(?:https?|ssh|git):\/\/(?:[^/@]*@)?([^/:]+)(?::\d+)?\/(.+?)(?:\.git)?\/?$/,
  /^(?:[^/@:]+@)?([^/:]+):(?!\/\/)\/?(.+?)(?:\.git)?\/?$/
]

/** `undefined`: the address has no host, such as a path on this machine. */
export const placeOf = (url: string): Place | undefined => {
  for (const form of forms) {
    const [, host, path] = form.exec(url) ?? []
    if (host !== undefined && path !== undefined && !host.startsWith("-")) return { host, path }
  }
  return undefined
}
