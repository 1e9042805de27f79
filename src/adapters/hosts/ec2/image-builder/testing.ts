// Image Builder and the parameter store on the loopback, as far as images are kept new by them; the real SDK talks to
// it. It is no build: tests say how each ends. Refused is what AWS refuses: a token that is asked for something else, a
// parameter that is there already, one that is not.

import { z } from 'zod';
import { bodyOf, listenOnLoopback } from '../../testing.ts';

/** Far more than any of these calls has. */
const bodyBytesMax = 100_000;

const started = z.strictObject({
  imagePipelineArn: z.string().regex(/^arn:aws:imagebuilder:[a-z0-9-]+:\d{12}:image-pipeline\/[a-z0-9-]+$/),
  clientToken: z.string().min(1).max(64),
  tags: z.record(z.string().min(1).max(128), z.string().max(256)),
});
const listed = z.strictObject({ imagePipelineArn: z.string(), nextToken: z.string().optional() });
const got = z.strictObject({ Name: z.string() });
const put = z.strictObject({
  Name: z.string().regex(/^\/imagebuilder\/[\w./-]+$/),
  Description: z.string().max(1024),
  Type: z.literal('String'),
  DataType: z.literal('aws:ec2:image'),
  Value: z.string().regex(/^ami-[0-9a-f]{8,17}$/),
  Overwrite: z.literal(false),
});

interface StandInImage {
  arn: string;
  pipeline: string;
  dateCreated: string;
  status: string;
  tags: Record<string, string>;
}

export interface ImagesStandIn {
  endpoint: string;
  parameters: Map<string, string>;
  images: StandInImage[];
  /** Calls whose answers are refused, by name. */
  broken: Set<string>;
  /** Nothing was ever asked. */
  reset(): void;
  close(): Promise<void>;
}

class Refusal extends Error {
  readonly code: string;
  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

/** As a page has it, here smaller than AWS's, so that a test meets a second one. */
const pageSize = 2;

export async function startImagesStandIn(now: () => number): Promise<ImagesStandIn> {
  const parameters = new Map<string, string>();
  const images: StandInImage[] = [];
  const tokens = new Map<string, { asked: string; arn: string }>();
  const broken = new Set<string>();

  const calls: Record<string, (body: unknown) => object> = {
    StartImagePipelineExecution(body) {
      const { imagePipelineArn, clientToken, tags } = started.parse(body);
      const asked = JSON.stringify([imagePipelineArn, tags]);
      const before = tokens.get(clientToken);
      if (before && before.asked !== asked) throw new Refusal('IdempotentParameterMismatchException');
      if (before) return { clientToken, imageBuildVersionArn: before.arn };
      const arn = imagePipelineArn.replace('image-pipeline', 'image').concat(`/1.0.0/${images.length + 1}`);
      tokens.set(clientToken, { asked, arn });
      const dateCreated = new Date(now()).toISOString();
      images.push({ arn, pipeline: imagePipelineArn, dateCreated, status: 'PENDING', tags });
      return { clientToken, imageBuildVersionArn: arn };
    },
    ListImagePipelineImages(body) {
      const { imagePipelineArn, nextToken = '0' } = listed.parse(body);
      const own = images.filter(({ pipeline }) => pipeline === imagePipelineArn);
      const end = Number(nextToken) + pageSize;
      return {
        imageSummaryList: own
          .slice(Number(nextToken), end)
          .map(({ arn, dateCreated, status, tags }) => ({ arn, dateCreated, tags, state: { status } })),
        ...(end < own.length && { nextToken: String(end) }),
      };
    },
    GetParameter(body) {
      const { Name } = got.parse(body);
      const Value = parameters.get(Name);
      if (Value === undefined) throw new Refusal('ParameterNotFound');
      return { Parameter: { Name, Value, Type: 'String' } };
    },
    PutParameter(body) {
      const { Name, Value } = put.parse(body);
      if (parameters.has(Name)) throw new Refusal('ParameterAlreadyExists');
      parameters.set(Name, Value);
      return { Version: 1 };
    },
  };

  const server = await listenOnLoopback(async (request, response) => {
    const name = String(request.headers['x-amz-target'] ?? request.url).replace(/^AmazonSSM\.|^\//, '');
    const answer = async () => {
      const body: unknown = JSON.parse(await bodyOf(request, bodyBytesMax));
      if (broken.has(name)) throw new Refusal('AccessDeniedException');
      const call = calls[name];
      if (!call) throw new Refusal(`unknown call ${name}`);
      return call(body);
    };
    await answer().then(
      (given) =>
        void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(given)),
      (error: unknown) => {
        const code = error instanceof Refusal ? error.code : 'InvalidRequestException';
        response.writeHead(400, { 'content-type': 'application/json', 'x-amzn-errortype': code });
        response.end(JSON.stringify({ __type: code, message: String(error) }));
      },
    );
  });
  return {
    endpoint: server.endpoint,
    parameters,
    images,
    broken,
    reset() {
      for (const one of [parameters, tokens, broken]) one.clear();
      images.length = 0;
    },
    close: () => server.close(),
  };
}
