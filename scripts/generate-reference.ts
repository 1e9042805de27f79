// Writes the reference pages that are made from the source. `make reference` runs it; a test finds a page that is old.

import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { configurationReference } from '../src/config/reference.ts';

const page = resolve(import.meta.dirname, '../docs/reference/configuration.md');
writeFileSync(page, configurationReference());
console.log(page);
