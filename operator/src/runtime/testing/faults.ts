import type http from 'node:http';

/** What a scripted request meets instead of, or on its way to, the storage. */
export type Fault =
  | { status: number; reason?: string; message?: string; retryAfterSeconds?: number }
  /** The connection is cut before the request is looked at, or after it was carried out and before it is answered. */
  | { reset: 'before' | 'after' }
  /** Carried out once the promise resolves. */
  | { delay: Promise<unknown> }
  /** 200 and a head, then never a byte. */
  | { silent: true }
  /** A watch that begins and at once says this. */
  | { watchError: number }
  | { answer: string };

export interface Match {
  verb?: Verb;
  /** `deployments.apps`, with `/status` for a subresource. */
  resource?: string;
  name?: string;
}
export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';

export interface RecordedRequest {
  verb: Verb;
  resource: string;
  namespace: string;
  name: string;
  query: Record<string, string>;
  contentType: string | undefined;
  userAgent: string | undefined;
  body: unknown;
  /** Undefined until answered, and when cut. */
  status?: number;
}

/** True when there is nothing more to do. */
export async function inflict(fault: Fault, response: http.ServerResponse): Promise<boolean> {
  if ('delay' in fault) {
    await fault.delay;
    return false;
  }
  if ('reset' in fault) {
    if (fault.reset === 'before') response.destroy();
    return fault.reset === 'before';
  }
  if ('silent' in fault) {
    response.writeHead(200, { 'Content-Type': 'application/json' }).flushHeaders();
  } else if ('watchError' in fault) {
    const object = statusBody(fault.watchError, fault.watchError === 410 ? 'Expired' : 'InternalError', 'scripted');
    response.writeHead(200).end(`${JSON.stringify({ type: 'ERROR', object })}\n`);
  } else if ('answer' in fault) {
    response.writeHead(200).end(fault.answer);
  } else {
    const { status, reason = 'Scripted', message = `scripted ${status}`, retryAfterSeconds } = fault;
    if (retryAfterSeconds !== undefined) response.setHeader('Retry-After', retryAfterSeconds);
    answer(response, status, statusBody(status, reason, message));
  }
  return true;
}

export function fits(match: Match, request: RecordedRequest): boolean {
  return (
    (match.verb === undefined || match.verb === request.verb) &&
    (match.resource === undefined || match.resource === request.resource) &&
    (match.name === undefined || match.name === request.name)
  );
}

export function verbOf(method: string | undefined, url: URL, name: string): Verb {
  switch (method) {
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return 'delete';
    case undefined:
    default:
      if (url.searchParams.get('watch') === 'true') return 'watch';
      return name ? 'get' : 'list';
  }
}

export function answer(response: http.ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}

export function statusBody(code: number, reason: string, message: string) {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', code, reason, message };
}
