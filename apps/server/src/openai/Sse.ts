/** Server-sent events as OpenAI's clients read them. */

export const event = (data: unknown): string => `data: ${JSON.stringify(data)}\n\n`
export const named = (name: string, data: unknown): string => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
/** Read by nobody; keeps proxies from giving up. */
export const comment = ": waiting\n\n"
export const done = "data: [DONE]\n\n"
