/** What the files of a model tell of each of its signatures before anything of it is run. Pure. */
import type { ModelFiles } from '@modeldeployment/modelpack';
import type { Judgement } from '../model/types.ts';
import { rowsOfLayers } from './layers.ts';
import { rowIndependence } from './row-independence.ts';

export function judge({ info, graph, layers }: ModelFiles): Map<string, Judgement> {
  return new Map(
    Object.entries(info.signatures).map(([name, signature]) => [
      name,
      { effects: false, rows: graph ? rowIndependence(graph, signature) : rowsOfLayers(layers ?? []) },
    ]),
  );
}
