// Keeps images new: looks at each hourly, and after each deploy, and has it built where it is time. Until a first build
// is done, its parameter holds the plain image, so that machines can be launched from the first minute on.
//
// One that fails does not keep the others from being looked at; it is an error of the whole at the end.

import {
  type ImagebuilderClient,
  type ImageSummary,
  ListImagePipelineImagesCommand,
  StartImagePipelineExecutionCommand,
} from '@aws-sdk/client-imagebuilder';
import { GetParameterCommand, PutParameterCommand, type SSMClient } from '@aws-sdk/client-ssm';
import type { Clock } from '../../../../ports/clock.ts';
import type { Telemetry } from '../../../../ports/telemetry.ts';
import { plainImage } from '../images.ts';
import { builtImage, parameterOf } from './built.ts';
import { type BuildOutcome, decideBuild, failuresSince } from './decide.ts';
import type { MadeImage } from './made.ts';
import { metrics } from './metrics.ts';

export interface RenewDeps {
  imageBuilder: ImagebuilderClient;
  ssm: SSMClient;
  newestRunner: () => Promise<string>;
  clock: Clock;
  telemetry: Telemetry;
}

interface Watched extends MadeImage {
  rebuildMs: number;
}

const imageTags = { runner: 'runners:runner', recipe: 'runners:recipe' } as const;

/** 25 a page. Old images are deleted; what stays are failures, of a build a day at most once they go on. */
const pagesMax = 40;

export function createRenewal(deps: RenewDeps): (images: readonly Watched[]) => Promise<void> {
  const { imageBuilder, ssm, clock, telemetry } = deps;

  return async (images) => {
    const failed: string[] = [];
    const each = async (work: (image: Watched) => Promise<void>) => {
      for (const image of images) {
        await work(image).catch((error: unknown) => {
          failed.push(`${image.host} ${image.name}: ${String(error)}`);
        });
      }
    };
    // First of all: launches wait for it.
    await each(publishPlain);
    const runner = await deps.newestRunner();
    await each((image) => build(image, runner));
    if (failed.length > 0) throw new Error(`images were not looked after: ${failed.join('; ')}`);
  };

  async function publishPlain({ name, host, stack }: Watched): Promise<void> {
    const parameter = parameterOf(stack, host, name);
    if ((await imageIn(parameter)) !== null) return;
    const { os, architecture } = builtImage(name);
    const plain = plainImage(os, architecture);
    const image = plain === null ? null : await imageIn(plain);
    if (image === null) throw new Error(`there is no parameter ${plain} with a plain image`);
    // Never over one that was built meanwhile.
    await ssm
      .send(
        new PutParameterCommand({
          Name: parameter,
          Description: 'Image of runners: the plain one, until the first is built',
          Type: 'String',
          DataType: 'aws:ec2:image',
          Value: image,
          Overwrite: false,
        }),
      )
      .catch((error: unknown) => {
        if (!isNamed(error, 'ParameterAlreadyExists')) throw error;
      });
    telemetry.log('info', 'the plain image is published until the first is built', { parameter, image });
  }

  async function imageIn(parameter: string): Promise<string | null> {
    try {
      const { Parameter } = await ssm.send(new GetParameterCommand({ Name: parameter }));
      return Parameter?.Value ?? null;
    } catch (error) {
      if (isNamed(error, 'ParameterNotFound')) return null;
      throw error;
    }
  }

  async function build(image: Watched, runner: string): Promise<void> {
    const { name, host, pipelineArn, recipe, rebuildMs } = image;
    const builds = await buildsOf(pipelineArn);
    const question = { pipeline: pipelineArn, builds, runner, recipe, rebuildMs, now: clock.now() };
    telemetry.gauge(metrics.failing, failuresSince(question), { host, image: name });
    const decision = decideBuild(question);
    telemetry.log('info', `image ${name}: ${decision.outcome}`, {
      host,
      image: name,
      why: decision.why,
      runner,
    });
    if (decision.outcome === 'wait') return;
    await imageBuilder.send(
      new StartImagePipelineExecutionCommand({
        imagePipelineArn: pipelineArn,
        clientToken: decision.token,
        tags: { [imageTags.runner]: runner, [imageTags.recipe]: recipe },
      }),
    );
    telemetry.count(metrics.builds, { host, image: name });
  }

  async function buildsOf(imagePipelineArn: string): Promise<BuildOutcome[]> {
    const found: BuildOutcome[] = [];
    let nextToken: string | undefined;
    for (let page = 0; page < pagesMax; page += 1) {
      const answer = await imageBuilder.send(
        new ListImagePipelineImagesCommand({ imagePipelineArn, ...(nextToken && { nextToken }) }),
      );
      found.push(...(answer.imageSummaryList ?? []).flatMap(outcomeOf));
      nextToken = answer.nextToken;
      if (!nextToken) return found;
    }
    throw new Error(
      `${imagePipelineArn} has more than ${pagesMax} pages of images: delete those that failed`,
    );
  }
}

/** None of one that is gone, or going. */
function outcomeOf({ state, dateCreated, tags }: ImageSummary): BuildOutcome[] {
  const is = stateOf(state?.status);
  if (is === null) return [];
  return [
    {
      state: is,
      startedAt: Date.parse(dateCreated ?? '') || 0,
      runner: tags?.[imageTags.runner] ?? null,
      recipe: tags?.[imageTags.recipe] ?? null,
    },
  ];
}

function stateOf(status: string | undefined): BuildOutcome['state'] | null {
  switch (status) {
    case 'AVAILABLE':
      return 'available';
    case 'FAILED':
    case 'CANCELLED':
      return 'failed';
    case 'PENDING':
    case 'CREATING':
    case 'BUILDING':
    case 'TESTING':
    case 'DISTRIBUTING':
    case 'INTEGRATING':
      return 'building';
    // Deprecated, disabled, deleted, and what is new to us.
    default:
      return null;
  }
}

function isNamed(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name;
}
