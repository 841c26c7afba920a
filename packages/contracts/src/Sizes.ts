/** The limits of uploads and attachments. */

/** Maximum number of bytes of one blob: 32 MiB. */
export const maxBlobBytes = 32 * 1024 * 1024
/** Maximum number of attachments of one turn, or of one item. */
export const maxAttachments = 16
/** Maximum number of bytes of the attachments of one turn together: 64 MiB. */
export const maxTurnBytes = 64 * 1024 * 1024
