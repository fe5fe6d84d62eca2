export const DEFAULTS = {
  spec: {
    model: {
      format: 'auto',
    },
    server: {
      engine: 'auto',
      updatePolicy: 'OnNextRevision',
    },
    replicas: 1,
    rollout: {
      strategy: 'RollingUpdate',
      rollingUpdate: {
        maxSurge: 1,
        maxUnavailable: 0,
      },
      progressDeadlineSeconds: 300,
      onFailure: 'Rollback',
      onManualUndo: 'Adopt',
    },
    revisionHistoryLimit: 10,
  },
} as const;
