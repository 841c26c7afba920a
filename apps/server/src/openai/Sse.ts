/** Server-sent events in the form that OpenAI's clients read. */

export const event = (data: unknown): string => `data: ${JSON.stringify(data)}\n\n`
export const named = (name: string, data: unknown): string => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
/** A comment, which clients skip; it keeps proxies from closing a silent connection. */
export const comment = ": waiting\n\n"
export const done = "data: [DONE]\n\n"
