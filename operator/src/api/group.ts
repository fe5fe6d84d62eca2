export const GROUP = 'modelserving.dev';
export const VERSION = 'v1alpha1';
export const KIND = 'ModelDeployment';
export const PLURAL = 'modeldeployments';
