// The `runners` command: what it can be asked, and what it answers. Everything that it reaches is handed in, so that a
// test asks it as a person does.

import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { PoolChange } from '../flow/operator/operator.ts';
import { parseJobReference } from './job-reference.ts';
import { renderJobs, renderPools, renderRedriven, renderStatus, renderWhy } from './render.ts';
import { CommandError, exitCodes, type Source } from './source.ts';
import type { Paint } from './text.ts';

/** Which system: one of these two, by options before or after the subcommand's name. */
interface Where {
  dataDir: string;
  stack: string | undefined;
  json: boolean;
}

export interface ProgramDeps {
  open: (where: Where) => Promise<Source>;
  now: () => number;
  out: (text: string) => void;
  error: (text: string) => void;
  paint: Paint;
  /** Clears the screen between two looks; `null` where the output is no terminal. */
  clear: string | null;
  dataDirectory: string;
  /** Resolves when the next look is due; rejects or never resolves once the person has had enough. */
  pause: (ms: number) => Promise<void>;
  isStopped: () => boolean;
}

const lookAgainMs = 2_000;

/** Of a log: what fits a terminal's memory; and what one question may read of CloudWatch Logs. */
const linesDefault = 1_000;
const linesMax = 100_000;

/** Runs the command, and answers its exit code. */
export async function runCommand(deps: ProgramDeps, args: readonly string[]): Promise<number> {
  const opened: Source[] = [];
  const program = createProgram({
    ...deps,
    open: async (where) => {
      const source = await deps.open(where);
      opened.push(source);
      return source;
    },
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCodes.done;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    if (error instanceof CommandError) {
      deps.error(`${error.message}\n`);
      return error.exitCode;
    }
    // AWS says no, or the network broke: its words are what a person needs, and not where in here they came from.
    deps.error(`It went wrong: ${String(error)}\n`);
    return exitCodes.failed;
  } finally {
    for (const source of opened) source.close();
  }
}

export function createProgram(deps: ProgramDeps): Command {
  const { out, paint } = deps;
  const program = new Command('runners');
  program
    .description(
      'Asks a running system about its jobs and runners: the one in a process on this machine (by its data ' +
        'directory), or a deployed one (by the name of its stack, with your own AWS credentials).',
    )
    .addOption(
      new Option('--data-dir <folder>', 'data directory of the process on this machine').default(
        deps.dataDirectory,
      ),
    )
    .option('--stack <name>', 'ask the deployed system of this name instead')
    .option('--json', 'answer in JSON, for programs', false)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: deps.out, writeErr: deps.error })
    .showHelpAfterError('(--help tells what there is)')
    .exitOverride()
    .addHelpText(
      'after',
      '\nExit codes: 0 done; 1 it went wrong; 2 the command was not understood; 3 no such job, pool or runner;\n' +
        '4 no running system was reached.\n' +
        'Completion: source <(runners complete bash), or zsh, fish, powershell.',
    );
  const where = () => program.opts<Where>();
  const open = () => deps.open(where());
  const answer = <Answer>(value: Answer, render: (value: Answer) => string) =>
    out(`${where().json ? JSON.stringify(value) : render(value)}\n`);

  program
    .command('status')
    .description('hosts and pools: what is alive, what waits, and the limits')
    .action(async () => {
      const source = await open();
      answer(await source.status(), (status) => renderStatus(status, paint));
    });

  program
    .command('jobs')
    .description('jobs that wait, each with its reason, and jobs that run')
    .option('--pool <pool>', 'of this pool alone')
    .option('--repository <owner/name>', 'of this repository alone')
    .option('--limit <count>', 'so many at most', wholeNumber(1, 1000), 100)
    .action(async ({ pool, repository, limit }: { pool?: string; repository?: string; limit: number }) => {
      const source = await open();
      const jobs = await source.jobs({ pool: pool ?? null, repository: repository ?? null, limit });
      if (jobs.length === 0 && pool !== undefined) await demandPool(source, pool);
      answer(jobs, (list) => renderJobs(list, deps.now(), paint));
    });

  program
    .command('why')
    .description('why a job waits, or what became of it: its whole story')
    .argument('<job>', "the job's id, or the address of its page at GitHub", jobReference)
    .action(async (id: number) => {
      const why = await (await open()).why(id);
      if (!why)
        throw new CommandError(
          `Job ${id} is not known here: it is older than is kept (8 days), its webhook has not come, or it belongs to ` +
            'another system. Jobs of runs are shown by `runners jobs`.',
          { exitCode: exitCodes.notFound },
        );
      answer(why, (one) => renderWhy(one, deps.now(), paint));
    });

  const pools = program.command('pools').description('pools: list them, pause one, set a limit for now');
  pools
    .command('list', { isDefault: true })
    .description('all pools')
    .action(async () => {
      const { pools: list, at } = await (await open()).status();
      answer(list, (views) => renderPools(views, at, paint));
    });
  const change = async (pool: string, wanted: PoolChange) => {
    const changed = await (await open()).changePool(pool, wanted);
    if (!changed) throw noSuchPool(pool);
    answer([changed], (views) => renderPools(views, deps.now(), paint));
  };
  pools
    .command('pause')
    .description('order no more runners for a pool; those alive go on')
    .argument('<pool>')
    .action((pool: string) => change(pool, { paused: true }));
  pools
    .command('resume')
    .description('order again')
    .argument('<pool>')
    .action((pool: string) => change(pool, { paused: false }));
  pools
    .command('limit')
    .description("lower a pool's limit for now; `none` gives back the configuration's")
    .argument('<pool>')
    .argument('<limit>', 'a whole number, or none', limitNow)
    .action((pool: string, limit: number | null) => change(pool, { limitNow: limit }));

  program
    .command('watch')
    .description('status, again and again, until Ctrl-C')
    .option('--seconds <seconds>', 'between two looks', wholeNumber(1, 3600), lookAgainMs / 1000)
    .action(async ({ seconds }: { seconds: number }) => {
      const source = await open();
      while (!deps.isStopped()) {
        const status = await source.status();
        if (!where().json && deps.clear !== null) out(deps.clear);
        answer(status, (one) => `${renderStatus(one, paint)}\n`);
        await deps.pause(seconds * 1000);
      }
    });

  program
    .command('logs')
    .description(
      "a runner's output: of a local host, of EC2 where it is shipped, of a function; else where to look",
    )
    .argument('<runner>', "the runner's name")
    .option('--diag', "the diagnostics of GitHub's runner instead", false)
    .option('--lines <count>', 'the last so many', wholeNumber(1, linesMax), linesDefault)
    .option('--follow', 'and what is added, until Ctrl-C', false)
    .action(
      async (runner: string, { diag, lines, follow }: { diag: boolean; lines: number; follow: boolean }) => {
        const { pause, isStopped } = deps;
        const part = diag ? 'diag' : 'console';
        const log = await (await open()).log(runner, { part, linesMax: lines, follow, pause, isStopped });
        if (log === null)
          throw new CommandError(
            `There is no log of ${runner}: it ran elsewhere, its log has been cleared away or has not begun, or no runner had this name.`,
            { exitCode: exitCodes.notFound },
          );
        for await (const line of log) answer(line, (text) => text);
      },
    );

  program
    .command('redrive')
    .description('send dead letters back to their queues')
    .option('--queue <queue>', 'of this queue alone')
    .action(async ({ queue }: { queue?: string }) => {
      answer(await (await open()).redrive(queue ?? null), renderRedriven);
    });

  return program;
}

async function demandPool(source: Source, pool: string): Promise<void> {
  const { pools } = await source.status();
  if (!pools.some(({ name }) => name === pool)) throw noSuchPool(pool);
}

function noSuchPool(pool: string): CommandError {
  return new CommandError(`No pool is named ${pool}: \`runners pools\` lists them.`, {
    exitCode: exitCodes.notFound,
  });
}

function jobReference(text: string): number {
  const id = parseJobReference(text);
  if (id !== null) return id;
  throw new InvalidArgumentError(
    "It takes a job's id (digits), or the address of a job's page: https://github.com/<owner>/<repository>/actions/runs/<run>/job/<job>.",
  );
}

function limitNow(text: string): number | null {
  return text === 'none' ? null : wholeNumber(0, 100_000)(text);
}

function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It takes a whole number from ${min} to ${max}.`);
  };
}
