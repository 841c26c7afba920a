/** Pull requests with scripted `gh` and `glab`, which record their arguments and reach no network, and a remote on this machine. */
import { expect, it } from "@effect/vitest"
import { layerMemory } from "@millrace/providers/process/Ledger"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect, Layer } from "effect"
import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { vi } from "vitest"
import { commitAll, git, init, write } from "../test/Person.ts"
import * as Forge from "./Forge.ts"
import * as Git from "./Git.ts"
import * as PullRequest from "./PullRequest.ts"
import * as Repository from "./Repository.ts"

// With the real clock, because the programs are real processes.
const services = Layer.provide(Git.layer, layerMemory)

const gitFile = execFileSync("/bin/sh", ["-c", "command -v git"], { encoding: "utf8" }).trim()

/** A repository with the branch `topic` checked out, and a PATH with git and no other program. */
const setUp = Effect.map(temporaryDirectory, (directory) => {
  const base = realpathSync(directory)
  const [bin, root, away] = [join(base, "bin"), join(base, "work"), join(base, "away.git")]
  mkdirSync(bin)
  symlinkSync(gitFile, join(bin, "git"))
  vi.stubEnv("PATH", bin)
  vi.stubEnv("HOME", base)
  init(root)
  write(root, { a: "1" })
  commitAll(root)
  git(root, "switch", "-qc", "topic")
  git(base, "init", "-q", "--bare", away)
  const remote = (url: string) => {
    git(root, "remote", "add", "origin", url)
    git(root, "config", "remote.origin.pushurl", away)
  }
  const file = (name: string) => join(base, name)
  /** `answers`: cases of sh for the first two words of a call. */
  const program = (name: "gh" | "glab", answers: string) =>
    writeFileSync(
      join(bin, name),
      `#!/bin/sh
[ "$GH_PROMPT_DISABLED$NO_PROMPT$NO_COLOR" = 111 ] && [ -z "$GH_TOKEN" ] || exit 9
for word; do printf '<%s>' "$word" >> ${file("calls")}; done; echo >> ${file("calls")}
case "$1 $2" in
"auth status") [ -e ${file("signed-in")} ];;
${answers}
*) exit 8;;
esac
`,
      { mode: 0o755 }
    )
  const calls = () => {
    const lines = existsSync(file("calls")) ? readFileSync(file("calls"), "utf8").trim().split("\n") : []
    rmSync(file("calls"), { force: true })
    return lines
  }
  const propose = (more: Partial<PullRequest.Request> = {}) =>
    Effect.flatMap(Repository.find(root), (repository) => PullRequest.propose({ repository, title: "Fix the\nlogin", ...more }))
  const pushed = () => git(away, "for-each-ref", "--format=%(refname)").trim()
  return { calls, file, program, propose, pushed, remote, root }
})

const failing = (message: string) => ({ _tag: "Refused", rule: "PullRequestRefused", message: expect.stringContaining(message) })

