#!/usr/bin/env node
// `runners`. Node runs the sources as they are, from version 24 on; the packages bring one where the system's is older.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const nodeMajorMin = 24;
const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));
const brought = fileURLToPath(new URL('../node_modules/.bin/node', import.meta.url));

if (Number(process.versions.node.split('.')[0]) >= nodeMajorMin) await import(main);
else if (existsSync(brought)) {
  const { status } = spawnSync(brought, [main, ...process.argv.slice(2)], { stdio: 'inherit' });
  process.exit(status ?? 1);
} else {
  process.stderr.write(
    `Node ${nodeMajorMin} or newer is needed; this is ${process.versions.node}. Remedy: run make ready here, or install it.\n`,
  );
  process.exit(1);
}
