// GitHub's REST routes, as far as runners need them. Paths, status codes and bodies are GitHub's own.

import { Hono } from 'hono';
import { z } from 'zod';
import { hookAddresses, type Paged } from './api.ts';
import type { createJwtCheck } from './app-jwt.ts';
import type { DeliveryRow } from './deliveries.ts';
import { installationJson, iso, jobJson, repositoryJson, runJson, runnerJson } from './payload.ts';
import type { Answer } from './refusal.ts';
import { createReply, linkHeader, pageOfQuery, type ServerContext, type ServerEnv, whole } from './reply.ts';
import type { Installation, RunnerGroup } from './state.ts';
import type { createTokens } from './tokens.ts';
import { fullPermissions, type World } from './world.ts';

/** GitHub counts at most 100 requests of one caller at a time. */
const concurrentRequestsMax = 100;
const runnerVersion = '2.336.0';

export interface RestDeps {
  world: World;
  checkJwt: ReturnType<typeof createJwtCheck>;
  tokens: ReturnType<typeof createTokens>;
  /** How long an answer takes. */
  latencyMs(): number;
  /** Where the App's webhooks go. */
  webhookUrl(): string | null;
  setWebhookUrl(url: string): void;
}

const jitConfigRequest = z.object({
  name: z.string(),
  runner_group_id: z.int(),
  labels: z.array(z.string()),
  work_folder: z.string().max(255).default('_work'),
});

/** What is left out stays as it is. */
const hookRequest = z.object({
  url: z.url({ protocol: /^https?$/ }).optional(),
  content_type: z.enum(['json', 'form']).optional(),
  secret: z.string().min(1).optional(),
  insecure_ssl: z.union([z.string(), z.number()]).optional(),
});

