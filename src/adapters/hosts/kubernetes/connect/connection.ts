// How a request gets to a cluster: where it is, whom to trust, and who we are. Asked before each request, since tokens
// run out; what is behind it keeps them for as long as they are good.

import type { Agent } from 'node:http';

export interface Access {
  /** Of the API server, with whatever path stands before its own. */
  server: string;
  headers: Readonly<Record<string, string>>;
  /** Keeps connections open, and trusts who is to be trusted. */
  agent: Agent;
}

export interface Connection {
  access(): Promise<Access>;
  /** What was said was not taken (401): the next access is made anew. */
  forget(): void;
  close(): void;
}

/** Requests under way at once, each on a connection of its own: a burst of launches is paced before it comes here. */
export const socketsMax = 32;
