export interface Answer {
  /** 200 when absent. */
  status?: number;
  type: string;
  body: string | Buffer;
  headers?: Readonly<Record<string, string | number | string[]>>;
}

export const json = (body: string | Buffer): Answer => ({ type: 'application/json', body });
