/** Loads and unloads models because a client says so, where the server was started for that. */
export interface ModelControl {
  /** Resolves when the versions that the policy chooses serve. Rejects with RequestError 400; then all is as it was. */
  load(model: string): Promise<void>;
  /** Resolves when no new request meets the model. Rejects with RequestError 400. */
  unload(model: string): Promise<void>;
  /** What lies in the repository, loaded or not. */
  repository(): Promise<readonly { name: string; version: string }[]>;
}
