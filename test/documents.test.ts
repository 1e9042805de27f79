/**
 * What the documents say can be followed: links lead somewhere, commands exist, configurations are accepted, and
 * nothing is written that no page leads to.
 */
import assert from 'node:assert/strict';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, normalize, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { loadConfiguration } from '../src/config/load.ts';

const root = resolve(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const pages = globSync(['*.md', 'docs/**/*.md'], { cwd: root }).sort();

/** Links of the text alone: code is no link. */
function linksOf(page: string): { target: string; anchor: string }[] {
  const text = read(page).replace(/```[\s\S]*?```|`[^`\n]*`/g, '');
  return [...text.matchAll(/\]\((?<to>[^)\s]+)\)/g)]
    .map((match) => match.groups?.['to'] ?? '')
    .filter((to) => !/^[a-z]+:/.test(to))
    .map((to) => {
      const [path = '', anchor = ''] = to.split('#');
      return { target: path === '' ? page : normalize(join(dirname(page), path)), anchor };
    });
}

/** As GitHub makes them of headings. */
function anchorsOf(page: string): string[] {
  return [...read(page).matchAll(/^#+ +(?<heading>.+)$/gm)].map((match) =>
    (match.groups?.['heading'] ?? '')
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

function blocksOf(page: string, language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\\n(?<code>[\\s\\S]*?)^\`\`\`$`, 'gm');
  return [...read(page).matchAll(fence)].map((match) => match.groups?.['code'] ?? '');
}

test('every link of the documents leads to a file, and to a heading where it names one', () => {
  const broken = pages.flatMap((page) =>
    linksOf(page)
      .filter(({ target, anchor }) => {
        if (!existsSync(join(root, target))) return true;
        return anchor !== '' && !anchorsOf(target).includes(anchor);
      })
      .map(({ target, anchor }) => `${page}: ${target}${anchor && `#${anchor}`}`),
  );
  assert.deepEqual(broken, []);
});

test('every page is reached from the front door', () => {
  const reached = new Set<string>();
  const open = ['README.md'];
  for (let page = open.pop(); page !== undefined; page = open.pop()) {
    if (reached.has(page)) continue;
    reached.add(page);
    for (const { target } of linksOf(page)) {
      // A link to a folder shows what is in it.
      const shown = target.endsWith('/')
        ? pages.filter((other) => `${dirname(other)}/` === target)
        : [target];
      open.push(...shown.filter((path) => path.endsWith('.md')));
    }
  }
  assert.deepEqual(
    pages.filter((page) => !reached.has(page)),
    [],
  );
});

test('every target of make that the documents name is there', () => {
  const targets = new Set([...read('Makefile').matchAll(/^([a-z][a-z-]*):/gm)].map((match) => match[1]));
  const unknown = pages.flatMap((page) =>
    [...read(page).matchAll(/(?:`|^|&& )(?:[A-Z]+=\S+ )*make ([a-z][a-z-]*)/gm)]
      .filter((match) => !targets.has(match[1]))
      .map((match) => `${page}: make ${match[1]}`),
  );
  assert.deepEqual(unknown, []);
});

test('every configuration of the documents is accepted, without a warning', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'documents-'));
  try {
    const written = pages.flatMap((page) =>
      blocksOf(page, 'ts')
        .filter((code) => code.includes('defineConfig'))
        .map((code) => ({ page, code })),
    );
    assert.ok(written.length > 0);
    for (const [index, { page, code }] of written.entries()) {
      const file = join(folder, `${index}.ts`);
      writeFileSync(file, code.replace('./src/index.ts', pathToFileURL(join(root, 'src/index.ts')).href));
      const { warnings } = await loadConfiguration(file);
      assert.deepEqual(warnings, [], page);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('every reason for which a job may wait is explained', () => {
  const guide = read('docs/guides/why-does-my-job-wait.md');
  const reasons = `${read('src/core/explain.ts')}${read('src/core/obstacle.ts')}`;
  const codes = new Set([...reasons.matchAll(/(?:\bcode: |passing\(\s*)'(\w+)'/g)].map((match) => match[1]));
  assert.ok(codes.size >= 17, [...codes].join(', '));
  const missing = [...codes].filter((code) => !guide.includes(`**${code}**`));
  assert.deepEqual(missing, []);
});

test('decisions are numbered without a gap', () => {
  const numbers = pages.flatMap((page) => /^docs\/decisions\/(\d{4})-/.exec(page)?.[1] ?? []).map(Number);
  assert.deepEqual(
    numbers,
    numbers.map((_, index) => index + 1),
  );
  for (const page of pages.filter((path) => path.startsWith('docs/decisions/'))) {
    const number = Number(relative('docs/decisions', page).slice(0, 4));
    assert.match(read(page), new RegExp(`^# ${number}\\. .+\\n`));
  }
});
