import type { Command } from 'commander';
import { exampleOf, type Metadata, readRequest } from '../decide/request.ts';
import { StateError, UsageError } from '../errors.ts';
import { readInput } from '../input.ts';
import { type Session, withSession } from '../kube/session.ts';
import { type Format, outputOption } from '../output.ts';
import { readTerminal } from '../terminal.ts';
import { drawAnswer, readAnswer } from '../view/answer.ts';
import { accessOf, readName } from './access.ts';

interface Options {
  filename?: string;
  example?: true;
  header: string[];
  modelVersion?: string;
  output: Format;
}

/** Name of the port of the model's Service. */
const PORT = 'http';

export function addPredict(program: Command, signal: AbortSignal): void {
  program
    .command('predict')
    .description('send a request to the model, through the API server with your rights')
    .argument('<name>', 'the ModelDeployment', readName)
    .option('-f, --filename <file>', 'JSON of Open Inference v2 or TensorFlow Serving v1, - for stdin')
    .option('--example', 'print a request to start from instead')
    .option('-H, --header <header>', "send this header too, as 'name: value'; can be repeated", collect, [])
    .option('--model-version <version>', 'ask this version')
    .addOption(outputOption('json'))
    .addHelpText(
      'after',
      '\nExamples:\n  kubectl mdep predict digits --example > input.json\n  kubectl mdep predict digits -f input.json',
    )
    .action((name: string, options: Options, command: Command) => {
      if (options.example !== true && options.filename === undefined) {
        throw new UsageError(
          `-f is missing; kubectl mdep predict ${name} --example > input.json makes a request to start from`,
        );
      }
      return withSession(accessOf(command), (session) =>
        options.example === true ? example(session, name, signal) : predict(session, name, options, signal),
      );
    });
}

const collect = (value: string, before: string[]): string[] => [...before, value];

async function example(session: Session, name: string, signal: AbortSignal): Promise<void> {
  const answer = await ask(session, name, 'GET', `/v2/models/${name}`, { signal });
  console.log(JSON.stringify(exampleOf(JSON.parse(answer) as Metadata)));
}

async function predict(session: Session, name: string, options: Options, signal: AbortSignal): Promise<void> {
  const { filename = '-', header, modelVersion, output } = options;
  const { path, body } = readRequest(await readInput(filename), name, modelVersion);
  const headers = { 'content-type': 'application/json', ...readHeaders(header) };
  const started = performance.now();
  const answer = await ask(session, name, 'POST', path, { headers, body, signal });
  const ms = performance.now() - started;
  const read = output === 'json' ? undefined : readAnswer(answer);
  // What is not known by its form is shown as it came.
  if (read === undefined) return console.log(answer.trimEnd());
  const { width, style } = readTerminal(process.stdout, process.env);
  const who = read.version === undefined ? name : `${name} version ${read.version}`;
  console.log(`${who} answered in ${ms.toFixed(0)} ms, the way through the API server included`);
  console.log(drawAnswer(read.outputs, { width, style, now: 0 }).join('\n'));
}

function readHeaders(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    lines.map((line) => {
      const [, name, value] = /^([^:\s]+)\s*:\s*(.*)$/.exec(line) ?? [];
      if (name === undefined || value === undefined)
        throw new UsageError(`${line} is no header; write it as 'name: value'`);
      return [name.toLowerCase(), value] as const;
    }),
  );
}

/** Asks the model through the Service proxy of the API server; a StateError says who refused and why. */
async function ask(
  { proxy, namespace }: Session,
  name: string,
  method: 'GET' | 'POST',
  path: string,
  options: { headers?: Record<string, string>; body?: string; signal: AbortSignal },
): Promise<string> {
  const service = `/api/v1/namespaces/${namespace}/services/${name}:${PORT}/proxy`;
  const { status, body } = await proxy.request(method, service + path, options);
  if (status >= 200 && status < 300) return body;
  throw new StateError(refusal(status, body, name, namespace));
}

function refusal(status: number, text: string, name: string, namespace: string): string {
  const body = parse(text);
  // The API server speaks in objects of kind Status, the model in {"error": …}.
  if (body.kind !== 'Status') {
    return `the model answers ${status}: ${typeof body.error === 'string' ? body.error : text.trim().slice(0, 500)}`;
  }
  const message = typeof body.message === 'string' ? body.message : text;
  switch (status) {
    case 403:
      return `${message}\nWithout that right: kubectl -n ${namespace} port-forward service/${name} 8000:80, and curl http://127.0.0.1:8000/v2/models/${name}/infer`;
    case 404:
      return `${message}; kubectl mdep get lists the ModelDeployments there are`;
    case 503:
      return `no pod of ${name} answers (${message}); kubectl mdep get ${name} shows why`;
    default:
      return message;
  }
}

function parse(text: string): { kind?: unknown; message?: unknown; error?: unknown } {
  try {
    return JSON.parse(text) as object;
  } catch {
    return {};
  }
}
