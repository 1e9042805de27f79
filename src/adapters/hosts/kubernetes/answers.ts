// What a server answers, read within bounds.

import type { IncomingMessage } from 'node:http';
import { Unanswered } from './refusals.ts';

/** Far above any page that is asked for. */
const textBytesMax = 64 * 1024 * 1024;
/** A watched object is one of ours, or an event about one: etcd's limit for an object is 1.5 MB. */
const lineBytesMax = 2 * 1024 * 1024;

/** An answer that breaks off is none. */
export async function textOf(response: IncomingMessage, what: string): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response) {
      bytes += (chunk as Buffer).byteLength;
      if (bytes > textBytesMax) throw new Error(`an answer of more than ${textBytesMax} bytes`);
      chunks.push(chunk as Buffer);
    }
  } catch (cause) {
    response.destroy();
    throw new Unanswered(what, { cause, sent: true });
  }
  return Buffer.concat(chunks).toString('utf8');
}

export async function* linesOf(response: IncomingMessage, what: string): AsyncGenerator<string> {
  response.setEncoding('utf8');
  let rest = '';
  try {
    for await (const chunk of response) {
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > lineBytesMax) throw new Error(`a line of more than ${lineBytesMax} characters`);
      for (const line of lines) if (line !== '') yield line;
    }
  } catch (cause) {
    throw new Unanswered(what, { cause, sent: true });
  } finally {
    response.destroy();
  }
}
