// `make bench`: every figure that this project promises, measured on this machine, as a table. `node bench/main.ts
// pipeline backlog` measures some of them.

import { cpus, loadavg, totalmem } from 'node:os';
import { argv, exit, stdout } from 'node:process';
import type { Measure, Row } from './figure.ts';

const figures: Readonly<Record<string, () => Promise<Measure>>> = {
  latency: async () => (await import('./latency.ts')).measureLatency,
  pipeline: async () => (await import('./pipeline.ts')).measurePipeline,
  overhead: async () => (await import('./overhead.ts')).measureOverhead,
  handlers: async () => (await import('./handlers.ts')).measureHandlers,
  hundred: async () => (await import('./hundred.ts')).measureHundred,
  backlog: async () => (await import('./backlog.ts')).measureBacklog,
  calls: async () => (await import('./calls.ts')).measureCalls,
  removal: async () => (await import('./removal.ts')).measureRemoval,
  functions: async () => (await import('./functions.ts')).measureFunctions,
  memory: async () => (await import('./memory.ts')).measureMemory,
};

const wanted = argv.length > 2 ? argv.slice(2) : Object.keys(figures);
const unknown = wanted.filter((name) => !(name in figures));
if (unknown.length > 0) {
  stdout.write(`There is no figure ${unknown.join(', ')}; there are ${Object.keys(figures).join(', ')}.\n`);
  exit(1);
}

const [loadBefore = 0] = loadavg();
const rows: Row[] = [];
for (const name of wanted) {
  stdout.write(`measuring ${name} ...\n`);
  const measure = await figures[name]?.();
  if (measure) rows.push(...(await measure()));
}

const [first] = cpus();
const gibibytes = (totalmem() / 1024 ** 3).toFixed(0);
stdout.write(`\n${cpus().length} × ${first?.model ?? 'unknown'}, ${gibibytes} GB, Node ${process.version}\n`);
// Whoever else is at work makes every figure of time worse.
stdout.write(`load average before: ${loadBefore.toFixed(1)}\n\n`);
stdout.write('| figure | aim | measured |\n|---|---|---|\n');
for (const { figure, aim, measured } of rows) stdout.write(`| ${figure} | ${aim} | ${measured} |\n`);
