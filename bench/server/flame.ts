/** Flame graphs: what called what, as wide as the time spent in it. As SVG that reads on light and on dark pages. Pure. */
import { escape } from './plot.ts';

/** What `node --cpu-prof` writes. */
export interface Profile {
  nodes: { id: number; callFrame: CallFrame; children?: number[] }[];
  samples: number[];
  timeDeltas: number[];
}

interface CallFrame {
  functionName: string;
  url: string;
}

export interface Frame {
  name: string;
  /** Microseconds, those of the frames it calls included. */
  time: number;
  calls: Frame[];
}

const WIDTH = 1200;
const STEP = 18;
const TOP = 40;
/** Narrower frames are left out, in pixels. */
const NARROWEST = 1;
const COLOUR = { node: '#8a94a6', native: '#c98b3f', own: '#1f9d76' } as const;

export const nameOf = ({ functionName, url }: CallFrame): string => {
  const file = url.slice(url.lastIndexOf('/') + 1).replace(/^node:/, '');
  return `${functionName || '(anonymous)'}${file === '' ? '' : ` ${file}`}`;
};

/** Microseconds that each node of a profile was seen at the top of the stack. */
export function timesOf({ samples, timeDeltas }: Profile): ReadonlyMap<number, number> {
  const times = new Map<number, number>();
  samples.forEach((id, i) => times.set(id, (times.get(id) ?? 0) + Math.max(0, timeDeltas[i] ?? 0)));
  return times;
}

/** The busy time of a profile. @throws Error for one without nodes */
export function framesOf(profile: Profile): Frame {
  const times = timesOf(profile);
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  const frame = (id: number): Frame => {
    const { callFrame, children = [] } = byId.get(id)!;
    const calls = merge(children.map(frame)).filter(({ name }) => name !== '(idle)');
    const time = (times.get(id) ?? 0) + calls.reduce((sum, call) => sum + call.time, 0);
    return { name: nameOf(callFrame), time, calls };
  };
  const [root] = profile.nodes;
  if (!root) throw new Error('the profile is empty');
  return frame(root.id);
}

/** Frames of one name become one; the widest comes first. */
function merge(frames: readonly Frame[]): Frame[] {
  const byName = new Map<string, Frame>();
  for (const { name, time, calls } of frames) {
    const known = byName.get(name);
    byName.set(name, { name, time: time + (known?.time ?? 0), calls: merge([...(known?.calls ?? []), ...calls]) });
  }
  return [...byName.values()].sort((a, b) => b.time - a.time);
}

export function flame(title: string, root: Frame): string {
  const scale = WIDTH / root.time;
  const parts: string[] = [];
  let deepest = 0;
  const draw = ({ name, time, calls }: Frame, x: number, depth: number): void => {
    const width = time * scale;
    if (width < NARROWEST) return;
    deepest = Math.max(deepest, depth);
    const y = TOP + depth * STEP;
    const share = `${((100 * time) / root.time).toFixed(1)} %`;
    const shown = name.slice(0, Math.floor((width - 6) / 6.5));
    parts.push(
      `<g><title>${escape(name)}: ${share}</title><rect x="${x.toFixed(1)}" y="${y}" width="${Math.max(1, width - 0.5).toFixed(1)}" height="${STEP - 1}" fill="${colourOf(name)}"/>`,
      shown.length > 3
        ? `<text x="${(x + 3).toFixed(1)}" y="${y + 13}" fill="#fff">${escape(shown)}</text></g>`
        : '</g>',
    );
    let left = x;
    for (const call of calls) {
      draw(call, left, depth + 1);
      left += call.time * scale;
    }
  };
  draw(root, 0, 0);
  const height = TOP + (deepest + 1) * STEP + 4;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="11">`,
    `<text x="4" y="24" font-size="15" font-weight="bold" fill="#7b8494">${escape(title)}</text>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}

/** Our own code, node's, and what V8 sees no function in: the kernel, and code that was compiled from C++. */
function colourOf(name: string): string {
  if (name.startsWith('(')) return COLOUR.native;
  return name.endsWith('.mjs') ? COLOUR.own : COLOUR.node;
}
