// Runs a bundled function in a process of its own, as Lambda's runtime does: the code is loaded, then it is given its
// events, one after the other. `node scripts/run-function.mjs <index.mjs>` reads a list of events as JSON from its
// input, and writes for each a line of JSON to its third descriptor: `{"answer": …}` or `{"error": "…"}`; and last, what
// it took of a processor since the process began: `{"cpuMs": …}`.
//
// No TypeScript here: what Node needs to read that would be counted as the function's own start.

import { readFileSync, writeSync } from 'node:fs';
import { argv, cpuUsage, exit } from 'node:process';
import { pathToFileURL } from 'node:url';

const answers = 3;
/** As a function of a minute has. */
const remainingMs = 60_000;

const tell = (line) => writeSync(answers, `${JSON.stringify(line)}\n`);

const events = JSON.parse(readFileSync(0, 'utf8'));
try {
  const { handler } = await import(pathToFileURL(argv[2]).href);
  for (const [index, event] of events.entries()) {
    const context = { awsRequestId: `request-${index}`, getRemainingTimeInMillis: () => remainingMs };
    try {
      tell({ answer: (await handler(event, context)) ?? null });
    } catch (error) {
      tell({ error: String(error) });
    }
  }
} catch (error) {
  tell({ error: String(error) });
}
const { user, system } = cpuUsage();
tell({ cpuMs: (user + system) / 1_000 });
// Connections are kept open for a next event: Lambda would freeze the process now.
exit(0);