it.scopedLive("W9 a pull request is opened once, after the push; without gh or its sign-in nothing is pushed", () =>
  Effect.gen(function* () {
    const { calls, file, program, propose, pushed, remote, root } = yield* setUp
    vi.stubEnv("GH_TOKEN", "of the server")
    remote("git@github.com:up/shop.git")
    expect(yield* Effect.flip(propose())).toMatchObject(failing("Install gh (https://cli.github.com)"))
    const url = "https://github.com/up/shop/pull/7"
    const forked = { url: "https://github.com/up/shop/pull/6", isCrossRepository: true, headRepositoryOwner: { login: "other" } }
    const listed = JSON.stringify([forked, { url, isCrossRepository: false, headRepositoryOwner: { login: "up" } }])
    program(
      "gh",
      `"repo view") echo '{"nameWithOwner":"up/shop","defaultBranchRef":{"name":"main"}}';;
"pr create") [ ! -e ${file("open")} ] || { echo "it exists already" >&2; exit 1; }; : > ${file("open")}; echo; echo ${url};;
"pr list") [ -e ${file("open")} ] && echo '${listed}';;`
    )
    const page = "https://github.com/up/shop/compare/topic?expand=1"
    expect(yield* Effect.flip(propose())).toMatchObject(failing("Run there: gh auth login --hostname github.com. Or push"))
    expect(yield* Effect.flip(propose())).toMatchObject(failing(`open ${page}. Nothing was pushed.`))
    writeFileSync(file("signed-in"), "")
    expect(yield* Effect.flip(propose({ base: "topic" }))).toMatchObject(failing("git switch -c NAME. Nothing was pushed."))
    expect(pushed()).toBe("")

    calls()
    const made = yield* propose({ body: "-x\n", draft: true })
    expect(made).toEqual({ url, commit: git(root, "rev-parse", "HEAD").trim(), branch: "topic", remote: "origin" })
    expect(pushed()).toBe("refs/heads/topic")
    expect(calls()).toEqual([
      "<auth><status><--hostname><github.com>",
      "<repo><view><--json><nameWithOwner,defaultBranchRef>",
      "<pr><create><--head=topic><--base=main><--title=Fix the login><--body=-x",
      "><--draft>"
    ])
    // As after a crash before the answer.
    expect(yield* propose()).toEqual(made)
    const list = "<--state=open><--limit=100><--json=url,isCrossRepository,headRepositoryOwner>"
    expect(calls().at(-1)).toBe(`<pr><list><--head=topic>${list}`)
    // A number would name another pull request.
    git(root, "branch", "-m", "12")
    expect(yield* propose()).toMatchObject({ url, branch: "12" })
    expect(calls().at(-1)).toBe(`<pr><list><--head=12>${list}`)
    git(root, "branch", "-m", "topic")
    program(
      "gh",
      `"repo view") echo '{"nameWithOwner":"other/shop","defaultBranchRef":{"name":"main"}}';;
"pr create") echo "No commits between main and topic" >&2; exit 1;;
"pr list") echo '${listed}';;`
    )
    expect(yield* Effect.flip(propose())).toMatchObject(failing("No commits between main and topic"))
    expect(calls().slice(2)).toEqual([
      "<pr><create><--head=up:topic><--base=main><--title=Fix the login><--body=>",
      `<pr><list><--head=topic>${list}`
    ])
  }).pipe(Effect.provide(services))
)

it.scopedLive("W9 a merge request of GitLab, on the host of a company", () =>
  Effect.gen(function* () {
    const { calls, file, program, propose, pushed, remote, root } = yield* setUp
    remote("ssh://git@code.example.com:2222/g/sub/shop.git")
    expect(yield* Effect.flip(propose())).toMatchObject(failing("found no gh or glab on its PATH"))
    const url = "https://code.example.com/g/sub/shop/-/merge_requests/3"
    program(
      "glab",
      `"repo view") echo '{"path_with_namespace":"g/sub/shop","default_branch":"main"}';; "mr create") echo "!3 As in https://code.example.com/x/-/merge_requests/1 (topic)"; echo " ${url}";;`
    )
    writeFileSync(file("signed-in"), "")
    expect(yield* propose({ base: "next" })).toMatchObject({ url })
    expect(pushed()).toBe("refs/heads/topic")
    expect(calls()).toEqual([
      "<auth><status><--hostname><code.example.com>",
      "<repo><view><--output><json>",
      "<mr><create><--source-branch=topic><--target-branch=next><--title=Fix the login><--description=><--yes>"
    ])
    const one = { web_url: url, state: "opened", source_project_id: 4, target_project_id: 4 }
    const listed = JSON.stringify([{ ...one, web_url: "https://of.a.fork", source_project_id: 5 }, one])
    program(
      "glab",
      `"repo view") echo '{"path_with_namespace":"g/sub/shop","default_branch":"main"}';; "mr create") exit 1;;
"mr list") echo '${listed}';;`
    )
    expect(yield* propose()).toMatchObject({ url })
    expect(calls().at(-1)).toBe("<mr><list><--source-branch=topic><--per-page=100><--output=json>")
    git(root, "remote", "set-url", "origin", "/srv/shop.git")
    expect(yield* Effect.flip(propose())).toMatchObject(failing("its address has no host"))
  }).pipe(Effect.provide(services))
)

it("the host and the path of a remote", () => {
  const shop = { host: "github.com", path: "up/shop" }
  for (const url of [
    "https://github.com/up/shop.git",
    "https://me:secret@github.com/up/shop/",
    "git@github.com:up/shop.git",
    "github.com:/up/shop",
    "ssh://git@github.com:443/up/shop",
    "ssh://git@ssh.github.com:443/up/shop.git",
    "git@GitHub.com:up/shop.git"
  ])
    expect([url, Forge.placeOf(url)]).toEqual([url, shop])
  for (const url of ["/srv/a:b.git", "./a", "file:///srv/a", "https://github.com/", "git@[::1]:a/b", ""])
    expect(Forge.placeOf(url)).toBeUndefined()
})
