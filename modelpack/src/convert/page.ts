/** docs/reference/keras-layers.md. Pure. */
import { LAYERS, NOT_YET, PYTHON } from './layers/index.ts';

const WAY_OUT = '`kubectl mdep convert --python python3 model.keras export/`';

type Row = readonly [name: string, word: 'exact' | 'refused' | 'not yet', what: string];

function rows(): Row[] {
  const all = [
    ...[...LAYERS].map(([name, { note }]): Row => [name, 'exact', note ?? '']),
    ...Object.entries(PYTHON).map(([name, why]): Row => [name, 'refused', `${why}; ${WAY_OUT}`]),
    ...[...NOT_YET].map((name): Row => [name, 'not yet', WAY_OUT]),
  ];
  return all.sort(([a], [b]) => (a < b ? -1 : 1));
}

export function pageOfLayers(): string {
  const all = rows();
  const count = (word: Row[1]) => all.filter((row) => row[1] === word).length;
  return `# Layers of Keras

What becomes of each layer when a model of Keras is converted, by \`push\` or by \`convert\`:

- **exact** (${count('exact')} names, those of earlier versions among them): it computes what Keras computes. An argument that would change
  that and is not understood is refused by the layer's path and the argument's name; nothing is guessed.
- **refused** (${count('refused')}): it is code, or needs code that is not in the file. So is a class that a program has made itself.
- **not yet** (${count('not yet')}): it could be converted, and is not.

A model with a layer that is not exact is refused by the path of that layer. The way out is your own Keras (\`--python\`), which runs the
code in the file: do it only with files that you trust. \`npm run keras\` compares conversions with Keras itself.

| layer | | |
| --- | --- | --- |
${all.map((row) => `| \`${row[0]}\` | ${row[1]} | ${row[2]} |`).join('\n')}
`;
}
