/** Pushes the branch of a work tree to the branch of the same name, as the person would. Never by force, and without a prompt. */
import { type Duration, Effect } from "effect"
import * as PersonGit from "./PersonGit.ts"
import type { Repository } from "./Repository.ts"

export interface Request {
  readonly repository: Repository
  /** The name of a remote. Default: git's choice for the branch, or the only remote, or `origin`. */
  readonly remote?: string | undefined
  /** The longest time of the hook and git. Default 2 minutes. */
  readonly deadline?: Duration.DurationInput | undefined
}

export interface Pushed {
  readonly commit: string
  readonly branch: string
  readonly remote: string
}

const config = (repository: Repository, name: string) =>
  Effect.map(PersonGit.run(repository, ["config", "--get", name], { codes: [0, 1] }), ({ code, stdout }) =>
    code === 0 ? stdout.toString("utf8").replace(/\n$/, "") : undefined
  )

/** The remote to push to. Refused unless it is one of the configured names: git would take any URL or path. */
export const remoteOf = (repository: Repository, branch: string, wanted: string | undefined) =>
  Effect.gen(function* () {
    const { stdout } = yield* PersonGit.run(repository, ["remote"])
    const names = stdout
      .toString("utf8")
      .split("\n")
      .filter((name) => name !== "")
    const remote =
      wanted ??
      (yield* config(repository, `branch.${branch}.pushRemote`)) ??
      (yield* config(repository, "remote.pushDefault")) ??
      (yield* config(repository, `branch.${branch}.remote`)) ??
      (names.length === 1 ? names[0] : undefined) ??
      "origin"
    if (names.includes(remote)) return remote
    return yield* PersonGit.refuse(
      "GitRefused",
      `The repository has no remote ${remote}. ${names.length === 0 ? "Add one with git remote add." : `It has: ${names.slice(0, 20).join(", ")}.`} Nothing was pushed.`
    )
  })

/** A branch without an upstream gets the branch of the remote. Refused if there is no such remote, or if the remote rejects the push. After a timeout it can have arrived. */
export const push = Effect.fn("Push.push")(
  function* ({ deadline = "2 minutes", repository, remote: wanted }: Request) {
    const branch = yield* PersonGit.branchOf(repository)
    const commit = yield* PersonGit.headOf(repository)
    const remote = yield* remoteOf(repository, branch, wanted)
    const hasUpstream = (yield* config(repository, `branch.${branch}.merge`)) !== undefined
    const ssh = (yield* config(repository, "core.sshCommand")) ?? "ssh"
    const ref = `refs/heads/${branch}`
    yield* PersonGit.run(
      repository,
      ["push", "--quiet", "--no-progress", ...(hasUpstream ? [] : ["--set-upstream"]), "--", remote, `${ref}:${ref}`],
      { env: { GIT_SSH_COMMAND: `${ssh} -o BatchMode=yes` }, deadline, long: true }
    )
    return { commit, branch, remote } satisfies Pushed
  },
  Effect.mapError((error) =>
    error._tag === "Refused"
      ? error
      : PersonGit.answered(
          error,
          error._tag === "GitTimeout" ? "It is not known whether the push arrived: push again." : "The push was refused."
        )
  )
)
