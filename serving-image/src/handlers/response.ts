export interface ApiResponse {
  /** 200 when absent. */
  status?: number;
  type: string;
  body: string | Buffer;
  headers?: Readonly<Record<string, string | number | string[]>>;
}

export const json = (body: string | Buffer): ApiResponse => ({ type: 'application/json', body });