export function createRest({
  world,
  checkJwt,
  tokens,
  latencyMs,
  webhookUrl,
  setWebhookUrl,
}: RestDeps): Hono<ServerEnv> {
  const { api, urls, app, clock } = world;
  const reply = createReply(world);
  const open = new Map<number, number>();
  const rest = new Hono<ServerEnv>();

  // ---- Who calls

  rest.use(async (c, next) => {
    if (latencyMs() > 0) await clock.sleep(latencyMs());
    if (/^(\/api\/v3)?\/meta$/.test(c.req.path)) return next();
    const credential = /^(?:bearer|token) (.+)$/i.exec(c.req.header('authorization') ?? '')?.[1] ?? '';
    if (credential.includes('.')) {
      const check = checkJwt(credential, clock.now());
      if (!check.isValid) return reply.refuse(c, check);
      c.set('caller', 'app');
    } else {
      const installation = tokens.installationOf(credential);
      const message = credential ? 'Bad credentials' : 'Requires authentication';
      if (!installation) return reply.refuse(c, { status: 401, message });
      c.set('caller', installation);
    }
    return withinConcurrency(c, next);
  });

  const withinConcurrency = async (
    c: ServerContext,
    next: () => Promise<void>,
  ): Promise<Response | undefined> => {
    const caller = c.get('caller');
    const id = caller === 'app' ? 0 : caller.id;
    const count = open.get(id) ?? 0;
    if (count >= concurrentRequestsMax) {
      const message =
        'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.';
      return reply.refuse(c, { status: 403, message, retryAfterSeconds: 60 }, caller);
    }
    open.set(id, count + 1);
    try {
      await next();
    } finally {
      open.set(id, (open.get(id) ?? 1) - 1);
    }
    return undefined;
  };

  // ---- As the App, by its JWT

  const asApp = (c: ServerContext, work: () => Response): Response =>
    c.get('caller') === 'app'
      ? work()
      : reply.refuse(c, { status: 401, message: 'A JSON web token could not be decoded' });

  const installationBody = (installation: Installation): unknown =>
    installationJson(installation, app.id, app.slug, urls);

  rest.get('/app', (c) =>
    asApp(c, () => {
      const answer = api.call('app', 'GET /app', () => ({ outcome: 'done', value: null }));
      return reply.answer(c, answer, 200, () => ({
        id: app.id,
        slug: app.slug,
        client_id: `Iv1.simulated${app.id}`,
        name: 'Simulated',
        permissions: fullPermissions,
        events: ['workflow_job'],
        html_url: `${urls.web}/apps/${app.slug}`,
      }));
    }),
  );

  rest.get('/app/installations', (c) =>
    asApp(c, () => {
      const page = pageOfQuery(c);
      const first = (page.page - 1) * page.perPage;
      return reply.answer(
        c,
        api.installations(),
        200,
        (all) => all.slice(first, first + page.perPage).map(installationBody),
        (all) => linkHeader(c, page, all.length),
      );
    }),
  );

  rest.get('/app/installations/:id', (c) =>
    asApp(c, () => reply.answer(c, api.installation(whole(c.req.param('id')) ?? 0), 200, installationBody)),
  );

  rest.post('/app/installations/:id/access_tokens', (c) =>
    asApp(c, () =>
      reply.answer(c, api.authoriseToken(whole(c.req.param('id')) ?? 0), 201, (installation) => {
        const { token, expiresAt } = tokens.issue(installation);
        return {
          token,
          expires_at: iso(expiresAt),
          permissions: installation.permissions,
          repository_selection: installation.repositories === 'all' ? 'all' : 'selected',
        };
      }),
    ),
  );

  const installationFor = (c: ServerContext, scope: string): Response =>
    asApp(c, () => reply.answer(c, api.installationFor(scope), 200, installationBody));
  rest.get('/repos/:owner/:repo/installation', (c) =>
    installationFor(c, `${c.req.param('owner')}/${c.req.param('repo')}`),
  );
  rest.get('/orgs/:org/installation', (c) => installationFor(c, c.req.param('org')));
  rest.get('/users/:user/installation', (c) => installationFor(c, c.req.param('user')));

  /** Its webhooks are JSON whatever is asked for, and the secret is never shown. */
  const hookJson = () => ({
    content_type: 'json',
    insecure_ssl: '0',
    secret: '********',
    url: webhookUrl() ?? '',
  });
  rest.get('/app/hook/config', (c) =>
    asApp(c, () => {
      const answer = api.call('app', 'GET /app/hook/config', () => ({ outcome: 'done', value: null }));
      return reply.answer(c, answer, 200, hookJson);
    }),
  );
  rest.patch('/app/hook/config', async (c) => {
    const read = hookRequest.safeParse(await c.req.json().catch(() => null));
    return asApp(c, () => {
      if (!read.success) return reply.refuse(c, { status: 422, message: 'Validation Failed' }, 'app');
      const answer = api.call('app', 'PATCH /app/hook/config', () => {
        if (read.data.url !== undefined) setWebhookUrl(read.data.url);
        if (read.data.secret !== undefined) world.signWith(read.data.secret);
        return { outcome: 'done', value: null };
      });
      return reply.answer(c, answer, 200, hookJson);
    });
  });

  rest.get('/app/hook/deliveries', (c) =>
    asApp(c, () => {
      const { perPage } = pageOfQuery(c);
      const cursor = /^v1_(\d{1,15})$/.exec(c.req.query('cursor') ?? '')?.[1];
      return reply.answer(
        c,
        api.deliveries(cursor === undefined ? null : Number(cursor), perPage),
        200,
        ({ rows }) => rows.filter((row) => hasStatus(row, c.req.query('status'))).map(deliveryJson),
        ({ next }) => {
          if (next === null) return {};
          const url = new URL(c.req.url);
          url.searchParams.set('cursor', `v1_${next}`);
          return { link: `<${url}>; rel="next"` };
        },
      );
    }),
  );

  rest.post('/app/hook/deliveries/:id/attempts', (c) =>
    asApp(c, () => reply.answer(c, api.redeliver(digits(c.req.param('id'))), 202, () => ({}))),
  );

  // ---- As an installation, by its token

  const asInstallation = (c: ServerContext, work: (caller: Installation) => Response): Response => {
    const caller = c.get('caller');
    if (caller !== 'app') return work(caller);
    return reply.refuse(c, { status: 401, message: 'Bad credentials' });
  };

  /** A page of a list, in the envelope that GitHub puts around most of them. */
  const list = <Item>(
    c: ServerContext,
    answer: Answer<Paged<Item>>,
    field: string,
    render: (item: Item) => unknown,
  ): Response =>
    reply.answer(
      c,
      answer,
      200,
      ({ items, total }) => ({ total_count: total, [field]: items.map(render) }),
      ({ total }) => linkHeader(c, pageOfQuery(c), total),
    );

  rest.get('/installation/repositories', (c) =>
    asInstallation(c, (caller) =>
      list(c, api.repositories(caller, pageOfQuery(c)), 'repositories', (repository) =>
        repositoryJson(repository, urls),
      ),
    ),
  );

  rest.get('/repos/:owner/:repo', (c) =>
    asInstallation(c, (caller) =>
      reply.answer(c, api.repository(caller, repositoryOf(c)), 200, (found) => repositoryJson(found, urls)),
    ),
  );

  for (const base of ['/orgs/:org', '/repos/:owner/:repo'] as const) {
    rest.post(`${base}/actions/runners/generate-jitconfig`, async (c) => {
      const read = jitConfigRequest.safeParse(await c.req.json().catch(() => null));
      if (!read.success) {
        const message = `Invalid request.\n\n${z.prettifyError(read.error)}`;
        return reply.refuse(c, { status: 422, message }, c.get('caller'));
      }
      const { name, runner_group_id: groupId, labels, work_folder: workFolder } = read.data;
      return asInstallation(c, (caller) =>
        reply.answer(
          c,
          api.mint(caller, scopeOf(c), { name, groupId, labels, workFolder }),
          201,
          (minted) => ({
            runner: runnerJson(minted.runner),
            encoded_jit_config: minted.jitConfig,
          }),
        ),
      );
    });

    rest.get(`${base}/actions/runners/downloads`, (c) => {
      const answer = api.call(
        c.get('caller'),
        base === '/orgs/:org'
          ? 'GET /orgs/{org}/actions/runners/downloads'
          : 'GET /repos/{owner}/{repo}/actions/runners/downloads',
        () => ({ outcome: 'done', value: null }),
      );
      return reply.answer(c, answer, 200, downloads);
    });

    rest.get(`${base}/actions/runners/:id`, (c) =>
      asInstallation(c, (caller) =>
        reply.answer(c, api.runner(caller, scopeOf(c), whole(c.req.param('id')) ?? 0), 200, runnerJson),
      ),
    );

    rest.delete(`${base}/actions/runners/:id`, (c) =>
      asInstallation(c, (caller) =>
        reply.answer(c, api.removeRunner(caller, scopeOf(c), whole(c.req.param('id')) ?? 0), 204, () => null),
      ),
    );

    rest.get(`${base}/actions/runners`, (c) =>
      asInstallation(c, (caller) =>
        list(c, api.runners(caller, scopeOf(c), pageOfQuery(c), c.req.query('name')), 'runners', runnerJson),
      ),
    );
  }

  rest.get('/orgs/:org/actions/runner-groups', (c) =>
    asInstallation(c, (caller) => {
      const visibleTo = c.req.query('visible_to_repository');
      const groups = api.runnerGroups(caller, c.req.param('org'), pageOfQuery(c), visibleTo);
      return list(c, groups, 'runner_groups', (group) =>
        groupJson(group, `${urls.api}/orgs/${c.req.param('org')}`),
      );
    }),
  );

  rest.get('/repos/:owner/:repo/actions/jobs/:id', (c) =>
    asInstallation(c, (caller) =>
      reply.answer(c, api.job(caller, repositoryOf(c), whole(c.req.param('id')) ?? 0), 200, (moment) =>
        jobJson(moment, urls),
      ),
    ),
  );

  rest.get('/repos/:owner/:repo/actions/runs', (c) =>
    asInstallation(c, (caller) =>
      list(
        c,
        api.runs(caller, repositoryOf(c), pageOfQuery(c), c.req.query('status')),
        'workflow_runs',
        (run) => runJson(run, urls),
      ),
    ),
  );

  rest.get('/repos/:owner/:repo/actions/runs/:id', (c) =>
    asInstallation(c, (caller) =>
      reply.answer(c, api.run(caller, repositoryOf(c), whole(c.req.param('id')) ?? 0), 200, (run) =>
        runJson(run, urls),
      ),
    ),
  );

  rest.get('/repos/:owner/:repo/actions/runs/:id/jobs', (c) =>
    asInstallation(c, (caller) => {
      const filter = c.req.query('filter') === 'all' ? 'all' : 'latest';
      const runId = whole(c.req.param('id')) ?? 0;
      return list(c, api.runJobs(caller, repositoryOf(c), runId, pageOfQuery(c), filter), 'jobs', (moment) =>
        jobJson(moment, urls),
      );
    }),
  );

  rest.post('/repos/:owner/:repo/actions/jobs/:id/rerun', (c) =>
    asInstallation(c, (caller) =>
      reply.answer(c, api.rerunJob(caller, repositoryOf(c), whole(c.req.param('id')) ?? 0), 201, () => ({})),
    ),
  );

  rest.post('/repos/:owner/:repo/actions/runs/:id/rerun-failed-jobs', (c) =>
    asInstallation(c, (caller) => {
      const answer = api.rerunFailedJobs(caller, repositoryOf(c), whole(c.req.param('id')) ?? 0);
      return reply.answer(c, answer, 201, () => ({}));
    }),
  );

  // ---- For everybody

  rest.get('/rate_limit', (c) => {
    const { limit, used, remaining, resetsAt } = api.rate(c.get('caller'));
    const core = { limit, used, remaining, reset: Math.ceil(resetsAt / 1_000) };
    return c.json({ resources: { core }, rate: core }, 200, reply.headersFor(c.get('caller')));
  });

  rest.get('/meta', (c) =>
    c.json(
      {
        verifiable_password_authentication: false,
        hooks: hookAddresses,
        actions: [],
        domains: {},
      },
      200,
      reply.headersFor(null),
    ),
  );

  return rest;
}

