// X-Ray's OTLP endpoint takes spans only where Transaction Search is on: a setting of the account and region, which
// moves the traces of everything that is there from X-Ray to CloudWatch Logs. So it is told, and left to the account's
// owner. [CloudWatch: Transaction Search; X-Ray: GetTraceSegmentDestination]

import { GetTraceSegmentDestinationCommand, type XRayClient } from '@aws-sdk/client-xray';
import type { AwsSettings } from '../../../../config/aws.ts';
import type { Problem } from '../../../../config/problem.ts';
import { readable } from '../../../../core/reason.ts';

export interface TracesSeen {
  problems: readonly Problem[];
  warnings: readonly string[];
}

const nothing: TracesSeen = { problems: [], warnings: [] };

export async function checkTraces(
  xray: XRayClient,
  { tracing }: Pick<AwsSettings, 'tracing'>,
  region: string,
): Promise<TracesSeen> {
  if (tracing?.to !== 'xray') return nothing;
  try {
    const { Destination, Status } = await xray.send(new GetTraceSegmentDestinationCommand({}));
    if (Destination !== 'CloudWatchLogs') return { ...nothing, problems: [isOff(region)] };
    return Status === 'ACTIVE' ? nothing : { ...nothing, warnings: [isComing(region)] };
  } catch (error) {
    return { ...nothing, warnings: [isUnknown(region, error)] };
  }
}

function isOff(region: string): Problem {
  return {
    place: 'aws.tracing.to',
    what: `'xray' is asked for, and Transaction Search is off in region ${region}: X-Ray would refuse every span`,
    allowed: 'X-Ray where Transaction Search is on, or the address of a collector',
    remedy:
      'turn it on for the account and region: CloudWatch, Settings, X-Ray traces, Transaction Search; or allow X-Ray to write to ' +
      `the log groups aws/spans and /aws/application-signals/data and run \`aws xray update-trace-segment-destination --destination CloudWatchLogs --region ${region}\`. ` +
      'It moves all traces of the account there. Or leave aws.tracing out',
  };
}

function isComing(region: string): string {
  return `Transaction Search is being turned on in region ${region}, which takes some minutes: spans until then are sent again later.`;
}

function isUnknown(region: string, error: unknown): string {
  const why = error instanceof Error ? readable(`${error.name}: ${error.message}`) : String(error);
  return (
    `Whether X-Ray's Transaction Search is on in region ${region} can not be seen (${why}). If it is off, every span is refused. ` +
    'Allow xray:GetTraceSegmentDestination to have it checked.'
  );
}
