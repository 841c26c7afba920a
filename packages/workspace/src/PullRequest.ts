/**
 * Opens a pull request of a work tree's branch after a push, with the person's own `gh` (GitHub) or `glab` (GitLab, where it is a merge request): these have
 * the sign-in. A branch that has an open one keeps it, so a repeated command opens no second one.
 */
import { cut } from "@millrace/contracts/Text"
import { Effect } from "effect"
import * as Forge from "./Forge.ts"
import { Git, type GitError } from "./Git.ts"
import * as PersonGit from "./PersonGit.ts"
import * as Push from "./Push.ts"
import type { Repository } from "./Repository.ts"

export interface Request {
  readonly repository: Repository
  readonly title: string
  readonly body?: string | undefined
  /** The branch to merge into. Default: the repository's default branch. */
  readonly base?: string | undefined
  readonly draft?: boolean | undefined
  /** The name of a remote. Default: as of a push. */
  readonly remote?: string | undefined
}

export interface Proposed extends Push.Pushed {
  /** The address of the pull request. */
  readonly url: string
}

/** The longest time of one process. */
const deadline = "1 minute"
const maxTitle = 250

const refuse = (message: string) => PersonGit.refuse("PullRequestRefused", message)

const run = (
  { root: cwd }: Repository,
  { program }: Pick<Forge.Forge, "program">,
  args: ReadonlyArray<string>,
  codes: ReadonlyArray<number> = [0]
) =>
  Effect.flatMap(Git, (git) => git.run(args, { cwd, program, codes, deadline, long: true })).pipe(
    Effect.map(({ code, stdout }) => ({ code, text: stdout.toString("utf8") }))
  )

const words = (forges: ReadonlyArray<Forge.Forge>, word: (forge: Forge.Forge) => string) => forges.map(word).join(" or ")

/** The first of the programs that is signed in to the host. Refused with what to install or to run. */
const signedIn = (repository: Repository, branch: string, place: Forge.Place, base: string | undefined) =>
  Effect.gen(function* () {
    const forges = Forge.of(place.host)
    const installed: Array<Forge.Forge> = []
    for (const forge of forges) {
      const asked = Effect.map(
        run(repository, forge, ["auth", "status", "--hostname", place.host], [0, 1, 2, 4]),
        ({ code }) => code
      )
      const code = yield* Effect.catchTag(asked, "GitMissing", () => Effect.succeed(undefined))
      if (code === 0) return forge
      if (code !== undefined) installed.push(forge)
    }
    const what =
      installed.length > 0
        ? `${words(installed, ({ program }) => program)} on the server's machine is not signed in to ${place.host}. Run there: ${words(installed, ({ program }) => `${program} auth login --hostname ${place.host}`)}.`
        : `The server found no ${words(forges, ({ program }) => program)} on its PATH. Install ${words(forges, ({ install, program }) => `${program} (${install})`)} on its machine, and sign in with ${words(forges, ({ program }) => `${program} auth login`)}.`
    const page = forges.length === 1 ? forges.map((forge) => ` and open ${forge.page(place, branch, base)}`).join("") : ""
    return yield* refuse(`${what} Or push the branch (workspace.push, millrace push THREAD)${page}. Nothing was pushed.`)
  })

interface Head {
  readonly branch: string
  /** Of the repository that has the branch; `undefined`: the one that receives the pull request. */
  readonly owner: string | undefined
}

/** The open pull request of the branch; `undefined`: none was found. */
const opened = (repository: Repository, forge: Forge.Forge, { branch, owner }: Head) =>
  run(repository, forge, forge.list(branch)).pipe(
    Effect.map(({ text }) => forge.readOpen(text, owner)),
    Effect.orElseSucceed(() => undefined)
  )

/** Opens it, or finds it: an earlier attempt may have opened it, or this one before its deadline. */
const created = (repository: Repository, forge: Forge.Forge, head: Head, wanted: Omit<Forge.Wanted, "head">) =>
  Effect.gen(function* () {
    const name = head.owner === undefined ? head.branch : forge.headOf(head.owner, head.branch)
    const made = yield* Effect.either(run(repository, forge, forge.create({ ...wanted, head: name })))
    const url = made._tag === "Right" ? Forge.addressIn(forge, made.right.text) : undefined
    if (url !== undefined) return url
    const found = yield* opened(repository, forge, head)
    if (found !== undefined) return found
    if (made._tag === "Left") return yield* made.left
    return yield* refuse(`${forge.program} did not report the address of the pull request. Send a new command, which finds it.`)
  })

const answered = (error: GitError): PersonGit.ActError => {
  switch (error._tag) {
    case "GitFailed":
      return refuse(`No pull request was opened. ${PersonGit.shown(error.message)}`)
    case "GitTimeout":
      return refuse(`${error.message} It is not known whether a pull request was opened: send a new command, which finds it.`)
    default:
      return error
  }
}

/** Refused before the push if no program is signed in to the host of the remote, or if the branch is the one to merge into. */
export const propose = Effect.fn("PullRequest.propose")(
  function* ({ base, body = "", draft = false, remote: wanted, repository, title }: Request) {
    const branch = yield* PersonGit.branchOf(repository)
    const remote = yield* Push.remoteOf(repository, branch, wanted)
    const { stdout } = yield* PersonGit.run(repository, ["remote", "get-url", remote])
    const place = Forge.placeOf(stdout.toString("utf8").trim())
    if (place === undefined)
      return yield* refuse(
        `The remote ${remote} is not on GitHub or GitLab: its address has no host. Name another one (remote, --remote), or only push the branch (workspace.push, millrace push THREAD). Nothing was pushed.`
      )
    const forge = yield* signedIn(repository, branch, place, base)
    const target = forge.readTarget((yield* run(repository, forge, forge.target)).text)
    if (target === undefined)
      return yield* refuse(`${forge.program} did not name the repository of ${repository.root}. Nothing was pushed.`)
    const into = base ?? target.defaultBranch
    if (branch === into)
      return yield* refuse(
        `${repository.root} has the branch ${branch} checked out, into which the pull request would be merged. Use a thread with a worktree, or create a branch there with git switch -c NAME. Nothing was pushed.`
      )
    const pushed = yield* Push.push({ repository, remote })
    const isTarget = target.path.toLowerCase() === place.path.toLowerCase()
    const head = { branch, owner: isTarget ? undefined : (place.path.split("/")[0] ?? "") }
    const line = cut(title.replaceAll(/\s+/g, " ").trim(), maxTitle)
    return {
      ...pushed,
      url: yield* created(repository, forge, head, { base: into, body, draft, title: line })
    } satisfies Proposed
  },
  Effect.mapError((error) => (error._tag === "Refused" ? error : answered(error)))
)