/** `acme` or `acme/app`, by the route. */
function scopeOf(c: ServerContext): string {
  return c.req.param('org') ?? repositoryOf(c);
}

function repositoryOf(c: ServerContext): string {
  return `${c.req.param('owner')}/${c.req.param('repo')}`;
}

/** GitHub's filter knows status codes alone, so a delivery that timed out is neither. */
function hasStatus({ statusCode }: DeliveryRow, wanted: string | undefined): boolean {
  if (wanted === 'failure') return statusCode >= 400 && statusCode <= 599;
  if (wanted === 'success') return statusCode >= 200 && statusCode <= 399;
  return true;
}

/** GitHub's ids of deliveries have up to 19. */
function digits(text: string): string {
  return /^\d{1,19}$/.test(text) ? text : '0';
}

function deliveryJson(row: DeliveryRow): unknown {
  return {
    id: asNumber(row.id),
    guid: row.guid,
    delivered_at: new Date(row.deliveredAt).toISOString(),
    redelivery: row.redelivery,
    duration: row.durationSeconds,
    status: row.status,
    status_code: row.statusCode,
    event: row.event,
    action: row.action,
    installation_id: row.installation,
    repository_id: row.repository,
    throttled_at: null,
  };
}

/** A JSON number with all its digits, which a JavaScript number would round. */
function asNumber(digitsOfId: string): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(digitsOfId);
}

function groupJson(group: RunnerGroup, orgUrl: string): unknown {
  return {
    id: group.id,
    name: group.name,
    visibility: group.visibility,
    default: group.isDefault,
    runners_url: `${orgUrl}/actions/runner-groups/${group.id}/runners`,
    inherited: false,
    allows_public_repositories: group.allowsPublicRepositories,
    restricted_to_workflows: false,
    selected_workflows: [],
    workflow_restrictions_read_only: false,
  };
}

function downloads(): unknown {
  const release = `https://github.com/actions/runner/releases/download/v${runnerVersion}`;
  const kinds: [os: string, architecture: string, ending: string][] = [
    ['osx', 'x64', 'tar.gz'],
    ['osx', 'arm64', 'tar.gz'],
    ['linux', 'x64', 'tar.gz'],
    ['linux', 'arm64', 'tar.gz'],
    ['win', 'x64', 'zip'],
    ['win', 'arm64', 'zip'],
  ];
  return kinds.map(([os, architecture, ending]) => {
    const filename = `actions-runner-${os}-${architecture}-${runnerVersion}.${ending}`;
    return {
      os,
      architecture,
      download_url: `${release}/${filename}`,
      filename,
      sha256_checksum: '0'.repeat(64),
    };
  });
}
