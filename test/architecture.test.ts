/**
 * Keeps the direction of imports that STYLE.md draws: `core ← ports ← flow`, `ports ← adapters`, and
 * `deployments` sees all. It reads the text of every file under src/, so it needs no compiler and cannot be
 * fooled by a tool that skips a file. Each rule carries small samples that break it and samples that keep
 * it, and is tested on those too: a rule that no longer bites fails here.
 *
 * The rules speak of shipped code, unless they say that they are of tests. A test (`*.test.ts`) may import
 * what it likes, and contracts and `testing.ts` count as shipped code everywhere but where the rules say
 * otherwise.
 */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { posix, resolve } from 'node:path';
import { test } from 'node:test';

/** Where an import points: a path from the root of the repository, or the name of a package or builtin. */
type Target = { kind: 'file' | 'package' | 'builtin'; target: string };
type Import = Target & { line: number };
type SourceFile = { path: string; text: string };
type Finding = { line: number; what: string };
type Rule = {
  says: string;
  /** Shipped code, where it is left out. */
  of?: 'tests';
  find: (file: ParsedFile) => Finding[];
  /** Made-up files, path and text: each of `breaks` must be reported, each of `keeps` must not. */
  breaks: [path: string, text: string][];
  keeps: [path: string, text: string][];
};
type ParsedFile = { path: string; imports: Import[]; code: string };

const packageName = 'aws-github-actions-runner';

/** A program of its own, started as runners are: what it is to do it finds in its environment. */
const standInRunner = 'src/adapters/github/simulated/runner.ts';

/** `runners`, as a person calls it. */
const command = 'src/cli/main.ts';

// ---- The rules

