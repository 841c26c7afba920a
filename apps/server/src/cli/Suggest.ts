/** The word that a person probably meant. Pure. */

/** Number of insertions, deletions, replacements and swaps of neighbours that change one word into the other. */
const distance = (a: string, b: string): number => {
  let before: ReadonlyArray<number> = []
  let last = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? (before[j - 2] ?? 0) + 1 : replaced
      row.push(Math.min(replaced, swapped, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1))
    }
    before = last
    last = row
  }
  return last[b.length] ?? 0
}

/** Longest word that is compared. */
const maxLength = 40

/** The most similar of the words. `undefined` if every word differs in more than three letters, or in more than a third of them. */
export const nearest = (word: string, words: Iterable<string>): string | undefined => {
  if (word.length > maxLength) return undefined
  let best: string | undefined
  let least = Math.min(3, Math.floor(Math.max(word.length, 3) / 3)) + 1
  for (const one of words) {
    const far = distance(word.toLowerCase(), one)
    if (far < least) [best, least] = [one, far]
  }
  return best
}
