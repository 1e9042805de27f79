// The HTTP API: the doors' routes and no other, each with a throttle of its own. Whoever calls says who it is in the
// message itself, as there is nobody to log in: GitHub by its signature, a machine by its proof.

import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import {
  CfnStage,
  HttpApi,
  HttpMethod,
  HttpStage,
  LogGroupLogDestination,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import type { Function as StationFunction } from 'aws-cdk-lib/aws-lambda';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import { Validations } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { type FunctionKind, functions } from '../functions.ts';

export interface HttpApiProps {
  name: string;
  doors: ReadonlyMap<FunctionKind, StationFunction>;
  logs: ILogGroup;
}

export function createHttpApi(scope: Construct, id: string, { name, doors, logs }: HttpApiProps): HttpApi {
  const api = new HttpApi(scope, id, {
    apiName: name,
    description: 'Doors for webhooks and for machines',
    createDefaultStage: false,
  });
  const routes = [...doors].flatMap(([kind, door]) => {
    const { path, method } = routeOf(kind);
    return api.addRoutes({
      path,
      methods: [HttpMethod[method]],
      integration: new HttpLambdaIntegration(capitalised(kind), door),
    });
  });
  for (const route of routes) {
    Validations.of(route).acknowledge({
      id: 'AwsSolutions-APIG4',
      reason:
        'The function checks the signature of a webhook, and the proof of a machine: see docs/security.md.',
    });
  }
  const stage = new HttpStage(scope, `${id}Stage`, {
    httpApi: api,
    stageName: '$default',
    autoDeploy: true,
    accessLogSettings: { destination: new LogGroupLogDestination(logs), format: accessLogFormat },
  });
  const cfnStage = stage.node.defaultChild;
  if (!(cfnStage instanceof CfnStage)) throw new Error('the stage of the HTTP API is no stage');
  cfnStage.routeSettings = throttles([...doors.keys()]);
  // A throttle for a route that is not there yet is refused.
  for (const route of routes) stage.node.addDependency(route);
  return api;
}

export function routeOf(kind: FunctionKind) {
  const { trigger } = functions[kind];
  if (trigger.kind !== 'route') throw new Error(`${kind} has no route, by functions.ts`);
  return trigger;
}

/** By key of the route, as API Gateway spells it. */
function throttles(kinds: readonly FunctionKind[]): Record<string, object> {
  return Object.fromEntries(
    kinds.map((kind) => {
      const { method, path, ratePerSecond, burst } = routeOf(kind);
      return [`${method} ${path}`, { ThrottlingRateLimit: ratePerSecond, ThrottlingBurstLimit: burst }];
    }),
  );
}

/** Who called which route when and with what answer; never a body, a header, or what stands behind a `?`. */
const accessLogFormat = AccessLogFormat.custom(
  JSON.stringify({
    requestId: '$context.requestId',
    time: '$context.requestTime',
    from: '$context.identity.sourceIp',
    route: '$context.routeKey',
    status: '$context.status',
    bytes: '$context.responseLength',
    ms: '$context.responseLatency',
    error: '$context.error.message',
    integrationError: '$context.integrationErrorMessage',
  }),
);

function capitalised(kind: FunctionKind): string {
  return kind.charAt(0).toUpperCase() + kind.slice(1);
}