const rules: Rule[] = [
  {
    says: 'every folder of src/ has a rule in this file',
    find: ({ path }) =>
      Object.hasOwn(reach, zoneOf(path)) ? [] : [{ line: 1, what: `${zoneOf(path)} is new here` }],
    breaks: [['src/utils/strings.ts', '']],
    keeps: [
      ['src/core/job.ts', ''],
      ['src/index.ts', ''],
    ],
  },
  {
    says: 'imports point the way that STYLE.md draws',
    find: (file) => file.imports.filter((i) => !mayImport(file.path, i)).map(asFinding),
    breaks: [
      ['src/core/job.ts', `import type { Clock } from '../ports/clock.ts';`],
      ['src/core/job.ts', `import { createHash } from 'node:crypto';`],
      ['src/core/job.ts', `import fs from 'fs';`],
      ['src/core/job.ts', `import { z } from 'zod';`],
      ['src/core/job.ts', `export * from '../flow/publisher/handler.ts';`],
      ['src/core/job.ts', `type Clock = import('../ports/clock.ts').Clock;`],
      ['src/core/job.ts', `import '../../test/fixtures/jobs.ts';`],
      ['src/ports/clock.ts', `import { plan } from '../flow/publisher/handler.ts';`],
      ['src/ports/clock.ts', `import { systemClock } from '../adapters/clock/system/index.ts';`],
      ['src/flow/claim.ts', `const store = await import('../adapters/jobs-tables/memory/index.ts');`],
      ['src/flow/claim.ts', `import {\n  a,\n  b,\n} from '../deployments/embedded/main.ts';`],
      ['src/flow/claim.ts', `import type { Config } from '../config/schema.ts';`],
      ['src/adapters/hosts/ec2/launch.ts', `import { claim } from '../../../flow/producer/claim.ts';`],
      ['src/adapters/hosts/ec2/launch.ts', `import { now } from '../../clock/system/index.ts';`],
      ['src/adapters/hosts/ec2/launch.ts', `import { run } from '../lambda/launch.ts';`],
      ['src/adapters/hosts/ec2/launch.ts', `import { hosts } from '../index.ts';`],
      ['src/adapters/hosts/ec2/launch.ts', `import { defineConfig } from '${packageName}';`],
      ['src/adapters/hosts/index.ts', `import { now } from '../clock/index.ts';`],
      ['src/config/schema.ts', `import { launch } from '../adapters/hosts/ec2/launch.ts';`],
      ['src/dashboard/server.ts', `import { open } from '../adapters/jobs-tables/sqlite/index.ts';`],
      ['src/index.ts', `export { main } from './deployments/embedded/main.ts';`],
    ],
    keeps: [
      ['src/core/job.ts', `import type { JobId } from './ids.ts';`],
      ['src/core/job.ts', `// import { z } from 'zod';`],
      ['src/core/job.test.ts', `import { test } from 'node:test';`],
      ['src/ports/clock.ts', `import type { JobId } from '../core/ids.ts';`],
      ['src/ports/clock.contract.ts', `import { test } from 'node:test';`],
      ['src/flow/publisher/handler.ts', `import type { Clock } from '../../ports/clock.ts';`],
      ['src/flow/publisher/handler.test.ts', `import { x } from '../../adapters/clock/virtual/index.ts';`],
      ['src/adapters/hosts/ec2/launch.ts', `import { options } from './options.ts';`],
      ['src/adapters/hosts/ec2/launch.ts', `import { userData } from '../user-data.ts';`],
      ['src/adapters/hosts/index.ts', `export const hosts = { ec2: () => import('./ec2/index.ts') };`],
      ['src/config/schema.ts', `import { options } from '../adapters/hosts/ec2/options.ts';`],
      ['src/config/schema.ts', `import type { hosts } from '../adapters/hosts/index.ts';`],
      ['src/dashboard/server.ts', `import { metrics } from '../flow/publisher/metrics.ts';`],
      ['src/index.ts', `export { defineConfig } from './config/define-config.ts';`],
      ['src/deployments/embedded/main.ts', `import { hosts } from '../../adapters/hosts/index.ts';`],
      ['src/cli/main.ts', `import { config } from '../config/loader.ts';`],
    ],
  },
  {
    says: 'core is pure: nothing waits there, and time, chance and new ids are handed in',
    find: ({ path, code }) => (zoneOf(path) === 'core' ? matches(code, impure) : []),
    breaks: [
      ['src/core/plan.ts', 'export async function plan() {}'],
      ['src/core/plan.ts', 'const rows = await read();'],
      ['src/core/plan.ts', 'const now = Date.now();'],
      ['src/core/plan.ts', 'const now = new Date();'],
      ['src/core/plan.ts', 'const now = performance.now();'],
      ['src/core/plan.ts', 'const pick = Math.random();'],
      ['src/core/plan.ts', 'const id = crypto.randomUUID();'],
      ['src/core/plan.ts', 'setTimeout(() => {}, 10);'],
    ],
    keeps: [
      ['src/core/plan.ts', '/** Callers await nothing here, and Date.now is handed in. */\n// async: no'],
      ['src/core/plan.ts', `const why = 'await the answer';`],
      ['src/core/plan.ts', 'const at = new Date(nowMs).toISOString();'],
      ['src/core/plan.ts', 'const awaiting = jobs.length;'],
      ['src/core/plan.test.ts', 'const now = Date.now();'],
      ['src/adapters/clock/system/index.ts', 'const now = Date.now();'],
    ],
  },
  {
    says: 'only what a person or a runner starts reads the environment: deployments, the command',
    find: ({ path, code }) =>
      zoneOf(path) === 'deployments' || path === standInRunner || path === command
        ? []
        : matches(code, environment),
    breaks: [
      ['src/adapters/github/app/index.ts', 'const token = process.env.TOKEN;'],
      ['src/cli/program.ts', `const token = process.env['TOKEN'];`],
      ['src/config/loader.ts', `const token = process['env'].TOKEN;`],
      ['src/config/loader.ts', 'const { env } = process;'],
      ['src/flow/claim.ts', `import { env } from 'node:process';`],
      ['src/flow/claim.ts', `import { argv, env as settings } from 'process';`],
      ['src/adapters/github/simulated/server.ts', 'const name = process.env.RUNNER_NAME;'],
    ],
    keeps: [
      [standInRunner, 'const name = process.env.RUNNER_NAME;'],
      [command, `import { env } from 'node:process';`],
      ['src/deployments/embedded/main.ts', 'const token = process.env.TOKEN;'],
      ['src/config/loader.test.ts', 'const token = process.env.TOKEN;'],
      ['src/config/loader.ts', '// process.env is read by deployments'],
      ['src/config/loader.ts', `import { argv } from 'node:process';`],
    ],
  },
  {
    says: 'contracts, testing.ts and what is in testing/ are imported by tests, by each other and by the simulator alone',
    find: (file) =>
      isTestSupport(file.path) || file.path.startsWith('src/deployments/simulator/')
        ? []
        : file.imports.filter((i) => isTestSupport(i.target)).map(asFinding),
    breaks: [
      ['src/ports/clock.ts', `import { clockContract } from './clock.contract.ts';`],
      ['src/adapters/hosts/ec2/index.ts', `export { fresh } from './testing.ts';`],
      ['src/adapters/hosts/ec2/launch.ts', `import { startEc2StandIn } from './testing/server.ts';`],
      ['src/deployments/embedded/main.ts', `import { c } from '../../ports/clock.contract.ts';`],
    ],
    keeps: [
      ['src/adapters/clock/virtual/index.test.ts', `import { c } from '../../../ports/clock.contract.ts';`],
      ['src/ports/host.contract.ts', `import { c } from './clock.contract.ts';`],
      ['src/adapters/hosts/ec2/testing.ts', `import type { C } from '../../../ports/host.contract.ts';`],
      ['src/adapters/hosts/ec2/testing/server.ts', `import { createCloud } from './cloud.ts';`],
      ['src/deployments/simulator/main.ts', `import { f } from '../../adapters/hosts/simulated/testing.ts';`],
    ],
  },
  {
    says: 'infrastructure.ts is imported by the infrastructure alone, so that no function bundles CDK',
    find: (file) =>
      file.path.startsWith('src/deployments/aws/infrastructure/') || file.path.endsWith('/infrastructure.ts')
        ? []
        : file.imports.filter((i) => i.target.endsWith('/infrastructure.ts')).map(asFinding),
    breaks: [
      ['src/adapters/hosts/ec2/index.ts', `import { grants } from './infrastructure.ts';`],
      ['src/deployments/embedded/main.ts', `import { x } from '../../adapters/hosts/ec2/infrastructure.ts';`],
      [
        'src/deployments/aws/functions/launcher.ts',
        `import { x } from '../../../adapters/hosts/ec2/infrastructure.ts';`,
      ],
    ],
    keeps: [
      [
        'src/deployments/aws/infrastructure/hosts.ts',
        `import { x } from '../../../adapters/hosts/ec2/infrastructure.ts';`,
      ],
      ['src/adapters/hosts/ec2/infrastructure.ts', `import type { X } from '../infrastructure.ts';`],
    ],
  },
  {
    says: 'a park, with its server and ground, is opened beside an emulator alone, so that no function bundles it',
    find: (file) =>
      file.path.startsWith('src/deployments/aws/emulated/')
        ? []
        : file.imports.filter((i) => i.target.endsWith('hosts/simulated/park.ts')).map(asFinding),
    breaks: [
      [
        'src/deployments/aws/hosts/simulated.ts',
        `import { p } from '../../../adapters/hosts/simulated/park.ts';`,
      ],
      ['src/deployments/embedded/wiring.ts', `import { p } from '../../adapters/hosts/simulated/park.ts';`],
    ],
    keeps: [
      [
        'src/deployments/aws/emulated/world/world.ts',
        `import { p } from '../../../../adapters/hosts/simulated/park.ts';`,
      ],
      ['src/deployments/embedded/wiring.ts', `import { p } from '../../adapters/hosts/simulated/remote.ts';`],
    ],
  },
  {
    says: 'the CDK is imported by what makes, deploys or reads infrastructure alone, so that no function bundles it',
    find: (file) =>
      /^src\/(?:adapters\/.+\/infrastructure\.ts$|deployments\/aws\/(?:infrastructure|deploy|emulated)\/)/.test(
        file.path,
      )
        ? []
        : file.imports
            .filter(
              (i) => i.kind === 'package' && /^(?:aws-cdk-lib|constructs|cdk-nag)(?:\/|$)/.test(i.target),
            )
            .map(asFinding),
    breaks: [
      ['src/adapters/hosts/ec2/launch.ts', `import type { IVpc } from 'aws-cdk-lib/aws-ec2';`],
      ['src/deployments/aws/functions/tick.ts', `import { Stack } from 'aws-cdk-lib/core';`],
      ['src/deployments/aws/functions.ts', `import { Construct } from 'constructs';`],
    ],
    keeps: [
      ['src/adapters/hosts/infrastructure.ts', `import type { IVpc } from 'aws-cdk-lib/aws-ec2';`],
      ['src/adapters/hosts/ec2/infrastructure.ts', `import type { IVpc } from 'aws-cdk-lib/aws-ec2';`],
      ['src/deployments/aws/infrastructure/app.ts', `import { App } from 'aws-cdk-lib/core';`],
    ],
  },
  {
    says: 'functions of AWS begin when they are loaded, so nothing imports them: the bundler takes them by their kind',
    find: (file) =>
      file.imports
        .filter(({ target }) => /^src\/deployments\/aws\/(functions|set-up)\//.test(target))
        .map(asFinding),
    breaks: [
      ['src/deployments/aws/emulated/system.ts', `import { handler } from '../functions/webhook.ts';`],
      ['src/deployments/aws/functions/steps.ts', `import { handler } from './tick.ts';`],
      ['src/deployments/aws/hosts/kubernetes.ts', `import { handler } from '../set-up/kubernetes.ts';`],
    ],
    keeps: [
      ['src/deployments/aws/bundle.ts', `import { functions } from './functions.ts';`],
      ['src/deployments/aws/functions/steps.ts', `import { openTable } from '../ports.ts';`],
    ],
  },
  {
    says: "an adapter's options.ts imports no package but zod, so that config loads no SDK",
    find: (file) =>
      /^src\/adapters\/.+\/options\.ts$/.test(file.path)
        ? file.imports.filter((i) => i.kind === 'package' && !/^zod(\/|$)/.test(i.target)).map(asFinding)
        : [],
    breaks: [['src/adapters/hosts/ec2/options.ts', `import { EC2Client } from '@aws-sdk/client-ec2';`]],
    keeps: [
      ['src/adapters/hosts/ec2/options.ts', `import { z } from 'zod';`],
      ['src/adapters/hosts/ec2/options.ts', `import { homedir } from 'node:os';`],
      ['src/adapters/hosts/ec2/launch.ts', `import { EC2Client } from '@aws-sdk/client-ec2';`],
    ],
  },
  {
    says: "programs of a MicroVM's image bring nothing but themselves and what Node brings: all that is in them is in each snapshot",
    find: (file) =>
      /^src\/adapters\/hosts\/microvm\/image\/(?!context\.ts$|testing)/.test(file.path)
        ? file.imports
            .filter(
              (i) => i.kind === 'package' || (i.kind === 'file' && !i.target.includes('/microvm/image/')),
            )
            .map(asFinding)
        : [],
    breaks: [
      ['src/adapters/hosts/microvm/image/work.ts', `import { z } from 'zod';`],
      ['src/adapters/hosts/microvm/image/hooks.ts', `import { launch } from '../launch.ts';`],
    ],
    keeps: [
      ['src/adapters/hosts/microvm/image/work.ts', `import { claim } from './claim.ts';`],
      ['src/adapters/hosts/microvm/image/hooks.ts', `import { createServer } from 'node:http';`],
      ['src/adapters/hosts/microvm/image/context.ts', `import { buildSync } from 'esbuild';`],
    ],
  },
  {
    says: 'hooks stand inside a describe: all test files share a process, where others run for every test of every file',
    of: 'tests',
    find: ({ code }) => matches(code, hookOfAllFiles),
    breaks: [
      ['src/core/job.test.ts', 'beforeEach(() => {});'],
      [
        'src/core/job.test.ts',
        `import { after } from 'node:test';\n\nafter(async () => {\n  await close();\n});`,
      ],
      ['test/end-to-end/jobs.test.ts', 'test.afterEach(close);'],
    ],
    keeps: [
      ['src/core/job.test.ts', `describe('jobs', () => {\n  beforeEach(() => {});\n});`],
      ['src/core/job.test.ts', `test('a job', (t) => {\n  t.after(close);\n});`],
      ['src/core/job.test.ts', '/*\nbefore() is not used here\n*/'],
    ],
  },
];

/** What a folder of src/ may import: of the repository by path, and whether packages and builtins. */
const reach: Record<string, { repository: RegExp; packages: boolean }> = {
  core: { repository: /^src\/core\//, packages: false },
  ports: { repository: /^src\/(core|ports)\//, packages: true },
  flow: { repository: /^src\/(core|ports|flow)\//, packages: true },
  // Beside these an adapter sees its own folder, see mayImport.
  adapters: { repository: /^src\/(core|ports)\//, packages: true },
  // The registries give config the names of the choices; options.ts what each choice may be told.
  config: {
    repository: /^src\/(core\/|ports\/|config\/|adapters\/[^/]+\/index\.ts$|adapters\/.+\/options\.ts$)/,
    packages: true,
  },
  dashboard: { repository: /^src\/(core|ports|flow|config|dashboard)\//, packages: true },
  deployments: { repository: /^/, packages: true },
  cli: { repository: /^/, packages: true },
  'index.ts': { repository: /^src\/(core|ports|config)\//, packages: true },
};

const impure =
  /\basync\b|\bawait\b|\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\.now\b|\bMath\.random\b|\brandomUUID\b|\bsetTimeout\b|\bsetInterval\b/g;

const environment =
  /\bprocess\s*\.\s*env\b|\bprocess\s*\[\s*['"]env['"]|\benv\b[^{}]*\}\s*=\s*process\b|\{[^{}]*\benv\b[^{}]*\}\s*from\s*['"](node:)?process['"]/g;

/** Not indented, so in no describe: the formatter sees to that. */
const hookOfAllFiles = /^(?:await\s+)?(?:test\.)?(?:before|after)(?:Each)?\s*\(/gm;

function mayImport(path: string, { kind, target }: Target): boolean {
  const allowed = reach[zoneOf(path)];
  if (!allowed) return true; // the first rule reports the folder itself
  if (kind !== 'file') return allowed.packages;
  return allowed.repository.test(target) || (zoneOf(path) === 'adapters' && isOwnAdapter(path, target));
}

/** An adapter's own folder and what its port's choices share; a registry sees all choices of its port. */
function isOwnAdapter(path: string, target: string): boolean {
  const [, , port, choice, ...deeper] = path.split('/');
  const [, zone, targetPort, targetChoice, ...targetDeeper] = target.split('/');
  if (zone !== 'adapters' || targetPort !== port) return false;
  if (choice === 'index.ts') return true;
  const isInFolder = deeper.length > 0;
  const isShared = targetDeeper.length === 0 && targetChoice !== 'index.ts';
  return isShared || (isInFolder && targetChoice === choice);
}

// ---- Reading files

function findingsOf(rule: Rule, { path, text }: SourceFile): string[] {
  if (isTest(path) !== (rule.of === 'tests')) return [];
  return rule
    .find({ path, imports: importsOf(path, text), code: blank(text, 'comments and strings') })
    .map(({ line, what }) => `${path}:${line}: ${what} — the rule: ${rule.says}`);
}

const importPatterns = [
  /\b(?:import|export)\s+(?:type\s+)?(?:[\w$*{}\s,]+?\s*\bfrom\s*)?(['"])(?<from>[^'"\n]+)\1/g,
  /\bimport\s*\(\s*(['"`])(?<from>[^'"`\n]+)\1/g,
];

function importsOf(path: string, text: string): Import[] {
  const code = blank(text, 'comments');
  return importPatterns
    .flatMap((pattern) => [...code.matchAll(pattern)])
    .map((match) => ({
      ...targetOf(path, match.groups?.['from'] ?? ''),
      line: lineAt(code, match.index),
    }));
}

function targetOf(path: string, from: string): Target {
  if (from === packageName) return { kind: 'file', target: 'src/index.ts' };
  if (from.startsWith('.')) return { kind: 'file', target: posix.join(posix.dirname(path), from) };
  return { kind: isBuiltin(from) ? 'builtin' : 'package', target: from };
}

/**
 * Blanks out comments, and the text inside strings if asked, so that prose is not taken for code; every
 * line keeps its number. Short strings that are one word stay: `process['env']` is code.
 */
function blank(text: string, what: 'comments' | 'comments and strings'): string {
  const pieces = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g;
  return text.replace(pieces, (piece) => {
    const isComment = piece.startsWith('/');
    const isProse = what === 'comments and strings' && !/^.(env|process|node:process).$/.test(piece);
    // A template may hold code between its braces, so it stays as it is.
    return isComment || (isProse && !piece.startsWith('`')) ? piece.replace(/[^\n]/g, ' ') : piece;
  });
}

function matches(code: string, pattern: RegExp): Finding[] {
  return [...code.matchAll(pattern)].map((match) => ({
    line: lineAt(code, match.index),
    what: `\`${match[0].replace(/\s+/g, ' ')}\``,
  }));
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

function asFinding({ target, line }: Import): Finding {
  return { line, what: `imports ${target}` };
}

/** `core` of `src/core/job.ts`; a file directly in src/ is its own zone. */
function zoneOf(path: string): string {
  return path.split('/')[1] ?? '';
}

function isTest(path: string): boolean {
  return path.endsWith('.test.ts');
}

function isTestSupport(path: string): boolean {
  return path.endsWith('.contract.ts') || posix.basename(path) === 'testing.ts' || path.includes('/testing/');
}

// ---- The tests

const root = resolve(import.meta.dirname, '..');
const sources: SourceFile[] = globSync(['src/**/*.ts', 'test/**/*.test.ts'], { cwd: root })
  .map((path) => path.replaceAll('\\', '/'))
  .sort()
  .map((path) => ({ path, text: readFileSync(resolve(root, path), 'utf8') }));

test('the architecture test finds the sources', () => {
  assert.ok(sources.length > 0, `no .ts file under ${resolve(root, 'src')}`);
});

for (const rule of rules) {
  test(`the source keeps the rule: ${rule.says}`, () => {
    const found = sources.flatMap((file) => findingsOf(rule, file));
    assert.equal(found.length, 0, `\n${found.join('\n')}\n`);
  });

  test(`the rule bites: ${rule.says}`, () => {
    for (const [path, text] of rule.breaks) {
      assert.notEqual(findingsOf(rule, { path, text }).length, 0, `not reported: ${path}: ${text}`);
    }
    for (const [path, text] of rule.keeps) {
      assert.deepEqual(findingsOf(rule, { path, text }), [], `wrongly reported: ${path}: ${text}`);
    }
  });
}

test('a finding names the file, the line and the rule', () => {
  const rule = rules.find((r) => r.says.startsWith('imports point'));
  assert.ok(rule);
  const text = `/* two\n lines */\nimport {\n  a,\n} from '../flow/claim.ts';\n`;
  assert.deepEqual(findingsOf(rule, { path: 'src/core/job.ts', text }), [
    `src/core/job.ts:3: imports src/flow/claim.ts — the rule: ${rule.says}`,
  ]);
});

test('every metric that a station declares is used there', () => {
  const unused = sources
    .filter(({ path }) => /^src\/flow\/[^/]+\/metrics\.ts$/.test(path))
    .flatMap(({ path, text }) => {
      const folder = `${posix.dirname(path)}/`;
      const station = sources.filter((file) => file.path.startsWith(folder) && !isTest(file.path));
      return [...text.matchAll(/^ {2}(?<name>\w+): '/gm)]
        .map((match) => match.groups?.['name'] ?? '')
        .filter((name) => !station.some((file) => file.text.includes(`metrics.${name}`)))
        .map((name) => `${path}: ${name}`);
    });
  assert.deepEqual(unused, []);
});
