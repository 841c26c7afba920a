/** Globs of approval rules: `**` = any directories, `*` and `?` within one name. As in a shell, a name that begins with a dot needs a dot in the glob. */

/** Whether a name matches a pattern with `*` and `?`. The time is at most proportional to the product of both lengths. */
const nameMatches = (pattern: string, name: string): boolean => {
  let star = -1
  let retry = 0
  let p = 0
  let n = 0
  while (n < name.length) {
    if (pattern[p] === "*") {
      star = p++
      retry = n
    } else if (p < pattern.length && (pattern[p] === "?" || pattern[p] === name[n])) {
      p++
      n++
    } else if (star >= 0) {
      p = star + 1
      n = ++retry
    } else return false
  }
  while (pattern[p] === "*") p++
  return p === pattern.length
}

/**
 * Whether the path matches. Both are relative, with `/` between names. `hidden`: a name that begins with a dot matches without a dot in the glob. The time is
 * at most proportional to the product of both lengths.
 */
export const matches = (glob: string, path: string, hidden = false): boolean => {
  const names = path.split("/")
  const isHidden = (name: string | undefined) => !hidden && name?.startsWith(".") === true
  /** reached[n]: whether the patterns so far match the first n names. */
  let reached = names.map(() => false)
  reached = [true, ...reached]
  for (const pattern of glob.split("/")) {
    const next = reached.map(() => false)
    for (let n = 0; n <= names.length; n++) {
      const name = names[n - 1]
      if (pattern === "**") next[n] = reached[n] === true || (n > 0 && next[n - 1] === true && !isHidden(name))
      else if (n > 0 && reached[n - 1] === true && name !== undefined)
        next[n] = (pattern.startsWith(".") || !isHidden(name)) && nameMatches(pattern, name)
    }
    reached = next
  }
  return reached[names.length] === true
}
