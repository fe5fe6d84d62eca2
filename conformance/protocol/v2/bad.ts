/** Requests that are wrong: each must be refused with an error that a person can read, and leave the server as it was. */
import { CLIENT_ERROR, group, refused, type Case } from '../case.ts';
import { tensors, type InputTensor, type Subject } from '../subject.ts';
import { changed, infer, sound } from './build.ts';

const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);

function json(subject: Subject): Case[] {
  const { model } = subject;
  const text = JSON.stringify({ inputs: tensors(subject) });
  const bodies: [string, string | Buffer][] = [
    ['an empty body', ''],
    ['blanks', '  \n'],
    ['no JSON', 'hello'],
    ['an open object', '{'],
    ['a list', '[]'],
    ['a text', '"inputs"'],
    ['a number', '1'],
    ['null', 'null'],
    ['an object with nothing in it', '{}'],
    ['half a request', text.slice(0, text.length / 2)],
    ['a request without its last brace', text.slice(0, -1)],
    ['a brace too many', `${text}}`],
    ['two requests', text + text],
    ['a comma behind the last member', text.replace(/\}$/, ',}')],
    ['a comma behind the last item', text.replace(/\]\}$/, ',]}')],
    ['single quotes', text.replaceAll('"', "'")],
    ['keys without quotes', text.replace('"inputs"', 'inputs')],
    ['a comment', text.replace('{', '{/* hello */')],
    ['no colon', text.replace('"inputs":', '"inputs"')],
    ['a text without its end', text.replace(/"\}\]\}$|\]\}\]\}$/, '"')],
    ['a line break in a text', text.replace('{', '{"id":"a\nb",')],
    ['a NUL in a text', text.replace('{', '{"id":"a\0b",')],
    ['a wrong escape', text.replace('{', '{"id":"\\q",')],
    ['half an escape', text.replace('{', '{"id":"\\u12",')],
    [
      'bytes that are no UTF-8',
      Buffer.concat([Buffer.from('{"id":"'), Buffer.from([0xff, 0xfe]), Buffer.from(`",${text.slice(1)}`)]),
    ],
    ['UTF-16', Buffer.from(text, 'utf16le')],
    ['zeros', Buffer.alloc(1000)],
    ['lists 120 levels deep', deep(120)],
    ['lists a million levels deep', '['.repeat(1_000_000)],
    ['objects 100,000 levels deep', '{"a":'.repeat(100_000)],
    [
      'data 1000 levels deep',
      JSON.stringify({ inputs: [{ ...tensors(subject)[0], data: '@' }] }).replace('"@"', deep(1000)),
    ],
    ['a member 100,000 levels deep', text.replace('{', `{"x":${deep(100_000)},`)],
  ];
  return group(
    'bad JSON',
    'robust',
    bodies.map(([title, body]) => ({ title, request: infer(model, body), expect: refused() })),
  );
}

function inputs(subject: Subject): Case[] {
  const { model } = subject;
  const [first, ...others] = tensors(subject);
  const without = (key: keyof InputTensor) => {
    const { [key]: _, ...rest } = first as InputTensor;
    return infer(model, { inputs: [rest, ...others] });
  };
  const listed = (list: unknown) => infer(model, { inputs: list });
  return group('bad inputs', 'robust', [
    ...(
      [
        ['null', null],
        ['an object', {}],
        ['a text', 'x'],
        ['a number', 1],
        ['an empty list', []],
        ['a list of null', [null]],
        ['a list of numbers', [1]],
        ['a list of texts', ['x']],
        ['a list of lists', [[1]]],
      ] as const
    ).map(([what, list]) => ({ title: `inputs are ${what}`, request: listed(list), expect: refused() })),
    ...(['name', 'shape', 'datatype', 'data'] as const).map((key) => ({
      title: `an input without ${key}`,
      request: without(key),
      expect: refused(),
    })),
    ...(
      [
        ['a number', 1],
        ['null', null],
        ['unknown', 'no-such-input'],
        ['empty', ''],
      ] as const
    ).map(([what, name]) => ({
      title: `a name that is ${what}`,
      request: changed(subject, { name }),
      expect: refused(),
    })),
    { title: 'an input twice', request: listed([first, first, ...others]), expect: refused() },
    {
      title: 'an input too many',
      request: listed([first, ...others, { ...first, name: 'no-such-input' }]),
      expect: refused(),
    },
    ...[
      'FP31',
      'fp32',
      '',
      'STRING',
      'DT_FLOAT',
      first?.datatype === 'FP64' ? 'FP32' : 'FP64',
      first?.datatype === 'BYTES' ? 'BOOL' : 'BYTES',
    ].map((datatype) => ({
      title: `datatype "${datatype}"`,
      request: changed(subject, { datatype }),
      expect: refused(),
    })),
    ...(
      [
        ['a number', 32],
        ['null', null],
        ['a list', ['FP32']],
      ] as const
    ).map(([what, datatype]) => ({
      title: `a datatype that is ${what}`,
      request: changed(subject, { datatype }),
      expect: refused(),
    })),
  ]);
}

