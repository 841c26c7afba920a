/** The views of a thread's files, loaded together: two parts would move shared modules out of the first chunk, which compresses them less. */
export { Rewind } from "./Rewind.tsx"
export { ThreadChanges } from "./ThreadChanges.tsx"
