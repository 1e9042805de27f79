/** As the standard has it: an endpoint is a base, to which the signal's path is added. [OpenTelemetry: OTLP exporter] */
export function tracesUrl(endpoint: string): string {
  const url = new URL(endpoint);
  if (url.pathname.endsWith('/v1/traces')) return url.href;
  url.pathname = `${url.pathname.replace(/\/$/, '')}/v1/traces`;
  return url.href;
}
