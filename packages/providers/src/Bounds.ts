/** Maximum running tools of one turn that are tracked, because an agent may never end them (R7). With one more, the end of the oldest is not recognised. */
export const maxTools = 1024
