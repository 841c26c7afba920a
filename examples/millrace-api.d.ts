// Written by `pnpm documents`: what `npx openapi-typescript URL/openapi.json` prints.
export interface paths {
    "/api/state": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read a snapshot of projects, threads and open requests */
        get: operations["state"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read or follow the events of the log */
        get: operations["events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/commands": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Send a command with an id that you choose */
        post: operations["dispatch"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/commands/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read the outcome of a command */
        get: operations["commandStatus"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/threads": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List threads, newest first */
        get: operations["threads"];
        put?: never;
        /** Create a thread, optionally with its first turn */
        post: operations["createThread"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/threads/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read a thread */
        get: operations["thread"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/threads/{id}/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Export a thread as a document */
        get: operations["exportThread"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/threads/import": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Make a thread from an export */
        post: operations["importThread"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/blobs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Store content under its hash */
        post: operations["putBlob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/blobs/{hash}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read content by its hash
         * @description With a `Range` of one range of bytes: 206 and that range, or 416 if the content has no byte of it. `If-Range` takes the ETag. Several ranges: 200 and all of it.
         */
        get: operations["getBlob"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/providers/{id}/threads": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the conversations that the agent stored */
        get: operations["nativeThreads"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/providers/{id}/threads/{thread}/import": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Make a thread from a conversation that the agent stored */
        post: operations["importNative"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/threads/{id}/items": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the items of a thread, newest first */
        get: operations["items"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/threads/{id}/turns": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the turns of a thread, newest first */
        get: operations["turns"];
        put?: never;
        /** Start a turn in a thread */
        post: operations["startTurn"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/turns/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read a turn, optionally after its end */
        get: operations["turn"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/threads/{id}/files": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Search the paths of a thread's directory, the best match first
         * @description Tracked and untracked files, without those that `.gitignore` files exclude.
         */
        get: operations["files"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/threads/{id}/files/{path}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read a file of a thread's directory
         * @description At most 1 MiB. 403 for a file of a git directory. `path` has its slashes as they are, not as `%2F`. Text is `text/plain`, PNG, JPEG, GIF and WebP images have their type, and all else is a download.
         */
        get: operations["file"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/threads/{id}/git": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read the state of the git repository of a thread's directory */
        get: operations["git"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/threads/{id}/diff": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read what changed in the files of a thread's directory
         * @description With `Accept: text/x-diff` the unified diff, at most 8 MiB; a longer one is cut and has the header `x-millrace-truncated`. The header `x-millrace-late` stands for `late` of the JSON. 422 `NoCheckpoint` if a state of the files is not stored.
         */
        get: operations["threadDiff"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/threads/{id}/turns/{turn}/diff": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read what changed in the files during a turn
         * @description With `Accept: text/x-diff` the unified diff, at most 8 MiB; a longer one is cut and has the header `x-millrace-truncated`. The header `x-millrace-late` stands for `late` of the JSON. 422 `NoCheckpoint` if a state of the files is not stored.
         */
        get: operations["turnDiff"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/threads/{id}/rewind/preview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Read what a rewind would change
         * @description The files that `thread.rewind` would change, and how; with `paths`, those that `workspace.discard` would change. Changes nothing. Send `expected` with the command, so that it is rejected if the files have changed since.
         */
        post: operations["rewindPreview"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/threads/{id}/interrupt": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Interrupt the running turn of a thread */
        post: operations["interrupt"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/search": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Search the text of all threads, newest first */
        get: operations["search"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/worktrees": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the worktrees of threads, oldest first
         * @description Also those that were kept when their thread was deleted. At most 1,000.
         */
        get: operations["worktrees"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/requests": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the open approvals and questions */
        get: operations["requests"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/requests/{id}/answer": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Answer an approval or a question */
        post: operations["answer"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/capabilities": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read the version and the features of the server */
        get: operations["capabilities"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/providers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the agents */
        get: operations["providers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/log": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read the disk usage of the log and the other files */
        get: operations["logUsage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/log/pack": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Compress the events of the log (administrators only) */
        post: operations["packLog"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/log/prune": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Remove the oldest events of the log (administrators only) */
        post: operations["pruneLog"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/processes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the agent processes */
        get: operations["processes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List tokens and browser sessions */
        get: operations["tokens"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/tokens/{id}/revoke": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Revoke a token or a browser session */
        post: operations["revokeToken"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/shutdown": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Shut the server down in order (administrators only) */
        post: operations["shutdown"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/pair": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Exchange a code for a browser session (the link that `millrace pair` prints) */
        get: operations["openPairingLink"];
        put?: never;
        /** Exchange a code for a token */
        post: operations["pair"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/pair": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Create a pairing code, which works once */
        post: operations["createPairingCode"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/chat/completions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Run a turn: OpenAI's chat completions */
        post: operations["createChatCompletion"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/responses": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Run a turn: OpenAI's responses */
        post: operations["createResponse"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/responses/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read a stored response */
        get: operations["response"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/responses/{id}/input_items": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the input of a stored response */
        get: operations["responseInputItems"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/models": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the agents and their models */
        get: operations["models"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/models/{model}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read one model */
        get: operations["model"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/mcp": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Follow the notifications of an MCP session */
        get: operations["followMcpNotifications"];
        put?: never;
        /** Send a message to the MCP server (Streamable HTTP) */
        post: operations["sendMcpMessage"];
        /** End an MCP session */
        delete: operations["endMcpSession"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the server accepts requests */
        get: operations["health"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/ready": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the server accepts requests; the same answer as /health */
        get: operations["ready"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read metrics as Prometheus text */
        get: operations["metrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read this document */
        get: operations["openapi"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description An event of the log. `type` selects its `data`. Ignore a type that you do not know: a newer server may send it. */
        Event: components["schemas"]["ProjectCreatedEvent"] | components["schemas"]["ProjectUpdatedEvent"] | components["schemas"]["ProjectDeletedEvent"] | components["schemas"]["ThreadCreatedEvent"] | components["schemas"]["ThreadUpdatedEvent"] | components["schemas"]["ThreadHandedOverEvent"] | components["schemas"]["ThreadArchivedEvent"] | components["schemas"]["ThreadUnarchivedEvent"] | components["schemas"]["ThreadDeletedEvent"] | components["schemas"]["SessionStartedEvent"] | components["schemas"]["SessionStateChangedEvent"] | components["schemas"]["SessionStopRequestedEvent"] | components["schemas"]["SessionStoppedEvent"] | components["schemas"]["SessionKeptEvent"] | components["schemas"]["BackgroundStartedEvent"] | components["schemas"]["BackgroundEndedEvent"] | components["schemas"]["TurnRequestedEvent"] | components["schemas"]["ContinuationPlannedEvent"] | components["schemas"]["ContinuationCancelledEvent"] | components["schemas"]["GoalSetEvent"] | components["schemas"]["GoalPausedEvent"] | components["schemas"]["GoalResumedEvent"] | components["schemas"]["GoalWaitingEvent"] | components["schemas"]["GoalMetEvent"] | components["schemas"]["GoalExhaustedEvent"] | components["schemas"]["GoalClearedEvent"] | components["schemas"]["TurnEditedEvent"] | components["schemas"]["QueueReorderedEvent"] | components["schemas"]["TurnDispatchedEvent"] | components["schemas"]["TurnRequeuedEvent"] | components["schemas"]["TurnStartedEvent"] | components["schemas"]["TurnUpdatedEvent"] | components["schemas"]["TurnSteeredEvent"] | components["schemas"]["TurnInterruptRequestedEvent"] | components["schemas"]["TurnCompletedEvent"] | components["schemas"]["TurnInterruptedEvent"] | components["schemas"]["TurnFailedEvent"] | components["schemas"]["ItemStartedEvent"] | components["schemas"]["ItemDeltaEvent"] | components["schemas"]["ItemCompletedEvent"] | components["schemas"]["ItemAmendedEvent"] | components["schemas"]["RequestOpenedEvent"] | components["schemas"]["RequestHeldEvent"] | components["schemas"]["RequestRepeatedEvent"] | components["schemas"]["RequestAnswerUnusedEvent"] | components["schemas"]["RequestAnsweredEvent"] | components["schemas"]["RequestExpiredEvent"] | components["schemas"]["RequestCancelledEvent"] | components["schemas"]["TurnImportedEvent"] | components["schemas"]["ItemImportedEvent"] | components["schemas"]["RequestImportedEvent"] | components["schemas"]["LogRewoundEvent"] | components["schemas"]["LogCorruptEvent"] | components["schemas"]["LogForgottenEvent"] | components["schemas"]["CheckpointTakenEvent"] | components["schemas"]["CheckpointFailedEvent"] | components["schemas"]["ThreadRewoundEvent"] | components["schemas"]["WorkspaceCommittedEvent"] | components["schemas"]["WorkspaceMergedEvent"] | components["schemas"]["WorkspacePushedEvent"] | components["schemas"]["WorkspaceProposedEvent"] | components["schemas"]["ProviderEventEvent"];
        /**
         * @description A project is created, by a command or with the first thread of a directory.
         * @example {
         *       "offset": 42,
         *       "stream": "project/prj_01KB7Q",
         *       "version": 7,
         *       "type": "project.created",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 0,
         *       "data": {
         *         "projectId": "prj_01KB7Q",
         *         "cwd": "/home/me/app",
         *         "title": "app"
         *       }
         *     }
         */
        ProjectCreatedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "project.created";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                projectId: components["schemas"]["ProjectId"];
                cwd: string;
                title: string;
            };
        };
        /** @description Chosen by the caller: 1 to 200 printable ASCII characters without spaces. A command that is sent again with the same id runs once. */
        CommandId: string;
        /** @description The id of a project, like prj_01HXYZ. Opaque. */
        ProjectId: string;
        /**
         * @description A project is renamed, or the variables of its agents (`env`) or the command that prepares a new worktree (`setup`) are set.
         * @example {
         *       "offset": 42,
         *       "stream": "project/prj_01KB7Q",
         *       "version": 7,
         *       "type": "project.updated",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 0,
         *       "data": {
         *         "projectId": "prj_01KB7Q",
         *         "title": "The app",
         *         "env": {
         *           "NODE_ENV": "test",
         *           "API_KEY": {
         *             "secret": "API_KEY"
         *           }
         *         }
         *       }
         *     }
         * @example {
         *       "offset": 43,
         *       "stream": "project/prj_01KB7Q",
         *       "version": 8,
         *       "type": "project.updated",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 0,
         *       "data": {
         *         "projectId": "prj_01KB7Q",
         *         "title": "The app",
         *         "setup": "npm ci"
         *       }
         *     }
         */
        ProjectUpdatedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "project.updated";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                projectId: components["schemas"]["ProjectId"];
                title: string;
                env?: {
                    [key: string]: components["schemas"]["SecretValue"];
                };
                /** @description Absent: not changed. null: new worktrees have no setup command any more. */
                setup?: string | null;
            };
        };
        /** @description A value, or `{secret: NAME}`. */
        SecretValue: string | {
            secret: string;
        };
        /**
         * @description A project is deleted. Nothing follows in its stream.
         * @example {
         *       "offset": 42,
         *       "stream": "project/prj_01KB7Q",
         *       "version": 7,
         *       "type": "project.deleted",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 0,
         *       "data": {
         *         "projectId": "prj_01KB7Q"
         *       }
         *     }
         */
        ProjectDeletedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "project.deleted";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                projectId: components["schemas"]["ProjectId"];
            };
        };
        /**
         * @description A thread is created: by a command, by a fork (`forkedFrom`), by an import (`imported`), or by the agent of another thread (`parentThreadId`).
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "thread.created",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "projectId": "prj_01KB7Q",
         *         "provider": "demo",
         *         "title": "Say hello",
         *         "cwd": "/home/me/app",
         *         "labels": [
         *           "docs"
         *         ]
         *       }
         *     }
         * @example {
         *       "offset": 43,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 8,
         *       "type": "thread.created",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "projectId": "prj_01KB7Q",
         *         "provider": "demo",
         *         "title": "Say hello",
         *         "cwd": "/home/me/.millrace/worktrees/thr_01KB7R",
         *         "workspace": {
         *           "kind": "worktree",
         *           "branch": "millrace/thr_01KB7R",
         *           "commit": "9fceb02d0ae598e95dc970b74767f19372d61af8"
         *         }
         *       }
         *     }
         * @example {
         *       "offset": 44,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 9,
         *       "type": "thread.created",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "projectId": "prj_01KB7Q",
         *         "provider": "demo",
         *         "title": "Say hello",
         *         "cwd": "/home/me/app",
         *         "forkedFrom": {
         *           "threadId": "thr_01KB7Q",
         *           "turnId": "trn_01KB7S",
         *           "resumeKey": "019a-source",
         *           "nativeTurnId": "019a-turn"
         *         }
         *       }
         *     }
         * @example {
         *       "offset": 45,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 10,
         *       "type": "thread.created",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "projectId": "prj_01KB7Q",
         *         "provider": "demo",
         *         "title": "Check the docs",
         *         "cwd": "/home/me/app",
         *         "parentThreadId": "thr_01KB7Q"
         *       }
         *     }
         */
        ThreadCreatedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "thread.created";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                projectId: components["schemas"]["ProjectId"];
                provider: string;
                model?: string;
                effort?: string;
                /** @enum {string} */
                permissionMode?: "plan" | "read-only" | "ask" | "accept-edits" | "full-access";
                directories?: string[];
                mcpServers?: {
                    [key: string]: components["schemas"]["McpServer"];
                };
                instructions?: string;
                title: string;
                cwd: string;
                /** @description `cwd` is in a worktree that was created for the thread, with this branch, which began at this commit. */
                workspace?: {
                    /** @enum {string} */
                    kind: "worktree";
                    branch: string;
                    commit: string;
                };
                /** @enum {string} */
                recovery?: "settle" | "resume" | "ask";
                /** @enum {string} */
                afterLimit?: "stop" | "continue";
                approve?: components["schemas"]["StoredRule"][];
                /** @description As given; absent: never set. */
                labels?: string[];
                /** @description As given; absent: never set. */
                metadata?: {
                    [key: string]: string;
                };
                keepSession?: boolean;
                /**
                 * @description No turn of another thread runs in its directory at the same time.
                 * @enum {boolean}
                 */
                exclusive?: true;
                imported?: {
                    /** @description The epoch of the exporting log, or the name of the agent that stored the conversation. */
                    from: string;
                    /** @description The thread's id in that source. */
                    threadId: string;
                    /** @description The agent's key to continue the conversation. */
                    resumeKey?: string;
                };
                forkedFrom?: components["schemas"]["ForkSource"];
                /** @description The thread whose agent created it, by the server's built-in MCP server. */
                parentThreadId?: components["schemas"]["ThreadId"];
            };
        };
        /** @description The id of a thread, like thr_01HXYZ. Opaque. */
        ThreadId: string;
        /** @description An MCP server: a command, a URL, or a server that Millrace provides. */
        McpServer: {
            command: string;
            args?: string[];
            env?: {
                [key: string]: components["schemas"]["SecretValue"];
            };
        } | {
            url: string;
            headers?: {
                [key: string]: components["schemas"]["SecretValue"];
            };
        } | {
            /** @enum {boolean} */
            builtin: true;
        };
        StoredRule: {
            name?: string;
            match: {
                /** @enum {string} */
                kind: "command" | "file-change" | "tool-call";
                command?: string;
                path?: string;
                tool?: string;
            };
            /** @enum {string} */
            decision: "accept" | "decline" | "cancel";
        };
        /** @description The source of a fork. Without `turnId` and `before`: all turns that had ended when the fork was created. */
        ForkSource: {
            threadId: components["schemas"]["ThreadId"];
            /** @description What the agent needs to copy its own conversation. Absent: it gets the conversation from the log. */
            resumeKey?: string;
            /** @description With `resumeKey`: the agent's id of the last turn that the fork has, if the agent can copy up to it. */
            nativeTurnId?: string;
            /** @description The last turn that the fork has. */
            turnId?: components["schemas"]["TurnId"];
            /** @description The fork has the turns before this one, which it repeats. */
            before?: components["schemas"]["TurnId"];
        };
        /** @description The id of a turn, like trn_01HXYZ. Opaque. */
        TurnId: string;
        /**
         * @description A thread is renamed or configured. Only the fields that changed are present.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "thread.updated",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "title": "Greetings"
         *       }
         *     }
         */
        ThreadUpdatedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "thread.updated";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                title?: string;
                /** @description The model, as the agent names it. null: use the value of the provider instance. */
                model?: string | null;
                /** @description How much the model thinks, as the agent names it. null: use the value of the provider instance. */
                effort?: string | null;
                /** @description What the agent may do without a person. null: use the value of the provider instance. */
                permissionMode?: ("plan" | "read-only" | "ask" | "accept-edits" | "full-access") | null;
                /** @description Further directories of the agent. Replaces the whole list. null: use the value of the provider instance. */
                directories?: string[] | null;
                /** @description MCP servers of the agent. Replaces all of them. null: use the value of the provider instance. */
                mcpServers?: {
                    [key: string]: components["schemas"]["McpServer"];
                } | null;
                /** @description Added to the agent's own instructions. null: use the value of the provider instance. */
                instructions?: string | null;
                /** @enum {string} */
                recovery?: "settle" | "resume" | "ask";
                /** @enum {string} */
                afterLimit?: "stop" | "continue";
                approve?: components["schemas"]["StoredRule"][] | null;
                /** @description As given; absent: never set. */
                labels?: string[];
                /** @description As given; absent: never set. */
                metadata?: {
                    [key: string]: string;
                };
            };
        };
        /**
         * @description Another agent runs the thread from now on. Its next session gets the transcript with its first turn (`continuity: handed-off`). A thread that is handed back before a turn began is resumed instead.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "thread.handed-over",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "provider": "claude",
         *         "from": "codex"
         *       }
         *     }
         */
        ThreadHandedOverEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "thread.handed-over";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                provider: string;
                from: string;
                /** @description The thread's model from now on; absent: the agent's default. In logs of older versions also absent for an agent that keeps the model of its earlier session. */
                model?: string;
                /** @description Present for an agent that is handed back: the effort of its earlier session. */
                effort?: string;
            };
        };
        /**
         * @description A thread is archived.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "thread.archived",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R"
         *       }
         *     }
         */
        ThreadArchivedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "thread.archived";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
            };
        };
        /**
         * @description A thread is restored from the archive.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "thread.unarchived",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R"
         *       }
         *     }
         */
        ThreadUnarchivedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "thread.unarchived";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
            };
        };
        /**
         * @description A thread is deleted. From this event on, every other event of the thread is delivered as `log.forgotten`. Nothing follows in its stream.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "thread.deleted",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R"
         *       }
         *     }
         */
        ThreadDeletedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "thread.deleted";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
            };
        };
        /**
         * @description A session, which is one agent process, starts. It ends everything that an older session left open.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "session.started",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "provider": "demo",
         *         "epoch": 1,
         *         "status": "starting",
         *         "activeTurnId": "trn_01KB7S"
         *       }
         *     }
         */
        SessionStartedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "session.started";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                provider: string;
                epoch: number;
                reason?: string;
                /** @enum {string} */
                continuity?: "fresh" | "resumed" | "replayed" | "handed-off";
                /** @description handed-off, replayed: the part of the history that the agent did not receive. */
                lost?: string;
                /**
                 * @description Of a fork whose agent has no conversation yet. agent: it copied its own conversation; transcript: it gets the conversation from the log.
                 * @enum {string}
                 */
                fork?: "agent" | "transcript";
                /** @enum {string} */
                status: "starting" | "running";
                activeTurnId?: components["schemas"]["TurnId"];
            } | {
                threadId: components["schemas"]["ThreadId"];
                provider: string;
                epoch: number;
                reason?: string;
                /** @enum {string} */
                continuity?: "fresh" | "resumed" | "replayed" | "handed-off";
                /** @description handed-off, replayed: the part of the history that the agent did not receive. */
                lost?: string;
                /**
                 * @description Of a fork whose agent has no conversation yet. agent: it copied its own conversation; transcript: it gets the conversation from the log.
                 * @enum {string}
                 */
                fork?: "agent" | "transcript";
                /** @enum {string} */
                status: "ready" | "interrupted" | "stopped" | "error";
                activeTurnId?: unknown;
            };
        };
        /**
         * @description The state of the session changes, for example when the agent is ready.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "session.state.changed",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "epoch": 1,
         *         "status": "ready",
         *         "continuity": "fresh",
         *         "resumeKey": "demo-7f3a",
         *         "capabilities": [
         *           "approvals",
         *           "interrupt"
         *         ]
         *       }
         *     }
         * @example {
         *       "offset": 43,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 8,
         *       "type": "session.state.changed",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "epoch": 1,
         *         "status": "ready",
         *         "continuity": "resumed",
         *         "fork": "agent",
         *         "resumeKey": "019a-copy",
         *         "capabilities": []
         *       }
         *     }
         */
        SessionStateChangedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "session.state.changed";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                /** @description What the agent needs to continue this conversation in a later process. */
                resumeKey?: string;
                /** @description What the opened agent can do. */
                capabilities?: string[];
                epoch: number;
                reason?: string;
                /** @enum {string} */
                continuity?: "fresh" | "resumed" | "replayed" | "handed-off";
                /** @description handed-off, replayed: the part of the history that the agent did not receive. */
                lost?: string;
                /**
                 * @description Of a fork whose agent has no conversation yet. agent: it copied its own conversation; transcript: it gets the conversation from the log.
                 * @enum {string}
                 */
                fork?: "agent" | "transcript";
                /** @enum {string} */
                status: "starting" | "running";
                activeTurnId?: components["schemas"]["TurnId"];
            } | {
                threadId: components["schemas"]["ThreadId"];
                /** @description What the agent needs to continue this conversation in a later process. */
                resumeKey?: string;
                /** @description What the opened agent can do. */
                capabilities?: string[];
                epoch: number;
                reason?: string;
                /** @enum {string} */
                continuity?: "fresh" | "resumed" | "replayed" | "handed-off";
                /** @description handed-off, replayed: the part of the history that the agent did not receive. */
                lost?: string;
                /**
                 * @description Of a fork whose agent has no conversation yet. agent: it copied its own conversation; transcript: it gets the conversation from the log.
                 * @enum {string}
                 */
                fork?: "agent" | "transcript";
                /** @enum {string} */
                status: "ready" | "interrupted" | "stopped" | "error";
                activeTurnId?: unknown;
            };
        };
        /**
         * @description The session is to end. The server then ends its process.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "session.stop.requested",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "epoch": 1,
         *         "reason": "The thread was idle for 10 minutes."
         *       }
         *     }
         */
        SessionStopRequestedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "session.stop.requested";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                epoch: number;
                /** @description The reason, as a sentence that a person can act on. */
                reason: string;
                /** @description Present if the agent failed; absent if the stop was requested. */
                error?: components["schemas"]["Failure"];
            };
        };
        /** @description Why a turn or a session failed. */
        Failure: {
            /** @enum {string} */
            kind: "auth" | "limit" | "overloaded" | "context" | "transport" | "process" | "protocol" | "not-installed" | "refused" | "unknown";
            message: string;
            /** @description Evidence, such as the exit code and the last lines of standard error. */
            detail?: string;
            /** @description limit: when it resets, ISO 8601. */
            resetAt?: string;
        };
        /**
         * @description The session has ended.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "session.stopped",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "epoch": 1,
         *         "status": "stopped",
         *         "reason": "The thread was idle for 10 minutes."
         *       }
         *     }
         * @example {
         *       "offset": 43,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 8,
         *       "type": "session.stopped",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "epoch": 2,
         *         "status": "error",
         *         "reason": "The agent exited with code 1.",
         *         "error": {
         *           "kind": "process",
         *           "message": "The agent exited with code 1.",
         *           "detail": "fatal: out of memory"
         *         }
         *       }
         *     }
         */
        SessionStoppedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "session.stopped";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                epoch: number;
                /** @enum {string} */
                status: "stopped" | "error";
                /** @description The reason, as a sentence that a person can act on. */
                reason: string;
                error?: components["schemas"]["Failure"];
                /** @enum {string} */
                continuity?: "fresh" | "resumed" | "replayed" | "handed-off";
            };
        };
        /**
         * @description The session was idle long enough to be stopped, but is kept for this reason. At most once for each idle period. It does not count as activity.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "session.kept",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "epoch": 1,
         *         "reason": "The agent has work in the background."
         *       }
         *     }
         */
        SessionKeptEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "session.kept";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                epoch: number;
                /** @description The reason, as a sentence that a person can act on. */
                reason: string;
            };
        };
        /**
         * @description The agent starts work that outlives its turn.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "background.started",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "epoch": 1,
         *         "taskId": "task-3",
         *         "turnId": "trn_01KB7S"
         *       }
         *     }
         */
        BackgroundStartedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "background.started";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                epoch: number;
                /** @description The agent's id of the work. */
                taskId: string;
                turnId?: components["schemas"]["TurnId"];
            };
        };
        /**
         * @description Background work ends, at the latest with its session.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "background.ended",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "epoch": 1,
         *         "taskId": "task-3"
         *       }
         *     }
         */
        BackgroundEndedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "background.ended";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                epoch: number;
                /** @description The agent's id of the work. */
                taskId: string;
                /** @description The reason, as a sentence that a person can act on. */
                reason?: string;
            };
        };
        /**
         * @description A person or the server requests a turn: with `continues` to continue the work of another turn, with `goal` towards a goal. The turn is queued until `turn.dispatched`.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "turn.requested",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "text": "[[say hello]]",
         *         "strategy": "enqueue",
         *         "position": "back"
         *       }
         *     }
         * @example {
         *       "offset": 43,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 8,
         *       "type": "turn.requested",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "text": "What is wrong here?",
         *         "attachments": [
         *           {
         *             "blob": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
         *             "name": "shot.png",
         *             "mediaType": "image/png",
         *             "bytes": 18211
         *           }
         *         ],
         *         "strategy": "enqueue",
         *         "position": "back"
         *       }
         *     }
         */
        TurnRequestedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "turn.requested";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                turnId: components["schemas"]["TurnId"];
                text: string;
                attachments?: components["schemas"]["Attachment"][];
                /** @enum {string} */
                strategy: "enqueue" | "steer" | "interrupt" | "reject";
                /**
                 * @description Where the turn enters the queue. Logs of older versions do not have it: `front` for steer and interrupt, else `back`.
                 * @enum {string}
                 */
                position?: "front" | "back";
                continues?: components["schemas"]["Continues"];
                /** @description The goal that started it, or whose work it continues. `used` includes this turn. */
                goal?: {
                    goalId: components["schemas"]["GoalId"];
                    used: {
                        turns: number;
                        tokens: number;
                        millis: number;
                    };
                };
                /** @description What the turn does instead of taking `text` as a prompt. */
                action?: {
                    /** @enum {string} */
                    type: "compact";
                } | {
                    /** @enum {string} */
                    type: "review";
                    target: {
                        /** @enum {string} */
                        type: "uncommittedChanges";
                    } | {
                        /** @enum {string} */
                        type: "baseBranch";
                        branch: string;
                    } | {
                        /** @enum {string} */
                        type: "commit";
                        sha: string;
                        /** @description Shown to people. */
                        title?: string;
                    } | {
                        /** @enum {string} */
                        type: "custom";
                        instructions: string;
                    };
                };
            };
        };
        /** @description A file of a turn or an item; its content is a blob. */
        Attachment: {
            /** @description SHA-256 of the content, in lowercase hex: `GET /api/blobs/HASH`. */
            blob: string;
            name: string;
            mediaType: string;
            /** @description Bytes of the content. */
            bytes: number;
        };
        Continues: {
            /** @description The turn that was cut off. It has ended. */
            turnId: string;
            /** @enum {string} */
            because: "restart" | "limit" | "sign-in";
            /** @description Times the work continued after a restart, this one included. */
            restarts: number;
            /** @description Times the work waited for a usage limit, this one included. */
            waits: number;
            /** @description When the first turn of the series ended, ISO 8601. */
            since: string;
            /** @description Only in logs of older versions: the requests that were open and expired. */
            requests?: {
                requestId: components["schemas"]["RequestId"];
                words: string;
            }[];
        };
        /** @description The id of a request, like req_01HXYZ. Opaque. */
        RequestId: string;
        /** @description The id of a goal, like goal_01HXYZ. Opaque. */
        GoalId: string;
        /**
         * @description The work of an ended turn is to continue with `text` as the prompt: at the time `at`, also after a restart of the server, or when a person agrees.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "continuation.planned",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "because": "restart",
         *         "restarts": 1,
         *         "waits": 0,
         *         "since": "2026-11-20T09:00:00.000Z",
         *         "at": "2026-11-20T10:00:00.000Z",
         *         "text": "Continue where you stopped."
         *       }
         *     }
         */
        ContinuationPlannedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "continuation.planned";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                /** @description The turn that was cut off. It has ended. */
                turnId: string;
                /** @enum {string} */
                because: "restart" | "limit" | "sign-in";
                /** @description Times the work continued after a restart, this one included. */
                restarts: number;
                /** @description Times the work waited for a usage limit, this one included. */
                waits: number;
                /** @description When the first turn of the series ended, ISO 8601. */
                since: string;
                /** @description Only in logs of older versions: the requests that were open and expired. */
                requests?: {
                    requestId: components["schemas"]["RequestId"];
                    words: string;
                }[];
                /** @description When the work continues; with `requestId`: when the request expires. ISO 8601. */
                at: string;
                /** @description The request that decides whether the work continues: a held request, or the question whether to continue if none was open. */
                requestId?: components["schemas"]["RequestId"];
                /** @description The id that the new turn will have. Present if requests are held for it. */
                nextTurnId?: components["schemas"]["TurnId"];
                text: string;
                attachments?: components["schemas"]["Attachment"][];
                action?: {
                    /** @enum {string} */
                    type: "compact";
                } | {
                    /** @enum {string} */
                    type: "review";
                    target: {
                        /** @enum {string} */
                        type: "uncommittedChanges";
                    } | {
                        /** @enum {string} */
                        type: "baseBranch";
                        branch: string;
                    } | {
                        /** @enum {string} */
                        type: "commit";
                        sha: string;
                        /** @description Shown to people. */
                        title?: string;
                    } | {
                        /** @enum {string} */
                        type: "custom";
                        instructions: string;
                    };
                };
            };
        };
        /**
         * @description The planned continuation is cancelled.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "continuation.cancelled",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "reason": "A person cancelled it."
         *       }
         *     }
         */
        ContinuationCancelledEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "continuation.cancelled";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                /** @description The turn that was cut off. */
                turnId: string;
                /** @description The reason, as a sentence that a person can act on. */
                reason: string;
            };
        };
        /**
         * @description A goal is set. It replaces an earlier one.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "goal.set",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "goalId": "goal_01KB7T",
         *         "objective": "All tests pass.",
         *         "status": "active",
         *         "budget": {
         *           "turns": 25
         *         },
         *         "used": {
         *           "turns": 0,
         *           "tokens": 0,
         *           "millis": 0
         *         },
         *         "pauseOnUserMessage": false,
         *         "activeSince": "2026-11-20T09:00:00.000Z"
         *       }
         *     }
         */
        GoalSetEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "goal.set";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                goalId: components["schemas"]["GoalId"];
                objective: string;
                /** @enum {string} */
                status: "active" | "paused" | "met" | "exhausted" | "cleared";
                budget: {
                    turns: number;
                    /** @description As the agent reports them at the end of a turn. Does not limit an agent that reports none. */
                    tokens?: number;
                    /** @description Wall-clock minutes while the goal is active. */
                    minutes?: number;
                };
                /** @description As of the goal's last event or turn. */
                used: {
                    turns: number;
                    tokens: number;
                    millis: number;
                };
                pauseOnUserMessage: boolean;
                /** @description Why it has this status. */
                reason?: string;
                /** @description When it last became active, ISO 8601. Only while it is active. */
                activeSince?: string;
                /** @description When its `minutes` run out. Only while it is active. */
                until?: string;
                /** @description When the next turn starts. Set after a very short turn. */
                nextAt?: string;
            };
        };
        /**
         * @description The goal starts no further turn.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "goal.paused",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "goalId": "goal_01KB7T",
         *         "objective": "All tests pass.",
         *         "status": "paused",
         *         "budget": {
         *           "turns": 25
         *         },
         *         "used": {
         *           "turns": 3,
         *           "tokens": 3855,
         *           "millis": 12000
         *         },
         *         "pauseOnUserMessage": false,
         *         "reason": "A person paused it."
         *       }
         *     }
         */
        GoalPausedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "goal.paused";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                goalId: components["schemas"]["GoalId"];
                objective: string;
                /** @enum {string} */
                status: "active" | "paused" | "met" | "exhausted" | "cleared";
                budget: {
                    turns: number;
                    /** @description As the agent reports them at the end of a turn. Does not limit an agent that reports none. */
                    tokens?: number;
                    /** @description Wall-clock minutes while the goal is active. */
                    minutes?: number;
                };
                /** @description As of the goal's last event or turn. */
                used: {
                    turns: number;
                    tokens: number;
                    millis: number;
                };
                pauseOnUserMessage: boolean;
                /** @description Why it has this status. */
                reason?: string;
                /** @description When it last became active, ISO 8601. Only while it is active. */
                activeSince?: string;
                /** @description When its `minutes` run out. Only while it is active. */
                until?: string;
                /** @description When the next turn starts. Set after a very short turn. */
                nextAt?: string;
            };
        };
        /**
         * @description The goal starts turns again.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "goal.resumed",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "goalId": "goal_01KB7T",
         *         "objective": "All tests pass.",
         *         "status": "active",
         *         "budget": {
         *           "turns": 25
         *         },
         *         "used": {
         *           "turns": 3,
         *           "tokens": 3855,
         *           "millis": 12000
         *         },
         *         "pauseOnUserMessage": false,
         *         "activeSince": "2026-11-20T09:00:00.000Z"
         *       }
         *     }
         */
        GoalResumedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "goal.resumed";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                goalId: components["schemas"]["GoalId"];
                objective: string;
                /** @enum {string} */
                status: "active" | "paused" | "met" | "exhausted" | "cleared";
                budget: {
                    turns: number;
                    /** @description As the agent reports them at the end of a turn. Does not limit an agent that reports none. */
                    tokens?: number;
                    /** @description Wall-clock minutes while the goal is active. */
                    minutes?: number;
                };
                /** @description As of the goal's last event or turn. */
                used: {
                    turns: number;
                    tokens: number;
                    millis: number;
                };
                pauseOnUserMessage: boolean;
                /** @description Why it has this status. */
                reason?: string;
                /** @description When it last became active, ISO 8601. Only while it is active. */
                activeSince?: string;
                /** @description When its `minutes` run out. Only while it is active. */
                until?: string;
                /** @description When the next turn starts. Set after a very short turn. */
                nextAt?: string;
            };
        };
        /**
         * @description The last turn was very short, so the next one starts at `nextAt`.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "goal.waiting",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "goalId": "goal_01KB7T",
         *         "objective": "All tests pass.",
         *         "status": "active",
         *         "budget": {
         *           "turns": 25
         *         },
         *         "used": {
         *           "turns": 4,
         *           "tokens": 5140,
         *           "millis": 16000
         *         },
         *         "pauseOnUserMessage": false,
         *         "activeSince": "2026-11-20T09:00:00.000Z",
         *         "nextAt": "2026-11-20T10:00:00.000Z"
         *       }
         *     }
         */
        GoalWaitingEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "goal.waiting";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                goalId: components["schemas"]["GoalId"];
                objective: string;
                /** @enum {string} */
                status: "active" | "paused" | "met" | "exhausted" | "cleared";
                budget: {
                    turns: number;
                    /** @description As the agent reports them at the end of a turn. Does not limit an agent that reports none. */
                    tokens?: number;
                    /** @description Wall-clock minutes while the goal is active. */
                    minutes?: number;
                };
                /** @description As of the goal's last event or turn. */
                used: {
                    turns: number;
                    tokens: number;
                    millis: number;
                };
                pauseOnUserMessage: boolean;
                /** @description Why it has this status. */
                reason?: string;
                /** @description When it last became active, ISO 8601. Only while it is active. */
                activeSince?: string;
                /** @description When its `minutes` run out. Only while it is active. */
                until?: string;
                /** @description When the next turn starts. Set after a very short turn. */
                nextAt?: string;
            };
        };
        /**
         * @description The agent reports that the goal is met. The goal has ended.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "goal.met",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "goalId": "goal_01KB7T",
         *         "objective": "All tests pass.",
         *         "status": "met",
         *         "budget": {
         *           "turns": 25
         *         },
         *         "used": {
         *           "turns": 5,
         *           "tokens": 6425,
         *           "millis": 20000
         *         },
         *         "pauseOnUserMessage": false,
         *         "reason": "All 120 tests pass."
         *       }
         *     }
         */
        GoalMetEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "goal.met";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                goalId: components["schemas"]["GoalId"];
                objective: string;
                /** @enum {string} */
                status: "active" | "paused" | "met" | "exhausted" | "cleared";
                budget: {
                    turns: number;
                    /** @description As the agent reports them at the end of a turn. Does not limit an agent that reports none. */
                    tokens?: number;
                    /** @description Wall-clock minutes while the goal is active. */
                    minutes?: number;
                };
                /** @description As of the goal's last event or turn. */
                used: {
                    turns: number;
                    tokens: number;
                    millis: number;
                };
                pauseOnUserMessage: boolean;
                /** @description Why it has this status. */
                reason?: string;
                /** @description When it last became active, ISO 8601. Only while it is active. */
                activeSince?: string;
                /** @description When its `minutes` run out. Only while it is active. */
                until?: string;
                /** @description When the next turn starts. Set after a very short turn. */
                nextAt?: string;
            };
        };
        /**
         * @description The budget of the goal is used. The goal has ended.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "goal.exhausted",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "goalId": "goal_01KB7T",
         *         "objective": "All tests pass.",
         *         "status": "exhausted",
         *         "budget": {
         *           "turns": 25
         *         },
         *         "used": {
         *           "turns": 25,
         *           "tokens": 32125,
         *           "millis": 100000
         *         },
         *         "pauseOnUserMessage": false,
         *         "reason": "All 25 turns are used."
         *       }
         *     }
         */
        GoalExhaustedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "goal.exhausted";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                goalId: components["schemas"]["GoalId"];
                objective: string;
                /** @enum {string} */
                status: "active" | "paused" | "met" | "exhausted" | "cleared";
                budget: {
                    turns: number;
                    /** @description As the agent reports them at the end of a turn. Does not limit an agent that reports none. */
                    tokens?: number;
                    /** @description Wall-clock minutes while the goal is active. */
                    minutes?: number;
                };
                /** @description As of the goal's last event or turn. */
                used: {
                    turns: number;
                    tokens: number;
                    millis: number;
                };
                pauseOnUserMessage: boolean;
                /** @description Why it has this status. */
                reason?: string;
                /** @description When it last became active, ISO 8601. Only while it is active. */
                activeSince?: string;
                /** @description When its `minutes` run out. Only while it is active. */
                until?: string;
                /** @description When the next turn starts. Set after a very short turn. */
                nextAt?: string;
            };
        };
        /**
         * @description A person removes the goal. The goal has ended.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "goal.cleared",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "goalId": "goal_01KB7T",
         *         "objective": "All tests pass.",
         *         "status": "cleared",
         *         "budget": {
         *           "turns": 25
         *         },
         *         "used": {
         *           "turns": 3,
         *           "tokens": 3855,
         *           "millis": 12000
         *         },
         *         "pauseOnUserMessage": false
         *       }
         *     }
         */
        GoalClearedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "goal.cleared";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                goalId: components["schemas"]["GoalId"];
                objective: string;
                /** @enum {string} */
                status: "active" | "paused" | "met" | "exhausted" | "cleared";
                budget: {
                    turns: number;
                    /** @description As the agent reports them at the end of a turn. Does not limit an agent that reports none. */
                    tokens?: number;
                    /** @description Wall-clock minutes while the goal is active. */
                    minutes?: number;
                };
                /** @description As of the goal's last event or turn. */
                used: {
                    turns: number;
                    tokens: number;
                    millis: number;
                };
                pauseOnUserMessage: boolean;
                /** @description Why it has this status. */
                reason?: string;
                /** @description When it last became active, ISO 8601. Only while it is active. */
                activeSince?: string;
                /** @description When its `minutes` run out. Only while it is active. */
                until?: string;
                /** @description When the next turn starts. Set after a very short turn. */
                nextAt?: string;
            };
        };
        /**
         * @description The text of a queued turn, or its attachments, are replaced, before any agent received it.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "turn.edited",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "text": "[[say good morning]]"
         *       }
         *     }
         */
        TurnEditedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "turn.edited";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                turnId: components["schemas"]["TurnId"];
                text: string;
                /** @description The turn's new attachments. Absent: they are as before. */
                attachments?: components["schemas"]["Attachment"][];
            };
        };
        /**
         * @description The queue has a new order. `turnIds` is the whole queue.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "queue.reordered",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnIds": [
         *           "trn_01KB7S",
         *           "trn_01KB7V"
         *         ]
         *       }
         *     }
         */
        QueueReorderedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "queue.reordered";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                turnIds: components["schemas"]["TurnId"][];
            };
        };
        /**
         * @description The turn leaves the queue and is active from now on. The server then sends it to the agent.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "turn.dispatched",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S"
         *       }
         *     }
         */
        TurnDispatchedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "turn.dispatched";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                turnId: components["schemas"]["TurnId"];
            };
        };
        /**
         * @description The session ended before the agent accepted the turn, for a reason that is unrelated to the turn. The turn is queued again, in first place.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "turn.requeued",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "reason": "The session ended before the agent accepted the turn."
         *       }
         *     }
         */
        TurnRequeuedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "turn.requeued";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                turnId: components["schemas"]["TurnId"];
                /** @description The reason, as a sentence that a person can act on. */
                reason: string;
            };
        };
        /**
         * @description The agent runs the turn.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "turn.started",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "nativeTurnId": "demo-turn-1",
         *         "origin": "user"
         *       }
         *     }
         * @example {
         *       "offset": 43,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 8,
         *       "type": "turn.started",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "origin": "user",
         *         "attachments": [
         *           {
         *             "blob": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
         *             "delivery": "native"
         *           }
         *         ]
         *       }
         *     }
         */
        TurnStartedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "turn.started";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                turnId: components["schemas"]["TurnId"];
                nativeTurnId?: string;
                /** @enum {string} */
                origin: "user" | "provider" | "continuation" | "goal";
                /** @description How the agent got the turn's attachments. */
                attachments?: components["schemas"]["DeliveredAttachment"][];
            };
        };
        DeliveredAttachment: {
            blob: string;
            /**
             * @description native: as part of the agent's own protocol. path: as a file in the thread's attachment directory, whose path is in the prompt.
             * @enum {string}
             */
            delivery: "native" | "path";
        };
        /**
         * @description The plan or the diff of a running turn changes: the latest value of each field counts. Or the agent took a steer with attachments.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "turn.updated",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "plan": [
         *           {
         *             "text": "Read the tests",
         *             "status": "completed"
         *           },
         *           {
         *             "text": "Fix the parser",
         *             "status": "in-progress"
         *           }
         *         ]
         *       }
         *     }
         * @example {
         *       "offset": 43,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 8,
         *       "type": "turn.updated",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "attachments": [
         *           {
         *             "blob": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
         *             "delivery": "native"
         *           }
         *         ]
         *       }
         *     }
         */
        TurnUpdatedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "turn.updated";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                turnId: components["schemas"]["TurnId"];
                /** @description Only in logs of older versions: it is now a signal while the turn runs, then a field of the turn's end. */
                usage?: components["schemas"]["Usage"];
                plan?: components["schemas"]["PlanStep"][];
                diff?: string;
                /** @description How the agent got the attachments of a steer that it has taken. */
                attachments?: components["schemas"]["DeliveredAttachment"][];
                /** @description The whole values of fields that are cut here. A cut text has its beginning; a cut list its first entries; any other cut value the beginning of its JSON, as a string. */
                blobs?: {
                    [key: string]: components["schemas"]["Blob"];
                };
            };
        };
        /** @description Tokens of one turn as the agent counts them. */
        Usage: {
            inputTokens?: number;
            cachedInputTokens?: number;
            outputTokens?: number;
            reasoningTokens?: number;
            totalTokens?: number;
            contextWindow?: number;
            /** @description Tokens of the context window that are in use. */
            contextTokens?: number;
        };
        PlanStep: {
            text: string;
            /** @enum {string} */
            status: "pending" | "in-progress" | "completed";
        };
        /** @description Content that the server stores under its hash. */
        Blob: {
            /** @description SHA-256 of the whole content, in lowercase hex: `GET /api/blobs/HASH`. */
            hash: string;
            /** @description Bytes of the whole content. */
            bytes: number;
            /** @description `text/plain`, `text/x-diff`, or `application/json` for a value that is not text. */
            mediaType: string;
        };
        /**
         * @description A person adds text, with or without attachments, to the running turn.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "turn.steered",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "text": "Use tabs."
         *       }
         *     }
         */
        TurnSteeredEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "turn.steered";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                turnId: components["schemas"]["TurnId"];
                text: string;
                attachments?: components["schemas"]["Attachment"][];
            };
        };
        /**
         * @description This turn, and no other, is to be interrupted. The server then interrupts the agent.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "turn.interrupt.requested",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S"
         *       }
         *     }
         */
        TurnInterruptRequestedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "turn.interrupt.requested";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                turnId: components["schemas"]["TurnId"];
                /** @description Present if no person requested it: the time limit that was exceeded. */
                reason?: string;
            };
        };
        /**
         * @description The turn ended normally.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "turn.completed",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "usage": {
         *           "inputTokens": 1200,
         *           "outputTokens": 85,
         *           "totalTokens": 1285
         *         }
         *       }
         *     }
         */
        TurnCompletedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "turn.completed";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                turnId: components["schemas"]["TurnId"];
                /** @description The reason, as a sentence that a person can act on. */
                reason?: string;
                usage?: components["schemas"]["Usage"];
                /** @description The goal that the turn worked towards. Logs of older versions do not have it. */
                goalId?: components["schemas"]["GoalId"];
            };
        };
        /**
         * @description The turn ended early: a person or the server interrupted it.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "turn.interrupted",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "reason": "A person interrupted the turn."
         *       }
         *     }
         */
        TurnInterruptedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "turn.interrupted";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                turnId: components["schemas"]["TurnId"];
                /** @description The reason, as a sentence that a person can act on. */
                reason?: string;
                usage?: components["schemas"]["Usage"];
                /** @description The goal that the turn worked towards. Logs of older versions do not have it. */
                goalId?: components["schemas"]["GoalId"];
            };
        };
        /**
         * @description The turn ended with an error.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "turn.failed",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "reason": "The usage limit is reached.",
         *         "error": {
         *           "kind": "limit",
         *           "message": "The usage limit is reached.",
         *           "resetAt": "2026-11-20T10:00:00.000Z"
         *         }
         *       }
         *     }
         */
        TurnFailedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "turn.failed";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                turnId: components["schemas"]["TurnId"];
                /** @description The reason, as a sentence that a person can act on. */
                reason?: string;
                usage?: components["schemas"]["Usage"];
                /** @description The goal that the turn worked towards. Logs of older versions do not have it. */
                goalId?: components["schemas"]["GoalId"];
                error: components["schemas"]["Failure"];
            };
        };
        /**
         * @description An item begins: a message, a command, a file change and so on.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "item.started",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "itemId": "itm_01KB7R_1_2",
         *         "kind": "agent-message"
         *       }
         *     }
         * @example {
         *       "offset": 43,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 8,
         *       "type": "item.started",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "itemId": "itm_01KB7R_1_3",
         *         "kind": "command",
         *         "command": "npm test",
         *         "cwd": "/home/me/app"
         *       }
         *     }
         */
        ItemStartedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "item.started";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                turnId: components["schemas"]["TurnId"];
                itemId: components["schemas"]["ItemId"];
                /** @description user-message | agent-message | reasoning | command | file-change | tool-call | plan | web-search | image | compaction | notice | another kind of a newer provider */
                kind: string;
                /**
                 * @description user: the item is a prompt, of a person (`user-message`) or of the server for a continuation, goal or action (`notice`).
                 * @enum {string}
                 */
                role?: "user";
                /** @description Messages, reasoning, plans: the authoritative text. */
                text?: string;
                /** @description command: the command line. */
                command?: string;
                cwd?: string;
                /** @description command: standard output and error as the provider joined them. */
                output?: string;
                exitCode?: number;
                durationMillis?: number;
                changes?: components["schemas"]["FileChange"][];
                /** @description tool-call: `server/tool` or the tool's name. */
                tool?: string;
                input?: unknown;
                result?: unknown;
                steps?: components["schemas"]["PlanStep"][];
                /** @description Of an item of a sub-agent: the tool call that started the sub-agent, an earlier item of the same turn. Such an item is not part of the turn's answer. */
                parentItemId?: components["schemas"]["ItemId"];
                /** @description Files of a prompt, or files that the agent shows; at most 16. Of the latter the text has a placeholder like `[image: image-1.png]`. */
                attachments?: components["schemas"]["Attachment"][];
                /** @description The whole values of fields that are cut here. A cut text has its beginning; a cut list its first entries; any other cut value the beginning of its JSON, as a string. */
                blobs?: {
                    [key: string]: components["schemas"]["Blob"];
                };
                /** @description Bytes at the end of the text or output that are not kept: an item keeps at most 32 MiB, the open items of a session 64 MiB together. */
                omittedBytes?: number;
                /** @description Only in logs of older versions: bytes cut from this item. */
                truncatedBytes?: number;
            };
        };
        /** @description The id of an item, like itm_01HXYZ. Opaque. */
        ItemId: string;
        FileChange: {
            path: string;
            /** @enum {string} */
            change: "add" | "update" | "delete" | "move";
            movedTo?: string;
            /** @description Unified diff. */
            diff?: string;
            /** @description The whole diff, if `diff` is only its beginning. */
            blob?: {
                /** @description SHA-256 of the whole content, in lowercase hex: `GET /api/blobs/HASH`. */
                hash: string;
                /** @description Bytes of the whole content. */
                bytes: number;
                /** @description `text/plain`, `text/x-diff`, or `application/json` for a value that is not text. */
                mediaType: string;
            };
        };
        /**
         * @description The text of an open item, or the output of a command, grows. Deltas arrive in order; short ones are joined.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "item.delta",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "itemId": "itm_01KB7R_1_2",
         *         "kind": "agent-message",
         *         "text": "hel"
         *       }
         *     }
         */
        ItemDeltaEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "item.delta";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                turnId: components["schemas"]["TurnId"];
                itemId: components["schemas"]["ItemId"];
                /** @description user-message | agent-message | reasoning | command | file-change | tool-call | plan | web-search | image | compaction | notice | another kind of a newer provider */
                kind: string;
                /**
                 * @description user: the item is a prompt, of a person (`user-message`) or of the server for a continuation, goal or action (`notice`).
                 * @enum {string}
                 */
                role?: "user";
                text: string;
            };
        };
        /**
         * @description The item ends, exactly once. This is the whole item: its text replaces the sum of the deltas.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "item.completed",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "itemId": "itm_01KB7R_1_2",
         *         "kind": "agent-message",
         *         "status": "completed",
         *         "text": "hello"
         *       }
         *     }
         * @example {
         *       "offset": 43,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 8,
         *       "type": "item.completed",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "itemId": "itm_01KB7R_1_3",
         *         "kind": "command",
         *         "status": "completed",
         *         "command": "npm test",
         *         "output": "120 passed\n",
         *         "exitCode": 0,
         *         "durationMillis": 2150
         *       }
         *     }
         * @example {
         *       "offset": 44,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 9,
         *       "type": "item.completed",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "itemId": "itm_01KB7R_1_5",
         *         "kind": "agent-message",
         *         "status": "completed",
         *         "text": "The tests are in src/log.",
         *         "parentItemId": "itm_01KB7R_1_4"
         *       }
         *     }
         */
        ItemCompletedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "item.completed";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                turnId: components["schemas"]["TurnId"];
                itemId: components["schemas"]["ItemId"];
                /** @description user-message | agent-message | reasoning | command | file-change | tool-call | plan | web-search | image | compaction | notice | another kind of a newer provider */
                kind: string;
                /**
                 * @description user: the item is a prompt, of a person (`user-message`) or of the server for a continuation, goal or action (`notice`).
                 * @enum {string}
                 */
                role?: "user";
                /** @enum {string} */
                status: "completed" | "failed" | "declined" | "aborted";
                /** @description The reason, as a sentence that a person can act on. */
                reason?: string;
                /** @description Messages, reasoning, plans: the authoritative text. */
                text?: string;
                /** @description command: the command line. */
                command?: string;
                cwd?: string;
                /** @description command: standard output and error as the provider joined them. */
                output?: string;
                exitCode?: number;
                durationMillis?: number;
                changes?: components["schemas"]["FileChange"][];
                /** @description tool-call: `server/tool` or the tool's name. */
                tool?: string;
                input?: unknown;
                result?: unknown;
                steps?: components["schemas"]["PlanStep"][];
                /** @description Of an item of a sub-agent: the tool call that started the sub-agent, an earlier item of the same turn. Such an item is not part of the turn's answer. */
                parentItemId?: components["schemas"]["ItemId"];
                /** @description Files of a prompt, or files that the agent shows; at most 16. Of the latter the text has a placeholder like `[image: image-1.png]`. */
                attachments?: components["schemas"]["Attachment"][];
                /** @description The whole values of fields that are cut here. A cut text has its beginning; a cut list its first entries; any other cut value the beginning of its JSON, as a string. */
                blobs?: {
                    [key: string]: components["schemas"]["Blob"];
                };
                /** @description Bytes at the end of the text or output that are not kept: an item keeps at most 32 MiB, the open items of a session 64 MiB together. */
                omittedBytes?: number;
                /** @description Only in logs of older versions: bytes cut from this item. */
                truncatedBytes?: number;
            };
        };
        /**
         * @description The agent updates an item that has ended: the content is replaced, and the item stays ended. Or an item of a sub-agent ends after the turn that it belongs to; its `item.started` is then missing.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "item.amended",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "itemId": "itm_01KB7R_1_2",
         *         "kind": "agent-message",
         *         "status": "completed",
         *         "text": "hello, world"
         *       }
         *     }
         */
        ItemAmendedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "item.amended";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                turnId: components["schemas"]["TurnId"];
                itemId: components["schemas"]["ItemId"];
                /** @description user-message | agent-message | reasoning | command | file-change | tool-call | plan | web-search | image | compaction | notice | another kind of a newer provider */
                kind: string;
                /**
                 * @description user: the item is a prompt, of a person (`user-message`) or of the server for a continuation, goal or action (`notice`).
                 * @enum {string}
                 */
                role?: "user";
                /** @enum {string} */
                status: "completed" | "failed" | "declined" | "aborted";
                /** @description Messages, reasoning, plans: the authoritative text. */
                text?: string;
                /** @description command: the command line. */
                command?: string;
                cwd?: string;
                /** @description command: standard output and error as the provider joined them. */
                output?: string;
                exitCode?: number;
                durationMillis?: number;
                changes?: components["schemas"]["FileChange"][];
                /** @description tool-call: `server/tool` or the tool's name. */
                tool?: string;
                input?: unknown;
                result?: unknown;
                steps?: components["schemas"]["PlanStep"][];
                /** @description Of an item of a sub-agent: the tool call that started the sub-agent, an earlier item of the same turn. Such an item is not part of the turn's answer. */
                parentItemId?: components["schemas"]["ItemId"];
                /** @description Files of a prompt, or files that the agent shows; at most 16. Of the latter the text has a placeholder like `[image: image-1.png]`. */
                attachments?: components["schemas"]["Attachment"][];
                /** @description The whole values of fields that are cut here. A cut text has its beginning; a cut list its first entries; any other cut value the beginning of its JSON, as a string. */
                blobs?: {
                    [key: string]: components["schemas"]["Blob"];
                };
                /** @description Bytes at the end of the text or output that are not kept: an item keeps at most 32 MiB, the open items of a session 64 MiB together. */
                omittedBytes?: number;
                /** @description Only in logs of older versions: bytes cut from this item. */
                truncatedBytes?: number;
            };
        };
        /**
         * @description The agent asks a person: for an approval, or a question. The turn waits. With `rule`, an approval rule has answered it in the same commit.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "request.opened",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "requestId": "req_01KB7R_1_1",
         *         "kind": "approval",
         *         "title": "Run: npm test",
         *         "command": "npm test",
         *         "cwd": "/home/me/app",
         *         "complete": true,
         *         "choices": [
         *           "accept",
         *           "accept-for-session",
         *           "decline",
         *           "cancel"
         *         ],
         *         "proposedRule": {
         *           "match": {
         *             "kind": "command",
         *             "command": "npm test"
         *           },
         *           "decision": "accept"
         *         }
         *       }
         *     }
         * @example {
         *       "offset": 43,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 8,
         *       "type": "request.opened",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "requestId": "req_01KB7R_1_2",
         *         "kind": "question",
         *         "title": "Which database?",
         *         "questions": [
         *           {
         *             "id": "database",
         *             "text": "Which database?",
         *             "options": [
         *               {
         *                 "label": "SQLite"
         *               },
         *               {
         *                 "label": "PostgreSQL"
         *               }
         *             ]
         *           }
         *         ]
         *       }
         *     }
         */
        RequestOpenedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "request.opened";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                turnId: components["schemas"]["TurnId"];
                requestId: components["schemas"]["RequestId"];
                /** @description Name of the approval rule that answers it: `request.answered` is in the same commit, and no person is needed. */
                rule?: string;
                /** @description The approval rule that would accept this request from now on. */
                proposedRule?: components["schemas"]["StoredRule"];
                /** @description Only in logs of older versions. */
                reasks?: components["schemas"]["RequestId"];
                /** @enum {string} */
                kind: "approval";
                /** @description One line, like `Run: npm test`. */
                title: string;
                itemId?: components["schemas"]["ItemId"];
                command?: string;
                cwd?: string;
                changes?: components["schemas"]["FileChange"][];
                /** @description The tool that the agent asks to use: `server/tool` or its name. */
                tool?: string;
                /**
                 * @description `command`, `changes` or `tool` is all that accepting allows, as the agent will run it. Rules accept only such requests.
                 * @enum {boolean}
                 */
                complete?: true;
                reason?: string;
                /** @description The whole values of fields that are cut here. A cut text has its beginning; a cut list its first entries; any other cut value the beginning of its JSON, as a string. */
                blobs?: {
                    [key: string]: components["schemas"]["Blob"];
                };
                choices: ("accept" | "accept-for-session" | "decline" | "cancel")[];
                /** @description What the agent takes with an answer: `reason` with a decline, `input` (a changed `command`) with `accept`. Absent: neither. */
                takes?: string[];
                /** @description The agent's own options, if it names any. Answer with `optionId`; a `decision` works if exactly one option has that kind. */
                options?: {
                    /** @description The agent's own id, unique within the request. */
                    optionId: string;
                    /** @description The option's text, from the agent. */
                    label: string;
                    /** @description accept | accept-for-session | decline | cancel; an unknown kind is kept as the agent wrote it. */
                    kind: string;
                }[];
            } | {
                threadId: components["schemas"]["ThreadId"];
                turnId: components["schemas"]["TurnId"];
                requestId: components["schemas"]["RequestId"];
                /** @description Name of the approval rule that answers it: `request.answered` is in the same commit, and no person is needed. */
                rule?: string;
                /** @description The approval rule that would accept this request from now on. */
                proposedRule?: components["schemas"]["StoredRule"];
                /** @description Only in logs of older versions. */
                reasks?: components["schemas"]["RequestId"];
                /** @enum {string} */
                kind: "question";
                title: string;
                itemId?: components["schemas"]["ItemId"];
                questions: {
                    id: string;
                    text: string;
                    header?: string;
                    options?: {
                        label: string;
                        description?: string;
                    }[];
                    /** @description More than one option may be chosen. */
                    multiple?: boolean;
                    secret?: boolean;
                }[];
                /** @description The whole values of fields that are cut here. A cut text has its beginning; a cut list its first entries; any other cut value the beginning of its JSON, as a string. */
                blobs?: {
                    [key: string]: components["schemas"]["Blob"];
                };
            } | {
                threadId: components["schemas"]["ThreadId"];
                turnId: components["schemas"]["TurnId"];
                requestId: components["schemas"]["RequestId"];
                /** @description Name of the approval rule that answers it: `request.answered` is in the same commit, and no person is needed. */
                rule?: string;
                /** @description The approval rule that would accept this request from now on. */
                proposedRule?: components["schemas"]["StoredRule"];
                /** @description Only in logs of older versions. */
                reasks?: components["schemas"]["RequestId"];
                /** @enum {string} */
                kind: "sign-in";
                title: string;
                itemId?: components["schemas"]["ItemId"];
                /** @description The whole values of fields that are cut here. A cut text has its beginning; a cut list its first entries; any other cut value the beginning of its JSON, as a string. */
                blobs?: {
                    [key: string]: components["schemas"]["Blob"];
                };
                instructions: string;
                /** @description What to run on the server's machine. */
                command?: string;
                choices: ("accept" | "accept-for-session" | "decline" | "cancel")[];
            };
        };
        /**
         * @description The server died while the request was open, and the thread's `recovery` is `resume` or `ask`. The request stays open for `turnId`, the turn that continues the work.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "request.held",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7W",
         *         "requestId": "req_01KB7R_1_1",
         *         "reason": "The server restarted."
         *       }
         *     }
         */
        RequestHeldEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "request.held";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                turnId: components["schemas"]["TurnId"];
                requestId: components["schemas"]["RequestId"];
                /** @description The reason, as a sentence that a person can act on. */
                reason: string;
            };
        };
        /**
         * @description The agent asks a held request again. If it was answered meanwhile, the server passes the answer to the agent.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "request.repeated",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7W",
         *         "requestId": "req_01KB7R_1_1",
         *         "repeatedAs": "req_01KB7R_2_1"
         *       }
         *     }
         * @example {
         *       "offset": 43,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 8,
         *       "type": "request.repeated",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7W",
         *         "requestId": "req_01KB7R_1_1",
         *         "repeatedAs": "req_01KB7R_2_1",
         *         "answer": {
         *           "decision": "accept"
         *         }
         *       }
         *     }
         */
        RequestRepeatedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "request.repeated";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                turnId: components["schemas"]["TurnId"];
                requestId: components["schemas"]["RequestId"];
                /** @description The id under which the agent asked again after a restart. */
                repeatedAs: string;
                itemId?: components["schemas"]["ItemId"];
                /** @description The answer that was given meanwhile. */
                answer?: components["schemas"]["Answer"];
            };
        };
        /** @description A decision or an option for an approval, answers for a question. */
        Answer: {
            /** @enum {string} */
            decision: "accept" | "accept-for-session" | "decline" | "cancel";
            optionId?: string;
            label?: string;
            /** @description Why. The agent gets it with a decline, if the request's `takes` has `reason`. */
            reason?: string;
            input?: components["schemas"]["ChangedInput"];
        } | {
            optionId: string;
            label?: string;
            /** @description Why. The agent gets it with a decline, if the request's `takes` has `reason`. */
            reason?: string;
            input?: components["schemas"]["ChangedInput"];
        } | {
            answers: {
                [key: string]: string[];
            };
        };
        /** @description What the agent does instead of what it asked for: the command that it runs. */
        ChangedInput: {
            command: string;
        };
        /**
         * @description The answer to a held request reached no agent: the turn that continued the work ended, and the agent had not asked again.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "request.answer.unused",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7W",
         *         "requestId": "req_01KB7R_1_1",
         *         "reason": "The agent did not ask again: the turn completed."
         *       }
         *     }
         */
        RequestAnswerUnusedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "request.answer.unused";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                turnId: components["schemas"]["TurnId"];
                requestId: components["schemas"]["RequestId"];
                /** @description The reason, as a sentence that a person can act on. */
                reason: string;
            };
        };
        /**
         * @description A request is answered. The first answer counts. The server then passes it to the agent; the answer to a held request is kept until the agent asks again.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "request.answered",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "requestId": "req_01KB7R_1_1",
         *         "by": "me",
         *         "decision": "accept"
         *       }
         *     }
         * @example {
         *       "offset": 43,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 8,
         *       "type": "request.answered",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "requestId": "req_01KB7R_1_1",
         *         "by": "me",
         *         "decision": "accept",
         *         "input": {
         *           "command": "npm test -- --run"
         *         }
         *       }
         *     }
         * @example {
         *       "offset": 44,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 9,
         *       "type": "request.answered",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "requestId": "req_01KB7R_1_1",
         *         "by": "me",
         *         "decision": "decline",
         *         "reason": "The tests need a database."
         *       }
         *     }
         * @example {
         *       "offset": 45,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 10,
         *       "type": "request.answered",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "requestId": "req_01KB7R_1_2",
         *         "by": "me",
         *         "answers": {
         *           "database": [
         *             "SQLite"
         *           ]
         *         }
         *       }
         *     }
         */
        RequestAnsweredEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "request.answered";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                turnId: components["schemas"]["TurnId"];
                requestId: components["schemas"]["RequestId"];
                /** @description Who answered: a token's name, `rule` and the name of an approval rule, or `policy`. */
                by: string;
                /**
                 * @description The request was held: the answer is kept until the agent asks again.
                 * @enum {boolean}
                 */
                held?: true;
                /** @description The id under which the agent asked again after a restart. */
                repeatedAs?: string;
                /** @enum {string} */
                decision: "accept" | "accept-for-session" | "decline" | "cancel";
                optionId?: string;
                label?: string;
                /** @description Why. The agent gets it with a decline, if the request's `takes` has `reason`. */
                reason?: string;
                input?: components["schemas"]["ChangedInput"];
            } | {
                threadId: components["schemas"]["ThreadId"];
                turnId: components["schemas"]["TurnId"];
                requestId: components["schemas"]["RequestId"];
                /** @description Who answered: a token's name, `rule` and the name of an approval rule, or `policy`. */
                by: string;
                /**
                 * @description The request was held: the answer is kept until the agent asks again.
                 * @enum {boolean}
                 */
                held?: true;
                /** @description The id under which the agent asked again after a restart. */
                repeatedAs?: string;
                optionId: string;
                label?: string;
                /** @description Why. The agent gets it with a decline, if the request's `takes` has `reason`. */
                reason?: string;
                input?: components["schemas"]["ChangedInput"];
            } | {
                threadId: components["schemas"]["ThreadId"];
                turnId: components["schemas"]["TurnId"];
                requestId: components["schemas"]["RequestId"];
                /** @description Who answered: a token's name, `rule` and the name of an approval rule, or `policy`. */
                by: string;
                /**
                 * @description The request was held: the answer is kept until the agent asks again.
                 * @enum {boolean}
                 */
                held?: true;
                /** @description The id under which the agent asked again after a restart. */
                repeatedAs?: string;
                answers: {
                    [key: string]: string[];
                };
            };
        };
        /**
         * @description A request can no longer be answered, for example because its session ended.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "request.expired",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "requestId": "req_01KB7R_1_1",
         *         "reason": "The session ended."
         *       }
         *     }
         */
        RequestExpiredEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "request.expired";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                turnId: components["schemas"]["TurnId"];
                requestId: components["schemas"]["RequestId"];
                /** @description The reason, as a sentence that a person can act on. */
                reason: string;
                /** @description The id under which the agent asked again after a restart. */
                repeatedAs?: string;
            };
        };
        /**
         * @description The agent withdraws its request, or its turn ended.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "request.cancelled",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "requestId": "req_01KB7R_1_1",
         *         "reason": "The turn ended."
         *       }
         *     }
         */
        RequestCancelledEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "request.cancelled";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                turnId: components["schemas"]["TurnId"];
                requestId: components["schemas"]["RequestId"];
                /** @description The reason, as a sentence that a person can act on. */
                reason: string;
            };
        };
        /**
         * @description An import adds a turn that has ended.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "turn.imported",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "status": "completed",
         *         "origin": "user",
         *         "text": "Say hello",
         *         "requestedAt": "2026-11-20T09:00:00.000Z",
         *         "startedAt": "2026-11-20T09:00:00.000Z",
         *         "endedAt": "2026-11-20T09:00:00.000Z",
         *         "usage": {
         *           "inputTokens": 1200,
         *           "outputTokens": 85,
         *           "totalTokens": 1285
         *         }
         *       }
         *     }
         */
        TurnImportedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "turn.imported";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                turnId: components["schemas"]["TurnId"];
                /** @enum {string} */
                status: "completed" | "interrupted" | "failed";
                /** @enum {string} */
                origin: "user" | "provider" | "continuation" | "goal";
                text: string;
                attachments?: components["schemas"]["TurnAttachment"][];
                requestedAt: string;
                startedAt?: string;
                endedAt?: string;
                reason?: string;
                error?: components["schemas"]["Failure"];
                usage?: components["schemas"]["Usage"];
                plan?: components["schemas"]["PlanStep"][];
                diff?: string;
                /** @description The whole values of fields that are cut here. A cut text has its beginning; a cut list its first entries; any other cut value the beginning of its JSON, as a string. */
                blobs?: {
                    [key: string]: components["schemas"]["Blob"];
                };
                nativeTurnId?: string;
            };
        };
        /** @description A file of a turn; its content is a blob. */
        TurnAttachment: {
            /** @description SHA-256 of the content, in lowercase hex: `GET /api/blobs/HASH`. */
            blob: string;
            name: string;
            mediaType: string;
            /** @description Bytes of the content. */
            bytes: number;
            /**
             * @description How the agent got the attachment: as part of its own protocol, or as the path of a copy. Absent before the turn starts.
             * @enum {string}
             */
            delivery?: "native" | "path";
        };
        /**
         * @description An import adds an item of an imported turn.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "item.imported",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "itemId": "itm_01KB7R_1_2",
         *         "kind": "agent-message",
         *         "status": "completed",
         *         "text": "hello"
         *       }
         *     }
         */
        ItemImportedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "item.imported";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                turnId: components["schemas"]["TurnId"];
                itemId: components["schemas"]["ItemId"];
                /** @description user-message | agent-message | reasoning | command | file-change | tool-call | plan | web-search | image | compaction | notice | another kind of a newer provider */
                kind: string;
                /**
                 * @description user: the item is a prompt, of a person (`user-message`) or of the server for a continuation, goal or action (`notice`).
                 * @enum {string}
                 */
                role?: "user";
                /** @enum {string} */
                status: "completed" | "failed" | "declined" | "aborted";
                reason?: string;
                /** @description Messages, reasoning, plans: the authoritative text. */
                text?: string;
                /** @description command: the command line. */
                command?: string;
                cwd?: string;
                /** @description command: standard output and error as the provider joined them. */
                output?: string;
                exitCode?: number;
                durationMillis?: number;
                changes?: components["schemas"]["FileChange"][];
                /** @description tool-call: `server/tool` or the tool's name. */
                tool?: string;
                input?: unknown;
                result?: unknown;
                steps?: components["schemas"]["PlanStep"][];
                /** @description Of an item of a sub-agent: the tool call that started the sub-agent, an earlier item of the same turn. Such an item is not part of the turn's answer. */
                parentItemId?: components["schemas"]["ItemId"];
                /** @description Files of a prompt, or files that the agent shows; at most 16. Of the latter the text has a placeholder like `[image: image-1.png]`. */
                attachments?: components["schemas"]["Attachment"][];
                /** @description The whole values of fields that are cut here. A cut text has its beginning; a cut list its first entries; any other cut value the beginning of its JSON, as a string. */
                blobs?: {
                    [key: string]: components["schemas"]["Blob"];
                };
                /** @description Bytes at the end of the text or output that are not kept: an item keeps at most 32 MiB, the open items of a session 64 MiB together. */
                omittedBytes?: number;
                /** @description Only in logs of older versions: bytes cut from this item. */
                truncatedBytes?: number;
            };
        };
        /**
         * @description An import adds a request of an imported turn. It has ended.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "request.imported",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "requestId": "req_01KB7R_1_1",
         *         "status": "answered",
         *         "ask": {
         *           "kind": "approval",
         *           "title": "Run: npm test",
         *           "choices": [
         *             "accept",
         *             "decline"
         *           ]
         *         },
         *         "openedAt": "2026-11-20T09:00:00.000Z",
         *         "answer": {
         *           "decision": "accept"
         *         },
         *         "by": "me"
         *       }
         *     }
         */
        RequestImportedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "request.imported";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                turnId: components["schemas"]["TurnId"];
                requestId: components["schemas"]["RequestId"];
                /** @enum {string} */
                status: "answered" | "expired" | "cancelled";
                ask: components["schemas"]["Ask"];
                openedAt: string;
                answer?: components["schemas"]["Answer"];
                by?: string;
                reason?: string;
            };
        };
        /** @description The question to a person, and the choices. */
        Ask: components["schemas"]["ApprovalAsk"] | components["schemas"]["QuestionAsk"] | components["schemas"]["SignInAsk"];
        ApprovalAsk: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            kind: "approval";
            /** @description One line, like `Run: npm test`. */
            title: string;
            itemId?: components["schemas"]["ItemId"];
            command?: string;
            cwd?: string;
            changes?: components["schemas"]["FileChange"][];
            /** @description The tool that the agent asks to use: `server/tool` or its name. */
            tool?: string;
            /**
             * @description `command`, `changes` or `tool` is all that accepting allows, as the agent will run it. Rules accept only such requests.
             * @enum {boolean}
             */
            complete?: true;
            reason?: string;
            /** @description The whole values of fields that are cut here. A cut text has its beginning; a cut list its first entries; any other cut value the beginning of its JSON, as a string. */
            blobs?: {
                [key: string]: components["schemas"]["Blob"];
            };
            choices: ("accept" | "accept-for-session" | "decline" | "cancel")[];
            /** @description What the agent takes with an answer: `reason` with a decline, `input` (a changed `command`) with `accept`. Absent: neither. */
            takes?: string[];
            /** @description The agent's own options, if it names any. Answer with `optionId`; a `decision` works if exactly one option has that kind. */
            options?: {
                /** @description The agent's own id, unique within the request. */
                optionId: string;
                /** @description The option's text, from the agent. */
                label: string;
                /** @description accept | accept-for-session | decline | cancel; an unknown kind is kept as the agent wrote it. */
                kind: string;
            }[];
        };
        QuestionAsk: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            kind: "question";
            title: string;
            itemId?: components["schemas"]["ItemId"];
            questions: {
                id: string;
                text: string;
                header?: string;
                options?: {
                    label: string;
                    description?: string;
                }[];
                /** @description More than one option may be chosen. */
                multiple?: boolean;
                secret?: boolean;
            }[];
            /** @description The whole values of fields that are cut here. A cut text has its beginning; a cut list its first entries; any other cut value the beginning of its JSON, as a string. */
            blobs?: {
                [key: string]: components["schemas"]["Blob"];
            };
        };
        /** @description Its agent is not signed in. Accepted: the prompt is sent again. */
        SignInAsk: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            kind: "sign-in";
            title: string;
            itemId?: components["schemas"]["ItemId"];
            /** @description The whole values of fields that are cut here. A cut text has its beginning; a cut list its first entries; any other cut value the beginning of its JSON, as a string. */
            blobs?: {
                [key: string]: components["schemas"]["Blob"];
            };
            instructions: string;
            /** @description What to run on the server's machine. */
            command?: string;
            choices: ("accept" | "accept-for-session" | "decline" | "cancel")[];
        };
        /**
         * @description The server finds at its start that the log lost acknowledged events, or is a copy. From this event on the log has a new epoch, so that a cursor of the other history is not accepted.
         * @example {
         *       "offset": 42,
         *       "stream": "server",
         *       "version": 7,
         *       "type": "log.rewound",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 0,
         *       "data": {
         *         "from": 120,
         *         "to": 100,
         *         "reason": "The log was restored from a copy.",
         *         "previousEpoch": "01KB7Q0000000000000000000A"
         *       }
         *     }
         */
        LogRewoundEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "log.rewound";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                /** @description The highest offset that is known to have been acknowledged in the other history. */
                from: number;
                /** @description The head that was found: this history continues after it. */
                to: number;
                /** @description The reason, as a sentence that a person can act on. */
                reason: string;
                /** @description The epoch of the other history. */
                previousEpoch?: string;
            };
        };
        /**
         * @description Never stored: the server delivers it in place of an event that cannot be read, with the same offset.
         * @example {
         *       "offset": 42,
         *       "stream": "server",
         *       "version": 7,
         *       "type": "log.corrupt",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 0,
         *       "data": {
         *         "type": "item.delta",
         *         "reason": "The stored JSON of this event cannot be read."
         *       }
         *     }
         */
        LogCorruptEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "log.corrupt";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                /** @description The type of the unreadable event, if it is known. */
                type?: string;
                reason: string;
            };
        };
        /**
         * @description In place of each event of a deleted thread, except `thread.deleted`: offset, stream, version and time stay, `epoch` is 0, and the content is erased.
         * @example {
         *       "offset": 42,
         *       "stream": "server",
         *       "version": 7,
         *       "type": "log.forgotten",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 0,
         *       "data": {}
         *     }
         */
        LogForgottenEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "log.forgotten";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: Record<string, never> | unknown[];
        };
        /**
         * @description The files of a thread's directory at the start or the end of a turn are stored as a commit in its git repository. `late`: an agent may have written to the directory before all files were read. `skipped`: files that are not in the commit, at most 20; `more`: how many further ones.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "checkpoint.taken",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "point": "start",
         *         "checkpoint": "9fceb02d0ae598e95dc970b74767f19372d61af8",
         *         "millis": 84
         *       }
         *     }
         * @example {
         *       "offset": 43,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 8,
         *       "type": "checkpoint.taken",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "point": "end",
         *         "checkpoint": "1f7a7a472abf3dd9643fd615f6da379c4acb3e3a",
         *         "late": true,
         *         "skipped": [
         *           {
         *             "path": "core.dump",
         *             "reason": "it is larger than 33554432 bytes"
         *           }
         *         ],
         *         "more": 2,
         *         "millis": 612
         *       }
         *     }
         */
        CheckpointTakenEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "checkpoint.taken";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                turnId: components["schemas"]["TurnId"];
                /** @enum {string} */
                point: "start" | "end";
                checkpoint: string;
                /** @enum {boolean} */
                late?: true;
                skipped?: {
                    path: string;
                    reason: string;
                }[];
                more?: number;
                millis: number;
            };
        };
        /**
         * @description The files at the start or the end of a turn could not be stored. The turn is not affected; it has no diff, and cannot be taken back.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "checkpoint.failed",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "point": "end",
         *         "reason": "git update-index did not finish within 30s."
         *       }
         *     }
         */
        CheckpointFailedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "checkpoint.failed";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                turnId: components["schemas"]["TurnId"];
                /** @enum {string} */
                point: "start" | "end";
                /** @description The reason, as a sentence that a person can act on. */
                reason: string;
            };
        };
        /**
         * @description The files of the thread's directory were taken back, all or (`workspace.discard`) single ones, or its conversation by a fork. `incomplete`: the rewind stopped, or the server ended during it; each file is as before or as after.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "thread.rewound",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "checkpoint": "5d41402abc4b2a76b9719d911017c592a1b2c3d4",
         *         "files": 3
         *       }
         *     }
         * @example {
         *       "offset": 43,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 8,
         *       "type": "thread.rewound",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "checkpoint": "5d41402abc4b2a76b9719d911017c592a1b2c3d4",
         *         "files": 1,
         *         "paths": [
         *           "src/login.ts"
         *         ]
         *       }
         *     }
         * @example {
         *       "offset": 44,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 9,
         *       "type": "thread.rewound",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "turnId": "trn_01KB7S",
         *         "checkpoint": "5d41402abc4b2a76b9719d911017c592a1b2c3d4",
         *         "files": 1,
         *         "incomplete": "The server ended during the rewind. 1 of 3 files were changed."
         *       }
         *     }
         */
        ThreadRewoundEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "thread.rewound";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                /** @description The state before this turn. Absent: that of a checkpoint; of a discard, the thread's first one. */
                turnId?: components["schemas"]["TurnId"];
                /** @description The files before the rewind; `thread.rewind` with it leads back. Absent: no files were to be changed. */
                checkpoint?: string;
                /** @description Number of files that were changed. */
                files?: number;
                /** @description Of `workspace.discard`: the files that it names, at most 100, each cut to 300 characters, relative to the thread's directory. Absent: all files that the turns changed. */
                paths?: string[];
                /** @description The fork whose conversation ends before the turn. */
                forkId?: components["schemas"]["ThreadId"];
                /** @description Why only a part of the files was changed. */
                incomplete?: string;
            };
        };
        /**
         * @description `workspace.commit` committed changes of the thread's work tree. The event's `actor` sent the command; author of the commit is the git identity that is configured on the server's machine.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "workspace.committed",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "commit": "9fceb02d0ae598e95dc970b74767f19372d61af8",
         *         "branch": "millrace/thr_01JZ4M2Q7V8W9X0Y1Z2A3B4C5D",
         *         "subject": "Fix the login"
         *       }
         *     }
         */
        WorkspaceCommittedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "workspace.committed";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                commit: string;
                branch: string;
                /** @description First line of its message, at most 500 characters. */
                subject: string;
            };
        };
        /**
         * @description `workspace.merge` merged the branch of the thread's worktree into the branch of the project's directory.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "workspace.merged",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "commit": "1f7a7a472abf3dd9643fd615f6da379c4acb3e3a",
         *         "branch": "millrace/thr_01JZ4M2Q7V8W9X0Y1Z2A3B4C5D",
         *         "into": "main"
         *       }
         *     }
         */
        WorkspaceMergedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "workspace.merged";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                /** @description What the branch `into` is at now. */
                commit: string;
                branch: string;
                into: string;
            };
        };
        /**
         * @description `workspace.push` pushed the branch of the thread's work tree.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "workspace.pushed",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "commit": "9fceb02d0ae598e95dc970b74767f19372d61af8",
         *         "branch": "millrace/thr_01JZ4M2Q7V8W9X0Y1Z2A3B4C5D",
         *         "remote": "origin"
         *       }
         *     }
         */
        WorkspacePushedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "workspace.pushed";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                commit: string;
                branch: string;
                remote: string;
            };
        };
        /**
         * @description `workspace.propose` pushed the branch of the thread's work tree and opened a pull request of it, or found it open.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "workspace.proposed",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "commit": "9fceb02d0ae598e95dc970b74767f19372d61af8",
         *         "branch": "millrace/thr_01JZ4M2Q7V8W9X0Y1Z2A3B4C5D",
         *         "remote": "origin",
         *         "url": "https://github.com/example/shop/pull/7"
         *       }
         *     }
         */
        WorkspaceProposedEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "workspace.proposed";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                commit: string;
                branch: string;
                remote: string;
                /** @description The pull request, or merge request; it may have been open before. */
                url: string;
            };
        };
        /**
         * @description The agent sends a message that this version does not map. It is stored unchanged.
         * @example {
         *       "offset": 42,
         *       "stream": "thread/thr_01KB7R",
         *       "version": 7,
         *       "type": "provider.event",
         *       "at": "2026-11-20T09:00:00.000Z",
         *       "epoch": 1,
         *       "data": {
         *         "threadId": "thr_01KB7R",
         *         "epoch": 1,
         *         "turnId": "trn_01KB7S",
         *         "method": "demo/unknown",
         *         "payload": {
         *           "value": 1
         *         }
         *       }
         *     }
         */
        ProviderEventEvent: {
            offset: number;
            /** @description `log/unreadable`: a `log.corrupt` event whose stream cannot be read. */
            stream: string | "log/unreadable";
            /** @description Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "provider.event";
            /** @description Commit time by the server's clock, ISO 8601 UTC. */
            at: string;
            /** @description The thread's session epoch at the commit; 0 = none. */
            epoch: number;
            commandId?: components["schemas"]["CommandId"];
            /** @description Who sent the command: the name of a token, or `local`. */
            actor?: string;
            data: {
                threadId: components["schemas"]["ThreadId"];
                epoch: number;
                turnId?: components["schemas"]["TurnId"];
                method: string;
                payload: unknown;
                /** @description The whole values of fields that are cut here. A cut text has its beginning; a cut list its first entries; any other cut value the beginning of its JSON, as a string. */
                blobs?: {
                    [key: string]: components["schemas"]["Blob"];
                };
            };
        };
        /** @description What a subscriber receives. Only events change state. Ignore a frame with an unknown `_tag`. */
        Frame: components["schemas"]["EventFrame"] | components["schemas"]["CaughtUpFrame"] | components["schemas"]["HeartbeatFrame"] | components["schemas"]["SignalFrame"] | components["schemas"]["ByeFrame"] | components["schemas"]["EndFrame"] | components["schemas"]["OpenFrame"];
        /** @description An event of the log. Pass `cursor` as `after` to resume after it. */
        EventFrame: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            _tag: "event";
            cursor: string;
            event: components["schemas"]["Event"];
        };
        /** @description Once per connection, after every event up to `head`. Later events are new. */
        CaughtUpFrame: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            _tag: "caught-up";
            /** @description The head of the log when you connected. */
            head: number;
            /** @description The number of events of this connection before this frame. */
            replayed: number;
            /** @description The number of requests that are open at `head`. If you follow one stream, only its requests count. */
            requests: number;
        };
        /** @description Every 15 seconds at the head. A connection without frames for 45 seconds is lost. */
        HeartbeatFrame: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            _tag: "heartbeat";
            head: number;
        };
        /** @description Progress, only for subscribers that are caught up. The next event supersedes it. */
        SignalFrame: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            _tag: "signal";
            signal: components["schemas"]["Signal"];
        };
        /** @description The progress of an agent between two events. The latest signal of a key replaces the earlier one; it is not in the log. */
        Signal: {
            /** @description Identifies the subject of the signal: keep the latest one of each key. */
            key: string;
            threadId: components["schemas"]["ThreadId"];
            turnId?: components["schemas"]["TurnId"];
            itemId?: components["schemas"]["ItemId"];
            /** @description usage: `data` is the turn's `Usage` so far | progress: `data` is the `Progress` of an item | agent: `data` is the `AgentReport` of the session, with the names of the first commands only | another kind of a newer server */
            kind: string;
            data: unknown;
        };
        /** @description The server shuts down, the lease of the connection expired (`lease`), or a limit is reached (`limit`). */
        ByeFrame: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            _tag: "bye";
            reason: string;
            /** @description Reconnect with this cursor. */
            resumeAfter: string;
            /** @description Reconnect no sooner than this. */
            retryAfterMillis?: number;
        };
        /** @description The stream can have no more events. Do not reconnect. */
        EndFrame: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            _tag: "end";
            reason: string;
        };
        /** @description The first frame of each connection: the epoch and the head of the log. */
        OpenFrame: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            _tag: "open";
            logEpoch: string;
            head: number;
        };
        /** @description A command with an id that you choose. `type` selects the fields. */
        Command: components["schemas"]["ProjectCreateCommand"] | components["schemas"]["ProjectUpdateCommand"] | components["schemas"]["ProjectDeleteCommand"] | components["schemas"]["ThreadCreateCommand"] | components["schemas"]["ThreadRenameCommand"] | components["schemas"]["ThreadConfigureCommand"] | components["schemas"]["ThreadHandoverCommand"] | components["schemas"]["ThreadForkCommand"] | components["schemas"]["TurnRetryCommand"] | components["schemas"]["ThreadCompactCommand"] | components["schemas"]["ThreadReviewCommand"] | components["schemas"]["ThreadRewindCommand"] | components["schemas"]["WorkspaceDiscardCommand"] | components["schemas"]["WorkspaceRemoveCommand"] | components["schemas"]["WorkspaceCommitCommand"] | components["schemas"]["WorkspaceMergeCommand"] | components["schemas"]["WorkspacePushCommand"] | components["schemas"]["WorkspaceProposeCommand"] | components["schemas"]["ThreadArchiveCommand"] | components["schemas"]["ThreadUnarchiveCommand"] | components["schemas"]["ThreadDeleteCommand"] | components["schemas"]["TurnStartCommand"] | components["schemas"]["GoalSetCommand"] | components["schemas"]["GoalPauseCommand"] | components["schemas"]["GoalResumeCommand"] | components["schemas"]["GoalClearCommand"] | components["schemas"]["ContinuationCancelCommand"] | components["schemas"]["TurnInterruptCommand"] | components["schemas"]["TurnEditCommand"] | components["schemas"]["TurnRemoveCommand"] | components["schemas"]["TurnReorderCommand"] | components["schemas"]["TurnPromoteCommand"] | components["schemas"]["RequestAnswerCommand"] | components["schemas"]["SessionStopCommand"];
        ProjectCreateCommand: {
            commandId: components["schemas"]["CommandId"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "project.create";
            cwd: string;
            title?: string;
        };
        ProjectUpdateCommand: {
            commandId: components["schemas"]["CommandId"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "project.update";
            projectId: components["schemas"]["ProjectId"];
            title?: string;
            /** @description Variables of the agents of the project, from their next session on. Replaces all of them. */
            env?: {
                [key: string]: components["schemas"]["SecretValue"];
            };
            /** @description Command line that runs in each new worktree before its first turn, with `/bin/sh -c`; null: none. */
            setup?: string | null;
        };
        ProjectDeleteCommand: {
            commandId: components["schemas"]["CommandId"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "project.delete";
            projectId: components["schemas"]["ProjectId"];
            /** @description Deletes the project's threads too, also the archived ones. Default: a project that has threads is not deleted. */
            purge?: boolean;
        };
        ThreadCreateCommand: {
            commandId: components["schemas"]["CommandId"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "thread.create";
            provider: string;
            /** @description The model, as the agent names it. */
            model?: string;
            /** @description How much the model thinks, as the agent names it. */
            effort?: string;
            /**
             * @description What the agent may do without a person.
             * @enum {string}
             */
            permissionMode?: "plan" | "read-only" | "ask" | "accept-edits" | "full-access";
            /** @description Further directories of the agent. Replaces the whole list. */
            directories?: string[];
            /** @description MCP servers of the agent. Replaces all of them. */
            mcpServers?: {
                [key: string]: components["schemas"]["McpServer"];
            };
            /** @description Added to the agent's own instructions. */
            instructions?: string;
            projectId?: components["schemas"]["ProjectId"];
            cwd?: string;
            title?: string;
            /**
             * @description Default: the server's setting.
             * @enum {string}
             */
            recovery?: "settle" | "resume" | "ask";
            /**
             * @description Default: stop.
             * @enum {string}
             */
            afterLimit?: "stop" | "continue";
            /** @description Rules that answer its approvals. The first match counts; the server's rules come after these. */
            approve?: components["schemas"]["ApprovalRule"][];
            /** @description Replaces all labels of the thread. At most 16 labels of at most 64 characters. */
            labels?: string[];
            metadata?: {
                [key: string]: string;
            };
            /** @description false: the agent's session ends as soon as the thread is idle. Default: it ends after the idle time. */
            keepSession?: boolean;
            /** @description Default: the directory. */
            workspace?: {
                /** @enum {string} */
                kind: "directory";
                /** @description true: while one of its turns runs, no turn of another thread starts in its directory, in one above it or below it, and the other way round. Such turns wait in their queues. */
                exclusive?: boolean;
            } | {
                /** @enum {string} */
                kind: "worktree";
                /** @description What the branch starts from. Default: HEAD. */
                base?: string;
                /** @description Default: a new branch. */
                branch?: string;
                /** @description true: while one of its turns runs, no turn of another thread starts in its directory, in one above it or below it, and the other way round. Such turns wait in their queues. */
                exclusive?: boolean;
            };
            turn?: {
                /** @description The prompt, at most 131,072 characters. Empty only with attachments. */
                text: string;
                /** @description Images and files for the agent, at most 16. */
                attachments?: components["schemas"]["GivenAttachment"][];
            };
        };
        ApprovalRule: {
            /** @description The sender of the rule's answers. Default: the text that the rule matches. */
            name?: string;
            match: {
                /** @enum {string} */
                kind: "command" | "file-change" | "tool-call";
                /** @description The first words of the command, like `git status`. Absent: any. */
                command?: string;
                /** @description A glob from the workspace that each changed file matches, like `src/**`. Absent: any. */
                path?: string;
                /** @description The tool's name, or `server/tool`; `*` matches within a name. Absent: any. */
                tool?: string;
            };
            /** @enum {string} */
            decision: "accept" | "decline" | "cancel";
        };
        /** @description An uploaded file for a turn. */
        GivenAttachment: {
            /** @description The hash that `POST /api/blobs` returned. */
            blob: string;
            name: string;
            /** @description Default: the media type of the upload. */
            mediaType?: string;
        };
        ThreadRenameCommand: {
            commandId: components["schemas"]["CommandId"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "thread.rename";
            threadId: components["schemas"]["ThreadId"];
            title: string;
        };
        ThreadConfigureCommand: {
            commandId: components["schemas"]["CommandId"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "thread.configure";
            threadId: components["schemas"]["ThreadId"];
            /** @enum {string} */
            recovery?: "settle" | "resume" | "ask";
            /** @enum {string} */
            afterLimit?: "stop" | "continue";
            /** @description Rules that answer its approvals, from now on. Replaces all of them; null: none. */
            approve?: components["schemas"]["ApprovalRule"][] | null;
            /** @description The model, as the agent names it. null: use the value of the provider instance. */
            model?: string | null;
            /** @description How much the model thinks, as the agent names it. null: use the value of the provider instance. */
            effort?: string | null;
            /** @description What the agent may do without a person. null: use the value of the provider instance. */
            permissionMode?: ("plan" | "read-only" | "ask" | "accept-edits" | "full-access") | null;
            /** @description Further directories of the agent. Replaces the whole list. null: use the value of the provider instance. */
            directories?: string[] | null;
            /** @description MCP servers of the agent. Replaces all of them. null: use the value of the provider instance. */
            mcpServers?: {
                [key: string]: components["schemas"]["McpServer"];
            } | null;
            /** @description Added to the agent's own instructions. null: use the value of the provider instance. */
            instructions?: string | null;
            /** @description Replaces all labels of the thread. At most 16 labels of at most 64 characters. */
            labels?: string[];
            metadata?: {
                [key: string]: string;
            };
        };
        ThreadHandoverCommand: {
            commandId: components["schemas"]["CommandId"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "thread.handover";
            threadId: components["schemas"]["ThreadId"];
            provider: string;
            model?: string;
        };
        ThreadForkCommand: {
            commandId: components["schemas"]["CommandId"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "thread.fork";
            threadId: components["schemas"]["ThreadId"];
            /** @description The last turn that the fork has; it has ended. Default: all turns. */
            turnId?: components["schemas"]["TurnId"];
            title?: string;
        };
        TurnRetryCommand: {
            commandId: components["schemas"]["CommandId"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "turn.retry";
            threadId: components["schemas"]["ThreadId"];
            turnId: components["schemas"]["TurnId"];
            /** @description Default: the turn's text. */
            text?: string;
            /** @description Default: the turn's attachments. */
            attachments?: components["schemas"]["GivenAttachment"][];
        };
        ThreadCompactCommand: {
            commandId: components["schemas"]["CommandId"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "thread.compact";
            threadId: components["schemas"]["ThreadId"];
        };
        ThreadReviewCommand: {
            commandId: components["schemas"]["CommandId"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "thread.review";
            threadId: components["schemas"]["ThreadId"];
            target: {
                /** @enum {string} */
                type: "uncommittedChanges";
            } | {
                /** @enum {string} */
                type: "baseBranch";
                branch: string;
            } | {
                /** @enum {string} */
                type: "commit";
                sha: string;
                /** @description Shown to people. */
                title?: string;
            } | {
                /** @enum {string} */
                type: "custom";
                instructions: string;
            };
        };
        ThreadRewindCommand: {
            commandId: components["schemas"]["CommandId"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "thread.rewind";
            threadId: components["schemas"]["ThreadId"];
            turnId?: components["schemas"]["TurnId"];
            files?: boolean;
            conversation?: boolean;
            /** @description Of the preview. Without it, the rewind is rejected if it would overwrite what others have changed. */
            expected?: string;
            /** @description Instead of `turnId`. */
            checkpoint?: string;
        };
        WorkspaceDiscardCommand: {
            commandId: components["schemas"]["CommandId"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "workspace.discard";
            threadId: components["schemas"]["ThreadId"];
            /** @description The files, relative to the thread's directory. A renamed file has two paths. */
            paths: string[];
            /** @description The state before this turn. Default: the thread's first checkpoint, where its diff begins. */
            turnId?: components["schemas"]["TurnId"];
            /** @description Of the preview. Without it, the command is rejected if it would overwrite what others have changed. */
            expected?: string;
        };
        WorkspaceRemoveCommand: {
            commandId: components["schemas"]["CommandId"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "workspace.remove";
            /** @description The thread whose worktree is removed. It may be deleted. */
            threadId: string;
            /** @description Also if changes, or commits of a detached HEAD, are lost with it. Default: then it is rejected. */
            force?: boolean;
        };
        WorkspaceCommitCommand: {
            commandId: components["schemas"]["CommandId"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "workspace.commit";
            threadId: components["schemas"]["ThreadId"];
            message: string;
            /** @description The files to commit, relative to the thread's directory; nothing else is committed. Default, in a worktree of the thread: all changes. Required in any other directory. */
            paths?: string[];
        };
        WorkspaceMergeCommand: {
            commandId: components["schemas"]["CommandId"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "workspace.merge";
            threadId: components["schemas"]["ThreadId"];
        };
        WorkspacePushCommand: {
            commandId: components["schemas"]["CommandId"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "workspace.push";
            threadId: components["schemas"]["ThreadId"];
            /** @description The name of a remote. Default: the branch's own, the only one, or origin. */
            remote?: string;
        };
        WorkspaceProposeCommand: {
            commandId: components["schemas"]["CommandId"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "workspace.propose";
            threadId: components["schemas"]["ThreadId"];
            /** @description Default: the thread's title. */
            title?: string;
            /** @description Markdown. Default: empty. */
            body?: string;
            /** @description The branch to merge into. Default: the repository's default branch. */
            base?: string;
            draft?: boolean;
            /** @description As of `workspace.push`. */
            remote?: string;
        };
        ThreadArchiveCommand: {
            commandId: components["schemas"]["CommandId"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "thread.archive";
            threadId: components["schemas"]["ThreadId"];
        };
        ThreadUnarchiveCommand: {
            commandId: components["schemas"]["CommandId"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "thread.unarchive";
            threadId: components["schemas"]["ThreadId"];
        };
        ThreadDeleteCommand: {
            commandId: components["schemas"]["CommandId"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "thread.delete";
            threadId: components["schemas"]["ThreadId"];
        };
        TurnStartCommand: {
            commandId: components["schemas"]["CommandId"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "turn.start";
            threadId: components["schemas"]["ThreadId"];
            /** @description The prompt, at most 131,072 characters. Empty only with attachments. */
            text: string;
            /** @description Images and files for the agent, at most 16. */
            attachments?: components["schemas"]["GivenAttachment"][];
            /**
             * @description Default: enqueue.
             * @enum {string}
             */
            strategy?: "enqueue" | "steer" | "interrupt" | "reject";
            /** @description Rejected unless this is the active turn. */
            expectedTurnId?: components["schemas"]["TurnId"];
        };
        GoalSetCommand: {
            commandId: components["schemas"]["CommandId"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "goal.set";
            threadId: components["schemas"]["ThreadId"];
            objective: string;
            /** @description Default: 25 turns. */
            budget?: {
                turns?: number;
                /** @description As the agent reports them at the end of a turn. Does not limit an agent that reports none. */
                tokens?: number;
                /** @description Wall-clock minutes while the goal is active. */
                minutes?: number;
            };
            /** @description A message from a user pauses the goal. Default: false. */
            pauseOnUserMessage?: boolean;
        };
        GoalPauseCommand: {
            commandId: components["schemas"]["CommandId"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "goal.pause";
            threadId: components["schemas"]["ThreadId"];
        };
        GoalResumeCommand: {
            commandId: components["schemas"]["CommandId"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "goal.resume";
            threadId: components["schemas"]["ThreadId"];
        };
        GoalClearCommand: {
            commandId: components["schemas"]["CommandId"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "goal.clear";
            threadId: components["schemas"]["ThreadId"];
        };
        ContinuationCancelCommand: {
            commandId: components["schemas"]["CommandId"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "continuation.cancel";
            threadId: components["schemas"]["ThreadId"];
        };
        TurnInterruptCommand: {
            commandId: components["schemas"]["CommandId"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "turn.interrupt";
            threadId: components["schemas"]["ThreadId"];
            turnId?: components["schemas"]["TurnId"];
        };
        TurnEditCommand: {
            commandId: components["schemas"]["CommandId"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "turn.edit";
            threadId: components["schemas"]["ThreadId"];
            turnId: components["schemas"]["TurnId"];
            /** @description The prompt, at most 131,072 characters. Empty only with attachments. */
            text: string;
            /** @description Replace the turn's attachments. Default: they stay. */
            attachments?: components["schemas"]["GivenAttachment"][];
        };
        TurnRemoveCommand: {
            commandId: components["schemas"]["CommandId"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "turn.remove";
            threadId: components["schemas"]["ThreadId"];
            turnId: components["schemas"]["TurnId"];
        };
        TurnReorderCommand: {
            commandId: components["schemas"]["CommandId"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "turn.reorder";
            threadId: components["schemas"]["ThreadId"];
            /** @description The turns to put first in the queue, in this order. The other queued turns follow in their present order. */
            turnIds: components["schemas"]["TurnId"][];
        };
        TurnPromoteCommand: {
            commandId: components["schemas"]["CommandId"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "turn.promote";
            threadId: components["schemas"]["ThreadId"];
            turnId: components["schemas"]["TurnId"];
            /**
             * @description enqueue (default): the turn runs next. interrupt: it runs next, and the running turn is interrupted. steer: its text and attachments are added to the running turn, and it ends without running; if that is not possible, it runs next.
             * @enum {string}
             */
            strategy?: "enqueue" | "steer" | "interrupt";
        };
        RequestAnswerCommand: {
            commandId: components["schemas"]["CommandId"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "request.answer";
            requestId: components["schemas"]["RequestId"];
            /** @enum {string} */
            decision?: "accept" | "accept-for-session" | "decline" | "cancel";
            /** @description Id of one of the request's `options`. Replaces `decision`. */
            optionId?: string;
            answers?: {
                [key: string]: string[];
            };
            /** @description Why, in the event and, with a decline, for an agent that takes it (`takes` of the request). Approvals only. */
            reason?: string;
            /** @description With `accept`: what the agent does instead. Rejected (`Unsupported`) unless the request's `takes` has `input`. */
            input?: components["schemas"]["ChangedInput"];
        };
        SessionStopCommand: {
            commandId: components["schemas"]["CommandId"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "session.stop";
            threadId: components["schemas"]["ThreadId"];
            expectedEpoch?: number;
            /** @description true: the sessions of the threads that its agent created, and of their children, are stopped too. */
            children?: boolean;
        };
        CommandStatus: components["schemas"]["Accepted"] | components["schemas"]["Rejected"];
        /** @description The command is committed. Follow the log after `cursor` to receive what it causes. */
        Accepted: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            status: "accepted";
            commandId: components["schemas"]["CommandId"];
            /** @description Offset of the command's last event, or the head if the command wrote no event. */
            offset: number;
            cursor: string;
            /**
             * @description The same command was accepted before; this is the stored answer.
             * @enum {boolean}
             */
            replayed?: true;
            projectId?: components["schemas"]["ProjectId"];
            threadId?: components["schemas"]["ThreadId"];
            turnId?: components["schemas"]["TurnId"];
            goalId?: components["schemas"]["GoalId"];
            /** @description thread.rewind and workspace.discard: the files as they were before the command. Send `thread.rewind` with it to go back. */
            checkpoint?: string;
            /** @description workspace.commit: the new commit. workspace.merge: what the project's branch is at now. workspace.push and workspace.propose: the commit that was pushed. */
            commit?: string;
            /** @description workspace.propose: the address of the pull request. */
            url?: string;
            /** @enum {string} */
            outcome?: "answered" | "already-settled" | "interrupting" | "dequeued" | "not-running" | "queued" | "started" | "steering";
        };
        Rejected: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            status: "rejected";
            commandId: components["schemas"]["CommandId"];
            rule: string;
            message: string;
        };
        /** @description An error in the shape that OpenAI's clients read. */
        OpenAiError: {
            error: {
                message: string;
                type: string;
                code: string;
                param: string | null;
                /** @description The agent's text until the turn failed. */
                text?: string;
            };
        };
        Snapshot: {
            logEpoch: string;
            offset: number;
            projects: components["schemas"]["Project"][];
            /** @description At most the 500 most recent that are not archived. */
            threads: components["schemas"]["Thread"][];
            requests: components["schemas"]["Request"][];
            /** @description There are more threads than shown: page them at /api/threads. */
            more: boolean;
        };
        /** @description A directory with its threads. */
        Project: {
            projectId: components["schemas"]["ProjectId"];
            cwd: string;
            title: string;
            createdAt: string;
            /** @description Variables of its agents. Absent: none. */
            env?: {
                [key: string]: components["schemas"]["SecretValue"];
            };
            /** @description Command line that runs in each new worktree before its first turn. Absent: none. */
            setup?: string;
        };
        /** @description A thread: one durable conversation with an agent. */
        Thread: {
            threadId: components["schemas"]["ThreadId"];
            projectId: components["schemas"]["ProjectId"];
            title: string;
            provider: string;
            model?: string;
            effort?: string;
            /** @enum {string} */
            permissionMode?: "plan" | "read-only" | "ask" | "accept-edits" | "full-access";
            directories?: string[];
            mcpServers?: {
                [key: string]: components["schemas"]["McpServer"];
            };
            instructions?: string;
            /** @description The settings with the defaults of the provider instance. Only in answers: no event carries it. */
            effective?: components["schemas"]["EffectiveSettings"];
            cwd: string;
            /**
             * @description No turn of another thread runs in its directory at the same time.
             * @enum {boolean}
             */
            exclusive?: true;
            /** @description Other threads whose turn runs in its directory, in one above it or below it; at most 10. Only in answers: no event carries it. */
            alongside?: components["schemas"]["ThreadId"][];
            /** @enum {string} */
            status: "idle" | "queued" | "running" | "needs-you" | "failed";
            archived: boolean;
            session?: components["schemas"]["Session"];
            activeTurnId?: components["schemas"]["TurnId"];
            queuedTurnIds: components["schemas"]["TurnId"][];
            openRequestIds: components["schemas"]["RequestId"][];
            openItemIds: components["schemas"]["ItemId"][];
            /** @description Running work of the agent that outlives its turn; the provider's ids. */
            backgroundIds?: string[];
            /** @description The thread whose conversation its agent copied at the start. */
            forkedFrom?: components["schemas"]["ThreadId"];
            /** @description The thread whose agent created it. */
            parentThreadId?: components["schemas"]["ThreadId"];
            /** @description Why its session is being stopped. */
            stopping?: string;
            /**
             * @description The last active turn failed, and the status does not show it, because work is open, queued or scheduled.
             * @enum {boolean}
             */
            lastTurnFailed?: true;
            /**
             * @description Absent: the server's setting.
             * @enum {string}
             */
            recovery?: "settle" | "resume" | "ask";
            /**
             * @description Absent: stop.
             * @enum {string}
             */
            afterLimit?: "stop" | "continue";
            /** @description Rules that answer its approvals. */
            approve?: components["schemas"]["StoredRule"][];
            /** @description As given; absent: never set. */
            labels?: string[];
            /** @description As given; absent: never set. */
            metadata?: {
                [key: string]: string;
            };
            /** @description Work that is scheduled to continue. */
            continuation?: components["schemas"]["Continuation"];
            /** @description The latest goal, ended or not. */
            goal?: components["schemas"]["Goal"];
            /** @description What its running agent reports of itself. Only in answers: no event carries it. */
            agent?: components["schemas"]["AgentReport"];
            /** @description Why its next turn waits in the queue. Only in answers: no event carries it. */
            waiting?: {
                /** @description agents: the maximum number of agents is running; limit: the account's usage limit is reached; command: a command takes files of its directory back, commits or merges them, or removes its worktree; workspace: another thread works in its directory, and one of the two is exclusive; or another reason. */
                reason: string;
                message: string;
            };
            createdAt: string;
            updatedAt: string;
        };
        EffectiveSettings: {
            model?: string;
            effort?: string;
            /** @enum {string} */
            permissionMode?: "plan" | "read-only" | "ask" | "accept-edits" | "full-access";
        };
        /** @description A session is one agent process. Only `starting` and `running` have an active turn. */
        Session: components["schemas"]["BusySession"] | components["schemas"]["RestingSession"];
        BusySession: {
            epoch: number;
            reason?: string;
            /** @enum {string} */
            continuity?: "fresh" | "resumed" | "replayed" | "handed-off";
            /** @description handed-off, replayed: the part of the history that the agent did not receive. */
            lost?: string;
            /**
             * @description Of a fork whose agent has no conversation yet. agent: it copied its own conversation; transcript: it gets the conversation from the log.
             * @enum {string}
             */
            fork?: "agent" | "transcript";
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            status: "starting" | "running";
            activeTurnId?: components["schemas"]["TurnId"];
        };
        RestingSession: {
            epoch: number;
            reason?: string;
            /** @enum {string} */
            continuity?: "fresh" | "resumed" | "replayed" | "handed-off";
            /** @description handed-off, replayed: the part of the history that the agent did not receive. */
            lost?: string;
            /**
             * @description Of a fork whose agent has no conversation yet. agent: it copied its own conversation; transcript: it gets the conversation from the log.
             * @enum {string}
             */
            fork?: "agent" | "transcript";
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            status: "ready" | "interrupted" | "stopped" | "error";
            activeTurnId?: unknown;
        };
        Continuation: {
            /** @description The turn that was cut off. It has ended. */
            turnId: string;
            /** @enum {string} */
            because: "restart" | "limit" | "sign-in";
            /** @description Times the work continued after a restart, this one included. */
            restarts: number;
            /** @description Times the work waited for a usage limit, this one included. */
            waits: number;
            /** @description When the first turn of the series ended, ISO 8601. */
            since: string;
            /** @description Only in logs of older versions: the requests that were open and expired. */
            requests?: {
                requestId: components["schemas"]["RequestId"];
                words: string;
            }[];
            /** @description When the work continues; with `requestId`: when the request expires. ISO 8601. */
            at: string;
            /** @description The request that decides whether the work continues: a held request, or the question whether to continue if none was open. */
            requestId?: components["schemas"]["RequestId"];
            /** @description The id that the new turn will have. Present if requests are held for it. */
            nextTurnId?: components["schemas"]["TurnId"];
        };
        /** @description A durable objective of a thread. */
        Goal: {
            goalId: components["schemas"]["GoalId"];
            objective: string;
            /** @enum {string} */
            status: "active" | "paused" | "met" | "exhausted" | "cleared";
            budget: {
                turns: number;
                /** @description As the agent reports them at the end of a turn. Does not limit an agent that reports none. */
                tokens?: number;
                /** @description Wall-clock minutes while the goal is active. */
                minutes?: number;
            };
            /** @description As of the goal's last event or turn. */
            used: {
                turns: number;
                tokens: number;
                millis: number;
            };
            pauseOnUserMessage: boolean;
            /** @description Why it has this status. */
            reason?: string;
            /** @description When it last became active, ISO 8601. Only while it is active. */
            activeSince?: string;
            /** @description When its `minutes` run out. Only while it is active. */
            until?: string;
            /** @description When the next turn starts. Set after a very short turn. */
            nextAt?: string;
        };
        /** @description The report of a running agent about itself. */
        AgentReport: {
            /** @description The model that the agent uses. */
            model?: string;
            /** @description The agent's name of its mode: `plan`, `acceptEdits` and so on. */
            mode?: string;
            /** @description The agent's slash commands, at most 1,000, without the slash. The signal has the first names only. */
            commands?: {
                name: string;
                description: string;
            }[];
            /** @description Tokens of the conversation in the model's context window, and the size of the window. */
            context?: {
                tokens?: number;
                window?: number;
            };
            /** @description Limits of the account, at most 16. */
            limits?: {
                name: string;
                /** @description As the agent names it: `allowed`, `rejected` and so on. */
                status?: string;
                usedPercent?: number;
                /** @description ISO 8601. */
                resetsAt?: string;
            }[];
        };
        /** @description A question of the agent to a person. */
        Request: {
            requestId: components["schemas"]["RequestId"];
            threadId: components["schemas"]["ThreadId"];
            turnId: components["schemas"]["TurnId"];
            /** @enum {string} */
            status: "open" | "answered" | "expired" | "cancelled";
            ask: components["schemas"]["Ask"];
            /**
             * @description The server that asked has ended. The request stays open for `turnId`, the turn that continues the work. An answer is kept until the agent asks again.
             * @enum {boolean}
             */
            held?: true;
            /** @description After a restart: the id under which the agent asked again. */
            repeatedAs?: components["schemas"]["RequestId"];
            /** @description The approval rule that would accept this request from now on. */
            proposedRule?: components["schemas"]["StoredRule"];
            /** @description Only in logs of older versions: an earlier turn's request with the same question, which expired. */
            reasks?: components["schemas"]["RequestId"];
            openedAt: string;
        };
        BadRequest: {
            /** @description What happened and what to do next. */
            message: string;
            /** @description The field or parameter that is wrong. */
            path?: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            _tag: "BadRequest";
        };
        Unauthorized: {
            /** @description What happened and what to do next. */
            message: string;
            /** @enum {string} */
            _tag: "Unauthorized";
        };
        Forbidden: {
            /** @description What happened and what to do next. */
            message: string;
            /**
             * @description The least token scope that permits the call.
             * @enum {string}
             */
            scope?: "read" | "answer" | "operate" | "admin" | "runner";
            /** @enum {string} */
            _tag: "Forbidden";
        };
        PayloadTooLarge: {
            /** @description What happened and what to do next. */
            message: string;
            limitBytes: number;
            /** @enum {string} */
            _tag: "PayloadTooLarge";
        };
        Overloaded: {
            /** @description What happened and what to do next. */
            message: string;
            retryAfterMillis: number;
            /** @enum {string} */
            _tag: "Overloaded";
        };
        StorageUnavailable: {
            /** @description What happened and what to do next. */
            message: string;
            retryAfterMillis: number;
            /** @enum {string} */
            _tag: "StorageUnavailable";
        };
        CursorMalformed: {
            /** @description What happened and what to do next. */
            message: string;
            cursor: string;
            logEpoch?: string;
            head?: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            _tag: "CursorMalformed";
        };
        CursorForeign: {
            /** @description What happened and what to do next. */
            message: string;
            /** @description The epoch of the server's log. */
            logEpoch: string;
            /** @description The last committed offset. */
            head: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            _tag: "CursorForeign";
        };
        CursorAhead: {
            /** @description What happened and what to do next. */
            message: string;
            /** @description The epoch of the server's log. */
            logEpoch: string;
            /** @description The last committed offset. */
            head: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            _tag: "CursorAhead";
        };
        CursorExpired: {
            /** @description What happened and what to do next. */
            message: string;
            /** @description The epoch of the server's log. */
            logEpoch: string;
            /** @description The last committed offset. */
            head: number;
            /** @enum {string} */
            _tag: "CursorExpired";
        };
        ShuttingDown: {
            /** @description What happened and what to do next. */
            message: string;
            retryAfterMillis: number;
            /** @enum {string} */
            _tag: "ShuttingDown";
        };
        CommandIdConflict: {
            /** @description What happened and what to do next. */
            message: string;
            commandId: string;
            /** @enum {string} */
            _tag: "CommandIdConflict";
        };
        CommandRejected: {
            /** @description What happened and what to do next. */
            message: string;
            /** @enum {string} */
            rule: "ProjectNotFound" | "ProjectNotEmpty" | "ThreadNotFound" | "ThreadArchived" | "ThreadDeleted" | "TurnNotFound" | "TurnNotQueued" | "TurnMismatch" | "TurnActive" | "QueueFull" | "RequestNotFound" | "DecisionNotOffered" | "AmbiguousDecision" | "AnswersIncomplete" | "ProviderUnknown" | "GoalNotFound" | "GoalOver" | "DirectoryNotFound" | "BlobNotFound" | "SecretNotFound" | "AttachmentsTooLarge" | "PromptEmpty" | "TextTooLarge" | "WorkspaceChanged" | "NoCheckpoint" | "WorktreeRefused" | "NothingToCommit" | "NothingToDiscard" | "IdentityMissing" | "MergeConflict" | "GitRefused" | "PullRequestRefused" | "WiderThanParent" | "ChildLimit" | "Unsupported";
            /** @description The id of the object that the rule names. */
            id?: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            _tag: "CommandRejected";
        };
        NotFound: {
            /** @description What happened and what to do next. */
            message: string;
            what: string;
            id: string;
            /** @enum {string} */
            _tag: "NotFound";
        };
        Flag: boolean;
        ImportResult: {
            threadId: components["schemas"]["ThreadId"];
            /** @description `false`: the thread was imported before, or a thread of this server already has this conversation. */
            created: boolean;
            /** @description Number of turns read. `items` and `requests` count in the same way. */
            turns: number;
            items: number;
            requests: number;
            /** @description Number of these that were new or had changed. */
            written: number;
            /** @description A sentence about the parts of this conversation that the agent does not report. */
            omitted?: string;
        };
        ImportFailed: {
            /** @description What is wrong and what to do. */
            message: string;
            /** @enum {string} */
            reason: "malformed" | "newer" | "truncated" | "too-large";
            /** @description The line of the export, counted from 1. */
            line: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            _tag: "ImportFailed";
        };
        NativeThread: {
            nativeThreadId: string;
            title: string;
            cwd: string;
            model?: string;
            createdAt?: string;
            updatedAt?: string;
        };
        ProviderUnavailable: {
            message: string;
            provider: string;
            /** @enum {string} */
            _tag: "ProviderUnavailable";
        };
        /** @description What a turn produces: a message, a command, a file change and so on. Which fields are present depends on `kind`. */
        Item: {
            itemId: components["schemas"]["ItemId"];
            threadId: components["schemas"]["ThreadId"];
            turnId: components["schemas"]["TurnId"];
            /** @description user-message | agent-message | reasoning | command | file-change | tool-call | plan | web-search | image | compaction | notice | another kind of a newer provider */
            kind: string;
            /**
             * @description user: the item is a prompt, of a person (`user-message`) or of the server for a continuation, goal or action (`notice`).
             * @enum {string}
             */
            role?: "user";
            /** @enum {string} */
            status: "open" | "completed" | "failed" | "declined" | "aborted";
            reason?: string;
            /** @description Messages, reasoning, plans: the authoritative text. */
            text?: string;
            /** @description command: the command line. */
            command?: string;
            cwd?: string;
            /** @description command: standard output and error as the provider joined them. */
            output?: string;
            exitCode?: number;
            durationMillis?: number;
            changes?: components["schemas"]["FileChange"][];
            /** @description tool-call: `server/tool` or the tool's name. */
            tool?: string;
            input?: unknown;
            result?: unknown;
            steps?: components["schemas"]["PlanStep"][];
            /** @description Of an item of a sub-agent: the tool call that started the sub-agent, an earlier item of the same turn. Such an item is not part of the turn's answer. */
            parentItemId?: components["schemas"]["ItemId"];
            /** @description Files of a prompt, or files that the agent shows; at most 16. Of the latter the text has a placeholder like `[image: image-1.png]`. */
            attachments?: components["schemas"]["Attachment"][];
            /** @description The whole values of fields that are cut here. A cut text has its beginning; a cut list its first entries; any other cut value the beginning of its JSON, as a string. */
            blobs?: {
                [key: string]: components["schemas"]["Blob"];
            };
            /** @description Bytes at the end of the text or output that are not kept: an item keeps at most 32 MiB, the open items of a session 64 MiB together. */
            omittedBytes?: number;
            /** @description Only in logs of older versions: bytes cut from this item. */
            truncatedBytes?: number;
        };
        /** @description A turn: one run of the agent, from its request to its end. */
        Turn: {
            turnId: components["schemas"]["TurnId"];
            threadId: components["schemas"]["ThreadId"];
            /** @enum {string} */
            status: "queued" | "running" | "waiting" | "completed" | "interrupted" | "failed";
            /** @enum {string} */
            origin: "user" | "provider" | "continuation" | "goal";
            /** @description continuation: the turn whose work it continues. */
            continues?: components["schemas"]["Continues"];
            /** @description The goal that started it, or whose work it continues. */
            goalId?: components["schemas"]["GoalId"];
            /** @description What the turn does instead of taking its text as a prompt. */
            action?: {
                /** @enum {string} */
                type: "compact";
            } | {
                /** @enum {string} */
                type: "review";
                target: {
                    /** @enum {string} */
                    type: "uncommittedChanges";
                } | {
                    /** @enum {string} */
                    type: "baseBranch";
                    branch: string;
                } | {
                    /** @enum {string} */
                    type: "commit";
                    sha: string;
                    /** @description Shown to people. */
                    title?: string;
                } | {
                    /** @enum {string} */
                    type: "custom";
                    instructions: string;
                };
            };
            /** @description The user's prompt, or a description of `action`; empty for a turn that the provider started. */
            text: string;
            /** @description Images and files of the prompt. */
            attachments?: components["schemas"]["TurnAttachment"][];
            requestedAt: string;
            startedAt?: string;
            endedAt?: string;
            reason?: string;
            error?: components["schemas"]["Failure"];
            usage?: components["schemas"]["Usage"];
            plan?: components["schemas"]["PlanStep"][];
            diff?: string;
            /** @description The whole values of fields that are cut here. A cut text has its beginning; a cut list its first entries; any other cut value the beginning of its JSON, as a string. */
            blobs?: {
                [key: string]: components["schemas"]["Blob"];
            };
        };
        FoundFiles: {
            /** @description The best match first. */
            files: components["schemas"]["FoundFile"][];
            /**
             * @description The directory has more files than are searched: 200,000, or those of 100 repositories in it.
             * @enum {boolean}
             */
            truncated?: true;
            /** @description Number of files that are never found, because their names are not UTF-8. Absent: none. */
            unnamed?: number;
        };
        FoundFile: {
            path: string;
            /** @enum {string} */
            kind: "file" | "link" | "directory";
            /** @description Size of a file. */
            bytes?: number;
        };
        GitSummary: {
            /** @description false: the directory is in no git repository, or git refuses to read it. */
            repository: boolean;
            /** @description The thread's directory below the root of the work tree, such as `apps/web/`: paths of diffs begin with it. Absent: the directory is the root. */
            prefix?: string;
            /** @description Absent: no branch is checked out. */
            branch?: string;
            /** @description Absent: the repository has no commit. */
            commit?: string;
            /** @description The branch that it follows, such as `origin/main`. */
            upstream?: string;
            /** @description Commits that the upstream does not have. */
            ahead?: number;
            /** @description Commits of the upstream that the branch does not have. */
            behind?: number;
            /** @description Tracked files that differ from the commit, with conflicts. */
            changed?: number;
            /** @description Untracked files and directories that are not ignored. */
            untracked?: number;
            /** @description Files with a conflict of a merge. */
            conflicts?: number;
            /** @description There are changed or untracked files. */
            dirty: boolean;
        };
        /** @description The files that differ between two checkpoints. */
        Diff: {
            /** @description The checkpoint that the files are compared with. */
            base: string;
            files: components["schemas"]["ChangedFile"][];
            /**
             * @description There are more changes than the answer holds.
             * @enum {boolean}
             */
            truncated?: true;
            /**
             * @description An agent worked in the directory while one of the two checkpoints was taken. Changes of that time can be missing, or be those of another turn.
             * @enum {boolean}
             */
            late?: true;
        };
        ChangedFile: {
            path: string;
            /** @description renamed: its path before. */
            oldPath?: string;
            /** @enum {string} */
            status: "added" | "modified" | "deleted" | "renamed";
            /** @description Added lines; 0 for a binary file. */
            additions: number;
            deletions: number;
            binary: boolean;
            /** @description With `hunks=1`, of a text file. */
            hunks?: components["schemas"]["Hunk"][];
        };
        Hunk: {
            oldStart: number;
            oldLines: number;
            newStart: number;
            newLines: number;
            /** @description The last turn of the range that changed the file. */
            turnId?: components["schemas"]["TurnId"];
            itemId?: components["schemas"]["ItemId"];
        };
        RewindPreview: {
            /** @description For `thread.rewind` or `workspace.discard`: it is rejected if the files differ from what is shown here. */
            expected: string;
            files: {
                path: string;
                /** @enum {string} */
                change: "restore" | "delete" | "create";
                /** @description A person or another program has changed the file too, after the turn began. */
                changedSince: boolean;
            }[];
            /** @description Files that the turns changed and that stay as they are, at most 1,000. */
            left?: {
                path: string;
                reason: string;
            }[];
            /**
             * @description An agent may have written before a checkpoint was complete, so some of its changes may stay.
             * @enum {boolean}
             */
            late?: true;
            /** @enum {string} */
            conversation: "native" | "fork" | "none";
        };
        SearchPage: {
            /** @description Newest first. */
            hits: components["schemas"]["SearchHit"][];
            /** @description The `before` of the next page; absent on the last one. */
            more?: number;
            /** @description Present while the index is built: the number of log positions that it covers, and of all. Hits may be missing. */
            indexing?: {
                done: number;
                of: number;
            };
        };
        SearchHit: {
            threadId: components["schemas"]["ThreadId"];
            /** @description Absent for a title. */
            turnId?: components["schemas"]["TurnId"];
            /** @description Absent for a title. */
            itemId?: components["schemas"]["ItemId"];
            /** @description The kind of the item; `title` for the title of a thread. */
            kind: string;
            /** @description When the item or the thread began, ISO 8601. */
            at: string;
            /** @description One line of about 160 characters around the first match. Each match is between U+2068 and U+2069. */
            snippet: string;
        };
        Worktree: {
            threadId: components["schemas"]["ThreadId"];
            /** @description Absolute path on the server's machine. */
            cwd: string;
            branch?: string;
            createdAt: string;
            /** @description Bytes of its files on the disk, without the repository's objects. Absent if reading it took too long. */
            bytes?: number;
            /** @description The first of its 10 ports (`MILLRACE_PORT`). Absent before the first session in it. */
            port?: number;
            /**
             * @description Its directory does not exist.
             * @enum {boolean}
             */
            missing?: true;
            /** @description It has changed or untracked files, or a merge or rebase that has not ended; also if that is unknown. */
            dirty: boolean;
            /** @description Commits made in it that are on no other branch and on no remote. */
            unpushed: number;
            /**
             * @description Its state is not known: git could not read it, or there are more than 1,000 worktrees before it.
             * @enum {boolean}
             */
            unknown?: true;
        };
        Capabilities: {
            version: string;
            features: string[];
        };
        /** @description An agent that this server can run, or why it cannot. */
        ProviderStatus: {
            provider: string;
            /** @description codex | claude | acp | openai | demo: the adapter of a configured instance. */
            kind?: string;
            installed: boolean;
            version?: string;
            /** @enum {string} */
            signedIn: "yes" | "no" | "not-needed" | "unknown";
            capabilities: string[];
            /** @description The models that the agent lists, at most 1,000; absent if it lists none, or was not asked yet. */
            models?: components["schemas"]["OfferedModel"][];
            /** @description Its slash commands, at most 1,000, without the slash; absent if it lists none, or was not asked yet. */
            commands?: {
                name: string;
                description: string;
            }[];
            /** @description The settings of a thread that it takes; others are rejected. */
            settings?: string[];
            /** @description The permission modes that it has, least first. */
            permissionModes?: ("plan" | "read-only" | "ask" | "accept-edits" | "full-access")[];
            /** @description What holds for a thread that sets nothing else. */
            defaults?: components["schemas"]["EffectiveSettings"];
            checkedAt?: string;
            /** @description What to do when it cannot be used. */
            fix?: string;
        };
        OfferedModel: {
            id: string;
            name: string;
            /** @description The values of `effort` for this model. */
            efforts?: string[];
        };
        LogUsage: {
            /** @description The last committed offset. */
            head: components["schemas"]["NonNegative"];
            /** @description Events at and below this offset are deleted. 0: no event is deleted. */
            retainedFrom: components["schemas"]["NonNegative"];
            /** @description The time of the measurement, at most 60 seconds ago. */
            at: string;
            /** @description The log's database file. */
            fileBytes: components["schemas"]["NonNegative"];
            /** @description Packed old events in the file. */
            coldBytes: components["schemas"]["NonNegative"];
            /** @description Space in the file that the log uses again before the file grows. */
            freeBytes: components["schemas"]["NonNegative"];
            /** @description Large values in the file. */
            blobBytes: components["schemas"]["NonNegative"];
            /** @description Growth of the log on average over the last seven days, or since its first event. */
            bytesPerDay: components["schemas"]["NonNegative"];
            /** @description The configured bound of the file; absent: none. */
            maxFileBytes?: components["schemas"]["NonNegative"];
            /** @description Free space of the disk. */
            diskFreeBytes: components["schemas"]["NonNegative"];
            /** @description Days until the file reaches its bound or the disk is full, at this growth. Absent for a log that does not grow. */
            daysUntilFull?: components["schemas"]["NonNegative"];
            /** @description Other files of the data directory by kind: `access`, `attachments`, `search`, `migrations` (copies of the log before an update), `replaced` (files that a restore moved aside), `other`, ... */
            otherBytes: {
                [key: string]: components["schemas"]["NonNegativeInt"];
            };
            /** @description The largest threads, at most 20, largest first. */
            threads: {
                threadId: components["schemas"]["ThreadId"];
                /** @description The thread's events, packed or not. */
                bytes: components["schemas"]["NonNegative"];
            }[];
        };
        NonNegative: number;
        NonNegativeInt: number;
        LogWork: {
            /** @description Events that were packed. */
            packed: components["schemas"]["NonNegative"];
            /** @description Number of removed events. For a dry run: the maximum number of events that would be removed. */
            removed: components["schemas"]["NonNegative"];
            /** @description Only for a dry run: the approximate size in the file of the events that would be removed. */
            removedBytes?: components["schemas"]["NonNegative"];
            /** @description With `force`: attached readers and named readers of the last day whose next events were removed. For a dry run: whose next events would be removed. */
            readersCut?: components["schemas"]["NonNegative"];
            /** @description Events at and below this offset are deleted. A dry run reports the offset and deletes nothing. */
            retainedFrom: components["schemas"]["NonNegative"];
            before: components["schemas"]["LogSize"];
            after: components["schemas"]["LogSize"];
            /** @description The work is not complete: the request ended after 10 seconds. Send it again to continue. */
            more: boolean;
        };
        LogSize: {
            /** @description The log's database file. */
            fileBytes: components["schemas"]["NonNegative"];
            /** @description Packed events in it. */
            coldBytes: components["schemas"]["NonNegative"];
            /** @description Space in the file that the log uses again before the file grows. */
            freeBytes: components["schemas"]["NonNegative"];
        };
        AgentProcess: {
            pid: number;
            threadId: string;
            epoch: number;
            alive: boolean;
            startedAt: string;
            /** @description Number of processes in the process group, on systems with /proc. */
            processes?: number;
            memoryBytes?: number;
        };
        /** @description A token or a browser session. It never contains the secret. */
        Token: {
            id: string;
            /** @description The actor of the token's commands in the log. */
            name: string;
            /**
             * @description `session`: a browser that was paired.
             * @enum {string}
             */
            kind: "token" | "session";
            /**
             * @description `admin` for the scope `admin`, else `client`.
             * @enum {string}
             */
            role: "admin" | "client";
            /**
             * @description What the token permits: read < answer < operate < admin; runner is separate.
             * @enum {string}
             */
            scope: "read" | "answer" | "operate" | "admin" | "runner";
            /** @description The last 4 characters of the secret, to recognise the token. */
            last4: string;
            createdAt: string;
            /** @description Name of the token that created this one; `local` for the command line. Absent in tokens of older versions. */
            createdBy?: string;
            /** @description The server rejects the token after this time. Absent: the token does not expire. */
            expiresAt?: string;
            revokedAt?: string;
            /**
             * @description True for the token that made this request.
             * @enum {boolean}
             */
            current?: true;
        };
        /** @description The only answer that contains the token. */
        NewToken: {
            token: string;
            id: string;
            name: string;
        };
        PairingCode: {
            code: string;
            /** @description Opens the page with a new browser session. */
            url: string;
            expiresAt: string;
        };
        ChatCompletion: {
            id: string;
            /** @enum {string} */
            object: "chat.completion";
            created: number;
            model: string;
            choices: {
                index: number;
                message: {
                    role: string;
                    content: string;
                    refusal: null;
                };
                logprobs: null;
                finish_reason: string;
            }[];
            usage?: {
                [key: string]: unknown;
            };
            /** @description Fields of the request that had no effect. */
            millrace?: unknown;
        };
        /** @description A response of OpenAI's interface, with its other fields. */
        Response: {
            id: string;
            /** @enum {string} */
            object: "response";
            created_at: number;
            status: string;
            model: string;
            output: unknown[];
            previous_response_id: string | null;
        } & {
            [key: string]: unknown;
        };
        Model: {
            id: string;
            /** @enum {string} */
            object: "model";
            created: number;
            owned_by: string;
        };
        Ready: {
            /**
             * @description `starting`: the server listens, its routes are not ready. `draining`: it accepts nothing new and shuts down. `unavailable`: see `reason`.
             * @enum {string}
             */
            status: "starting" | "ok" | "draining" | "unavailable";
            /** @description For people: the fault, and what to do next. */
            reason?: string;
        };
        /** @description A fault of the server. Its log has the `x-request-id` of the answer. */
        InternalError: {
            /** @enum {string} */
            _tag: "InternalError";
            message: string;
        };
        /** @description The server starts, shuts down or is unavailable. */
        NotReady: {
            /** @enum {string} */
            _tag: "Starting" | "ShuttingDown" | "Unavailable";
            message: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: {
        /** @description The id of this request. The server's log names it if the request fails. */
        "x-request-id": string;
        /** @description Seconds to wait before you send the request again. */
        "retry-after": number;
        /** @description The authentication scheme: `Bearer`. */
        "www-authenticate": string;
        /** @description The last offset that the answer covers: the next `since`. */
        "x-millrace-last-idx": number;
        /** @description The same position as a cursor: the next `after`. */
        "x-millrace-cursor": string;
        /** @description Send it as `If-None-Match`: 304 means that nothing has changed. */
        etag: string;
    };
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    state: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Snapshot */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "x-millrace-last-idx": components["headers"]["x-millrace-last-idx"];
                    etag: components["headers"]["etag"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Snapshot"];
                };
            };
            /** @description Not changed since the `If-None-Match`. */
            304: {
                headers: {
                    "x-millrace-last-idx": components["headers"]["x-millrace-last-idx"];
                    etag: components["headers"]["etag"];
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    events: {
        parameters: {
            query?: {
                /** @description Events with a greater offset. */
                since?: number;
                /** @description A cursor. The server rejects it if it belongs to another log, is beyond the head or is below retention. */
                after?: string;
                /** @description At most this many events. */
                limit?: number;
                /** @description Only events of this stream. Repeat it, up to 32 times, for several streams. */
                stream?: string | string[];
                /** @description Only events of these types, separated by commas: `turn.*,request.opened`. The header counts all offsets. */
                types?: string;
                /** @description Seconds to wait if there is no event yet, at most 60. */
                wait?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "x-millrace-last-idx": components["headers"]["x-millrace-last-idx"];
                    "x-millrace-cursor": components["headers"]["x-millrace-cursor"];
                    etag: components["headers"]["etag"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Event"][];
                    /** @example {"offset":42,"stream":"thread/thr_01KB7R","version":7,"type":"turn.dispatched","at":"2026-11-20T09:00:00.000Z","epoch":1,"data":{"threadId":"thr_01KB7R","turnId":"trn_01KB7S"}} */
                    "application/x-ndjson": string;
                    /**
                     * @example event: open
                     *     data: {"logEpoch":"01KB7Q0000000000000000000A","head":42}
                     *     retry: 1000
                     *
                     *     data: {"offset":42,"stream":"thread/thr_01KB7R","version":7,"type":"turn.dispatched","at":"2026-11-20T09:00:00.000Z","epoch":1,"data":{"threadId":"thr_01KB7R","turnId":"trn_01KB7S"}}
                     *     id: 01KB7Q0000000000000000000A-42
                     *
                     *     event: caught-up
                     *     data: {"head":42,"replayed":1,"requests":0}
                     */
                    "text/event-stream": string;
                };
            };
            /** @description Not changed since the `If-None-Match`. */
            304: {
                headers: {
                    "x-millrace-last-idx": components["headers"]["x-millrace-last-idx"];
                    "x-millrace-cursor": components["headers"]["x-millrace-cursor"];
                    etag: components["headers"]["etag"];
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"] | components["schemas"]["CursorMalformed"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description The request contradicts the state of the log. */
            409: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CursorForeign"] | components["schemas"]["CursorAhead"];
                };
            };
            /** @description Retention has removed the events. */
            410: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CursorExpired"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    dispatch: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Command"];
            };
        };
        responses: {
            /** @description The command is committed. Follow the log after `cursor` to receive what it causes. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description The request contradicts the state of the log. */
            409: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CommandIdConflict"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A rule rejected the request. Nothing happened. */
            422: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CommandRejected"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["ShuttingDown"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    commandStatus: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The command is committed. Follow the log after `cursor` to receive what it causes. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CommandStatus"];
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description There is nothing with this id. */
            404: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NotFound"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    threads: {
        parameters: {
            query?: {
                /** @description The `before` of the last page. */
                before?: number;
                /** @description At most this many entries. */
                limit?: number;
                archived?: components["schemas"]["Flag"];
                status?: "idle" | "queued" | "running" | "needs-you" | "failed";
                /** @description a string at most 200 character(s) long */
                provider?: string;
                project?: components["schemas"]["ProjectId"];
                /** @description a string at most 64 character(s) long */
                label?: string;
                /** @description a string at most 200 character(s) long */
                search?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["Thread"][];
                        before?: number;
                        offset?: number;
                    };
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    createThread: {
        parameters: {
            query?: never;
            header?: {
                /** @description The id of the command, 1 to 200 printable ASCII characters. A request that is sent again with the same key runs once. */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    provider: string;
                    /** @description The model, as the agent names it. */
                    model?: string;
                    /** @description How much the model thinks, as the agent names it. */
                    effort?: string;
                    /**
                     * @description What the agent may do without a person.
                     * @enum {string}
                     */
                    permissionMode?: "plan" | "read-only" | "ask" | "accept-edits" | "full-access";
                    /** @description Further directories of the agent. Replaces the whole list. */
                    directories?: string[];
                    /** @description MCP servers of the agent. Replaces all of them. */
                    mcpServers?: {
                        [key: string]: components["schemas"]["McpServer"];
                    };
                    /** @description Added to the agent's own instructions. */
                    instructions?: string;
                    projectId?: components["schemas"]["ProjectId"];
                    cwd?: string;
                    title?: string;
                    /**
                     * @description Default: the server's setting.
                     * @enum {string}
                     */
                    recovery?: "settle" | "resume" | "ask";
                    /**
                     * @description Default: stop.
                     * @enum {string}
                     */
                    afterLimit?: "stop" | "continue";
                    /** @description Rules that answer its approvals. The first match counts; the server's rules come after these. */
                    approve?: components["schemas"]["ApprovalRule"][];
                    /** @description Replaces all labels of the thread. At most 16 labels of at most 64 characters. */
                    labels?: string[];
                    metadata?: {
                        [key: string]: string;
                    };
                    /** @description false: the agent's session ends as soon as the thread is idle. Default: it ends after the idle time. */
                    keepSession?: boolean;
                    /** @description Default: the directory. */
                    workspace?: {
                        /** @enum {string} */
                        kind: "directory";
                        /** @description true: while one of its turns runs, no turn of another thread starts in its directory, in one above it or below it, and the other way round. Such turns wait in their queues. */
                        exclusive?: boolean;
                    } | {
                        /** @enum {string} */
                        kind: "worktree";
                        /** @description What the branch starts from. Default: HEAD. */
                        base?: string;
                        /** @description Default: a new branch. */
                        branch?: string;
                        /** @description true: while one of its turns runs, no turn of another thread starts in its directory, in one above it or below it, and the other way round. Such turns wait in their queues. */
                        exclusive?: boolean;
                    };
                    turn?: {
                        /** @description The prompt, at most 131,072 characters. Empty only with attachments. */
                        text: string;
                        /** @description Images and files for the agent, at most 16. */
                        attachments?: components["schemas"]["GivenAttachment"][];
                    };
                };
            };
        };
        responses: {
            /** @description The command is committed. Follow the log after `cursor` to receive what it causes. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description The request contradicts the state of the log. */
            409: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CommandIdConflict"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A rule rejected the request. Nothing happened. */
            422: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CommandRejected"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["ShuttingDown"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    thread: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["schemas"]["ThreadId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A thread: one durable conversation with an agent. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Thread"];
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description There is nothing with this id. */
            404: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NotFound"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    exportThread: {
        parameters: {
            query?: {
                /** @description Default json; json and ndjson can be imported again. */
                format?: "json" | "markdown" | "ndjson";
            };
            header?: never;
            path: {
                id: components["schemas"]["ThreadId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The document, streamed: JSON, lines of JSON, or Markdown. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": Record<string, never>;
                    "application/x-ndjson": string;
                    "text/markdown": string;
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description There is nothing with this id. */
            404: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NotFound"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    importThread: {
        parameters: {
            query?: {
                /** @description A directory on the server's machine that replaces the thread's own. */
                cwd?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": Record<string, never>;
                "application/x-ndjson": string;
            };
        };
        responses: {
            /** @description ImportResult */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ImportResult"];
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description The request contradicts the state of the log. */
            409: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CommandIdConflict"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A rule rejected the request. Nothing happened. */
            422: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ImportFailed"] | components["schemas"]["CommandRejected"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["ShuttingDown"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    putBlob: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Content that the server stores under its hash. */
            201: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Blob"];
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    getBlob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description SHA-256 of the content, in lowercase hex. */
                hash: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The content, with its media type. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": string;
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description There is nothing with this id. */
            404: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NotFound"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    nativeThreads: {
        parameters: {
            query?: {
                cwd?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NativeThread"][];
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description There is nothing with this id. */
            404: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NotFound"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The agent cannot be reached. */
            502: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProviderUnavailable"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    importNative: {
        parameters: {
            query?: {
                /** @description A directory on the server's machine that replaces the thread's own. */
                cwd?: string;
            };
            header?: never;
            path: {
                id: string;
                thread: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description ImportResult */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ImportResult"];
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description There is nothing with this id. */
            404: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NotFound"];
                };
            };
            /** @description The request contradicts the state of the log. */
            409: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CommandIdConflict"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A rule rejected the request. Nothing happened. */
            422: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CommandRejected"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The agent cannot be reached. */
            502: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProviderUnavailable"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["ShuttingDown"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    items: {
        parameters: {
            query?: {
                /** @description The `before` of the last page. */
                before?: number;
                /** @description At most this many entries. */
                limit?: number;
            };
            header?: never;
            path: {
                id: components["schemas"]["ThreadId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["Item"][];
                        before?: number;
                        offset?: number;
                    };
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description There is nothing with this id. */
            404: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NotFound"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    turns: {
        parameters: {
            query?: {
                /** @description The `before` of the last page. */
                before?: number;
                /** @description At most this many entries. */
                limit?: number;
            };
            header?: never;
            path: {
                id: components["schemas"]["ThreadId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["Turn"][];
                        before?: number;
                        offset?: number;
                    };
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description There is nothing with this id. */
            404: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NotFound"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    startTurn: {
        parameters: {
            query?: never;
            header?: {
                /** @description The id of the command, 1 to 200 printable ASCII characters. A request that is sent again with the same key runs once. */
                "idempotency-key"?: string;
            };
            path: {
                id: components["schemas"]["ThreadId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description The prompt, at most 131,072 characters. Empty only with attachments. */
                    text: string;
                    /** @description Images and files for the agent, at most 16. */
                    attachments?: components["schemas"]["GivenAttachment"][];
                    /**
                     * @description Default: enqueue.
                     * @enum {string}
                     */
                    strategy?: "enqueue" | "steer" | "interrupt" | "reject";
                    /** @description Rejected unless this is the active turn. */
                    expectedTurnId?: components["schemas"]["TurnId"];
                };
            };
        };
        responses: {
            /** @description The command is committed. Follow the log after `cursor` to receive what it causes. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description There is nothing with this id. */
            404: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NotFound"];
                };
            };
            /** @description The request contradicts the state of the log. */
            409: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CommandIdConflict"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A rule rejected the request. Nothing happened. */
            422: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CommandRejected"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["ShuttingDown"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    turn: {
        parameters: {
            query?: {
                wait?: number;
            };
            header?: never;
            path: {
                id: components["schemas"]["TurnId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A turn: one run of the agent, from its request to its end. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Turn"];
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description There is nothing with this id. */
            404: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NotFound"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    files: {
        parameters: {
            query?: {
                /** @description Words that a path must match: a part of it, or characters of it in this order. Default: every path. */
                query?: string;
                /** @description At most this many paths. Default 20. */
                limit?: number;
            };
            header?: never;
            path: {
                id: components["schemas"]["ThreadId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description FoundFiles */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FoundFiles"];
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description There is nothing with this id. */
            404: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NotFound"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    file: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["schemas"]["ThreadId"];
                path: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The content of the file. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": string;
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description There is nothing with this id. */
            404: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NotFound"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    git: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["schemas"]["ThreadId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description GitSummary */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GitSummary"];
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description There is nothing with this id. */
            404: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NotFound"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    threadDiff: {
        parameters: {
            query?: {
                /** @description The start of this turn, or `start`, of the first one. Default: start. */
                from?: "start" | components["schemas"]["TurnId"];
                /** @description The end of this turn, or `now`. Default: now. */
                to?: "now" | components["schemas"]["TurnId"];
                /** @description 1: with the changed lines of each file. */
                hunks?: "0" | "1";
            };
            header?: never;
            path: {
                id: components["schemas"]["ThreadId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The files that differ between two checkpoints. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Diff"];
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description There is nothing with this id. */
            404: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NotFound"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A rule rejected the request. Nothing happened. */
            422: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CommandRejected"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    turnDiff: {
        parameters: {
            query?: {
                /** @description 1: with the changed lines of each file. */
                hunks?: "0" | "1";
            };
            header?: never;
            path: {
                id: components["schemas"]["ThreadId"];
                turn: components["schemas"]["TurnId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The files that differ between two checkpoints. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Diff"];
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description There is nothing with this id. */
            404: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NotFound"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A rule rejected the request. Nothing happened. */
            422: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CommandRejected"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    rewindPreview: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["schemas"]["ThreadId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description The state before this turn began is restored. */
                    turnId: string;
                    files: boolean;
                    conversation: boolean;
                } | {
                    /** @description Of an earlier rewind: the way back. */
                    checkpoint: string;
                } | {
                    /** @description For `workspace.discard`: the files, relative to the thread's directory. */
                    paths: string[];
                    /** @description As in the command. */
                    turnId?: components["schemas"]["TurnId"];
                };
            };
        };
        responses: {
            /** @description RewindPreview */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RewindPreview"];
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description There is nothing with this id. */
            404: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NotFound"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A rule rejected the request. Nothing happened. */
            422: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CommandRejected"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    interrupt: {
        parameters: {
            query?: never;
            header?: {
                /** @description The id of the command, 1 to 200 printable ASCII characters. A request that is sent again with the same key runs once. */
                "idempotency-key"?: string;
            };
            path: {
                id: components["schemas"]["ThreadId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    turnId?: components["schemas"]["TurnId"];
                };
            };
        };
        responses: {
            /** @description The command is committed. Follow the log after `cursor` to receive what it causes. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description There is nothing with this id. */
            404: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NotFound"];
                };
            };
            /** @description The request contradicts the state of the log. */
            409: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CommandIdConflict"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A rule rejected the request. Nothing happened. */
            422: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CommandRejected"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["ShuttingDown"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    search: {
        parameters: {
            query: {
                /** @description Words that must all be found, in any order; the last one may be the beginning of a word. `"a phrase"`, `-without`. Case and accents do not matter. */
                q: string;
                project?: components["schemas"]["ProjectId"];
                thread?: components["schemas"]["ThreadId"];
                /** @description Only items of this kind, such as `agent-message` or `command`; `title` for titles of threads. */
                kind?: string;
                /** @description The `more` of the last page. */
                before?: number;
                /** @description At most this many hits. Default 20, at most 100. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description SearchPage */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SearchPage"];
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    worktrees: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Worktree"][];
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    requests: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Request"][];
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    answer: {
        parameters: {
            query?: never;
            header?: {
                /** @description The id of the command, 1 to 200 printable ASCII characters. A request that is sent again with the same key runs once. */
                "idempotency-key"?: string;
            };
            path: {
                id: components["schemas"]["RequestId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @enum {string} */
                    decision?: "accept" | "accept-for-session" | "decline" | "cancel";
                    /** @description Id of one of the request's `options`. Replaces `decision`. */
                    optionId?: string;
                    answers?: {
                        [key: string]: string[];
                    };
                    /** @description Why, in the event and, with a decline, for an agent that takes it (`takes` of the request). Approvals only. */
                    reason?: string;
                    /** @description With `accept`: what the agent does instead. Rejected (`Unsupported`) unless the request's `takes` has `input`. */
                    input?: components["schemas"]["ChangedInput"];
                };
            };
        };
        responses: {
            /** @description The command is committed. Follow the log after `cursor` to receive what it causes. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description There is nothing with this id. */
            404: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NotFound"];
                };
            };
            /** @description The request contradicts the state of the log. */
            409: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CommandIdConflict"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A rule rejected the request. Nothing happened. */
            422: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CommandRejected"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["ShuttingDown"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    capabilities: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Capabilities */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Capabilities"];
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    providers: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProviderStatus"][];
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    logUsage: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description LogUsage */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LogUsage"];
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    packLog: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description LogWork */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LogWork"];
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    pruneLog: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description Removes events that are older than this many days, 1 to 3650. */
                    olderThanDays?: number;
                    /** @description Removes the oldest events while the packed events take more than this many bytes. */
                    maxBytes?: number;
                    /** @description Also removes events that attached readers, and named readers of the last day, have not received: they get `CursorExpired`. Events of open turns and active goals stay in any case. */
                    force?: boolean;
                    /** @description Reports the events that would be removed, and changes nothing. */
                    dryRun?: boolean;
                };
            };
        };
        responses: {
            /** @description LogWork */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LogWork"];
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    processes: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AgentProcess"][];
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    tokens: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Token"][];
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    revokeToken: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description a string at most 100 character(s) long */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        revoked: string[];
                    };
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description There is nothing with this id. */
            404: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NotFound"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    shutdown: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description After this time all work is settled or abandoned. Subscribers have up to 3 more seconds. Default 10,000. */
                    deadlineMs?: number;
                    /**
                     * @description `drain` (default): running turns may finish until 45 to 60 % of the deadline has passed; `now`: they are interrupted.
                     * @enum {string}
                     */
                    mode?: "drain" | "now";
                };
            };
        };
        responses: {
            /** @description Success */
            202: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        beganAt: number;
                        /** @description At this time all work is settled or abandoned. */
                        deadlineAt: number;
                        /** @enum {string} */
                        mode: "drain" | "now";
                        /** @description The sender of the request; absent for a signal, the parent process or an embedder. */
                        by?: string;
                    };
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    openPairingLink: {
        parameters: {
            query: {
                code: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The session cookie is set; continue at `/`. */
            303: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NotReady"];
                };
            };
        };
    };
    pair: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    code: string;
                    /** @description The name of the new token: the actor of its commands. */
                    name?: string;
                };
            };
        };
        responses: {
            /** @description The only answer that contains the token. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewToken"];
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    createPairingCode: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description The name of the new token: the actor of its commands. */
                    name?: string;
                };
            };
        };
        responses: {
            /** @description PairingCode */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PairingCode"];
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PayloadTooLarge"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StorageUnavailable"] | components["schemas"]["NotReady"];
                };
            };
        };
    };
    createChatCompletion: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    model: string;
                    messages: {
                        /** @enum {string} */
                        role: "system" | "developer" | "user" | "assistant" | "tool" | "function";
                        content?: string | {
                            type: string;
                            text?: unknown;
                            refusal?: string | null;
                            image_url?: unknown;
                            file?: unknown;
                            filename?: unknown;
                            file_data?: unknown;
                        }[] | null;
                        refusal?: string | null;
                        tool_calls?: {
                            function?: {
                                name: string;
                                arguments?: unknown;
                            } | null;
                        }[] | null;
                    }[];
                    stream?: boolean | null;
                    stream_options?: {
                        include_usage?: boolean | null;
                    } | null;
                    n?: number | null;
                    tool_choice?: unknown;
                    response_format?: {
                        type: string;
                    } | null;
                };
            };
        };
        responses: {
            /** @description ChatCompletion */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ChatCompletion"];
                    /** @example data: {} */
                    "text/event-stream": string;
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description There is nothing with this id. */
            404: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description The request contradicts the state of the log. */
            409: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
        };
    };
    createResponse: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    model: string;
                    input: string | {
                        type?: string | null;
                        role?: ("system" | "developer" | "user" | "assistant") | null;
                        content?: string | {
                            type: string;
                            text?: unknown;
                            refusal?: string | null;
                            image_url?: unknown;
                            file?: unknown;
                            filename?: unknown;
                            file_data?: unknown;
                        }[] | null;
                        name?: string | null;
                        arguments?: unknown;
                        output?: unknown;
                    }[];
                    instructions?: string | null;
                    stream?: boolean | null;
                    previous_response_id?: string | null;
                    conversation?: unknown;
                    background?: boolean | null;
                    tool_choice?: unknown;
                    text?: {
                        format?: {
                            type: string;
                        } | null;
                    } | null;
                    metadata?: unknown;
                    store?: boolean | null;
                };
            };
        };
        responses: {
            /** @description A response of OpenAI's interface, with its other fields. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Response"];
                    /** @example data: {} */
                    "text/event-stream": string;
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description There is nothing with this id. */
            404: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description The request contradicts the state of the log. */
            409: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
        };
    };
    response: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A response of OpenAI's interface, with its other fields. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Response"];
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description There is nothing with this id. */
            404: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description The request contradicts the state of the log. */
            409: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
        };
    };
    responseInputItems: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @enum {string} */
                        object: "list";
                        data: unknown[];
                    } & {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description There is nothing with this id. */
            404: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description The request contradicts the state of the log. */
            409: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
        };
    };
    models: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @enum {string} */
                        object: "list";
                        data: components["schemas"]["Model"][];
                    } & {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description There is nothing with this id. */
            404: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description The request contradicts the state of the log. */
            409: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
        };
    };
    model: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                model: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Model */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Model"];
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description There is nothing with this id. */
            404: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description The request contradicts the state of the log. */
            409: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAiError"];
                };
            };
        };
    };
    followMcpNotifications: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description a string */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description There is nothing with this id. */
            404: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @enum {string} */
                        jsonrpc: "2.0";
                    } & {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NotReady"];
                };
            };
        };
    };
    sendMcpMessage: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @enum {string} */
                    jsonrpc: "2.0";
                } & {
                    [key: string]: unknown;
                };
            };
        };
        responses: {
            /** @description a string */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            /** @description A notification was received. */
            202: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description There is nothing with this id. */
            404: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @enum {string} */
                        jsonrpc: "2.0";
                    } & {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NotReady"];
                };
            };
        };
    };
    endMcpSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request is malformed. */
            400: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BadRequest"];
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description There is nothing with this id. */
            404: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @enum {string} */
                        jsonrpc: "2.0";
                    } & {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NotReady"];
                };
            };
        };
    };
    health: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Ready */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Ready"];
                };
            };
            /** @description The headers are larger than 32 KiB. */
            431: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Ready"];
                };
            };
        };
    };
    ready: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Ready */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Ready"];
                };
            };
            /** @description The headers are larger than 32 KiB. */
            431: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Ready"];
                };
            };
        };
    };
    metrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description a string */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NotReady"];
                };
            };
        };
    };
    openapi: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        openapi: string;
                    } & {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description There is no valid token. */
            401: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "www-authenticate": components["headers"]["www-authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unauthorized"];
                };
            };
            /** @description The token, the Host or the Origin does not permit this. */
            403: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forbidden"];
                };
            };
            /** @description A limit is reached. Send the request again later. */
            429: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overloaded"];
                };
            };
            /** @description Internal error. */
            500: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InternalError"];
                };
            };
            /** @description The server is not ready, or its storage is unavailable. Send the request again later. */
            503: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "retry-after": components["headers"]["retry-after"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NotReady"];
                };
            };
        };
    };
}