function shapes(subject: Subject): Case[] {
  const [first] = tensors(subject);
  const shape = first?.shape ?? [];
  const wrong: [string, unknown][] = [
    ['empty', []],
    ['negative', shape.map(() => -1)],
    ['zero', shape.map(() => 0)],
    ['a fraction', shape.map(() => 1.5)],
    ['texts', shape.map(String)],
    ['of one dimension more', [1, ...shape]],
    ['of 300 dimensions', Array.from({ length: 300 }, () => 1)],
    ['null', null],
    ['a text', '[1]'],
    ['a number', 1],
    ['an object', { 0: 1 }],
    ['of null', [null]],
    ['of lists', [shape]],
    ['of true', shape.map(() => true)],
    ['of too many rows', [1000, ...shape.slice(1)]],
    ['2^31', [2 ** 31, ...shape.slice(1)]],
    ['2^53', [2 ** 53, ...shape.slice(1)]],
    ['1e300', [1e300, ...shape.slice(1)]],
    ['of a product that wraps to the right one', [2 ** 32 + 1, 2 ** 32, ...shape.slice(2)]],
    ['NaN as text', ['NaN', ...shape.slice(1)]],
  ];
  return group(
    'bad shape',
    'robust',
    wrong.map(([title, value]) => ({ title, request: changed(subject, { shape: value }), expect: refused() })),
  );
}

function data(subject: Subject): Case[] {
  const [first] = tensors(subject, 2);
  const elements = first?.data ?? [];
  const shape = first?.shape ?? [];
  const wrong: [string, unknown][] = [
    ['an element too few', elements.slice(1)],
    ['an element too many', [...elements, elements[0]]],
    ['empty', []],
    ['null', null],
    ['a text', 'abc'],
    ['a number', 1],
    ['an object', { 0: 1 }],
    ['true', true],
    ['of null', elements.map(() => null)],
    ['of objects', elements.map(() => ({}))],
    ['of mixed kinds', elements.map((value, i) => (i === 0 ? {} : value))],
    ['nested unevenly', [elements, elements.slice(1)]],
    ['nested too deep', elements.map((value) => [[[[value]]]])],
    ['with an empty list in it', [[], ...elements]],
    ['two million elements', Array.from({ length: 2_000_000 }, () => 0)],
  ];
  return group(
    'bad data',
    'robust',
    wrong.map(([title, value]) => ({ title, request: changed(subject, { shape, data: value }), expect: refused() })),
  );
}

function rest(subject: Subject): Case[] {
  const name = subject.outputs[0]?.name;
  return group('bad request', 'robust', [
    { title: 'id is a number', request: sound(subject, { id: 1 }), expect: refused() },
    { title: 'id is an object', request: sound(subject, { id: {} }), expect: refused() },
    {
      title: 'id of a megabyte',
      request: sound(subject, { id: 'x'.repeat(1_000_000) }),
      expect: { status: [200, ...CLIENT_ERROR] },
    },
    {
      title: 'id with control characters is no header',
      request: sound(subject, { id: 'a\r\nX-Injected: yes' }),
      expect: { status: [200, ...CLIENT_ERROR], headers: { 'x-injected': /^$/ } },
    },
    ...(
      [
        ['an object', {}],
        ['a text', name],
        ['a list of numbers', [1]],
        ['a list of texts', [name]],
        ['without a name', [{}]],
        ['unknown', [{ name: 'no-such-output' }]],
        ['named by a number', [{ name: 1 }]],
      ] as const
    ).map(([what, outputs]) => ({
      title: `outputs are ${what}`,
      request: sound(subject, { outputs }),
      expect: refused(),
    })),
    ...(
      [
        ['a list', []],
        ['a text', 'x'],
        ['a number', 1],
      ] as const
    ).map(([what, parameters]) => ({
      title: `parameters are ${what}`,
      request: sound(subject, { parameters }),
      expect: refused(),
    })),
    {
      title: 'a parameter is an object',
      request: sound(subject, { parameters: { a: {} } }),
      expect: { status: [200, ...CLIENT_ERROR] },
    },
    { title: 'parameters of an input are a list', request: changed(subject, { parameters: [] }), expect: refused() },
    {
      title: '__proto__ as a parameter',
      request: infer(
        subject.model,
        JSON.stringify({ inputs: tensors(subject) }).replace(
          '{',
          '{"parameters":{"__proto__":{"x":1},"constructor":{}},',
        ),
      ),
      expect: { status: [200, ...CLIENT_ERROR] },
    },
    {
      title: 'a timeout that is negative',
      request: sound(subject, { parameters: { timeout: -1 } }),
      expect: { status: [200, ...CLIENT_ERROR] },
    },
    {
      title: 'a timeout of one microsecond',
      request: sound(subject, { parameters: { timeout: 1 } }),
      expect: { status: [200, 408, 503, 504, ...CLIENT_ERROR] },
    },
  ]);
}

export const bad = (subject: Subject): Case[] => [
  ...json(subject),
  ...inputs(subject),
  ...shapes(subject),
  ...data(subject),
  ...rest(subject),
];
