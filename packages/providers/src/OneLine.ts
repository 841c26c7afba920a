/** What is asked, as a title of one line: at most 200 characters. */
export const oneLine = (words: string): string => {
  const line = words.replace(/\s+/g, " ").trim()
  return line.length > 200 ? `${line.slice(0, 199)}…` : line
}
