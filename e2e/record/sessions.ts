import { NAME, type Recorder } from './recorder.ts';

/** One session for each strategy: what a person types, in this order, while requests come. */
export interface Session {
  /** Of the page in docs/strategies, and of its pictures. */
  page: string;
  title: string;
  spec: object;
  play: (recorder: Recorder) => Promise<void>;
}

const RESOURCES = { resources: { requests: { cpu: '100m', memory: '400Mi' }, limits: { cpu: '1', memory: '2Gi' } } };
const at = (weight: number) => (status: { trial?: { weight: number } }) => status.trial?.weight === weight;
const paused = (status: { trial?: { paused?: boolean } }) => status.trial?.paused === true;

const CANARY = {
  replicas: 3,
  server: RESOURCES,
  rollout: {
    strategy: 'Canary',
    canary: { steps: [{ weight: 10, seconds: 15 }, { weight: 50, seconds: 15 }, { weight: 100 }] },
    analysis: { minRequests: 100 },
  },
};

async function canary(recorder: Recorder): Promise<void> {
  const { mdep } = recorder;
  await recorder.edit('2', CANARY);
  recorder.mark('apply');
  await recorder.run(`kubectl apply -f ${NAME}.yaml`);
  await mdep.until(NAME, 'to be at 10 %', at(10));
  recorder.mark('10 %');
  await recorder.rest(8);
  recorder.say('one pod of version 2 answers every tenth request');
  await recorder.run(`kubectl get mdep ${NAME}`);
  await mdep.until(NAME, 'to be at 50 %', at(50));
  recorder.mark('50 %');
  await recorder.rest(8);
  recorder.say('15 s and 100 requests later, without any error: half of them, by two pods');
  await recorder.run(`kubectl mdep get ${NAME}`);
  await mdep.until(NAME, 'to wait at 100 %', paused);
  recorder.mark('100 %');
  recorder.say('all of them, and the old pods are still there: this step waits for a person');
  await recorder.rest(8);
  recorder.mark('resume');
  await recorder.run(`kubectl mdep resume ${NAME}`);
  await recorder.run(`kubectl wait mdep/${NAME} --for=condition=Ready --timeout=2m`);
  recorder.mark('taken over');
  recorder.say('the pods that were on trial serve on; nothing was started twice');
  await recorder.run(`kubectl mdep get ${NAME}`);
  await recorder.run(`kubectl mdep history ${NAME}`);
}

const BLUE_GREEN = {
  replicas: 2,
  server: RESOURCES,
  rollout: {
    strategy: 'BlueGreen',
    blueGreen: { switch: 'Manual', keepSeconds: 20 },
    analysis: { minRequests: 50 },
  },
};

async function blueGreen(recorder: Recorder): Promise<void> {
  const { mdep } = recorder;
  await recorder.edit('2', BLUE_GREEN);
  recorder.mark('apply');
  await recorder.run(`kubectl apply -f ${NAME}.yaml`);
  await mdep.until(NAME, 'to wait', paused);
  recorder.say('both are up, version 1 answers; Service digits-canary is a preview of version 2');
  await recorder.run(`kubectl get deployment,service -l app.kubernetes.io/instance=${NAME}`);
  await recorder.rest(4);
  recorder.mark('resume: the switch');
  await recorder.run(`kubectl mdep resume ${NAME}`);
  await mdep.untilTrial(NAME, 'Switched');
  await recorder.rest(5);
  recorder.say('version 2 answers everything, the pods of version 1 are kept for 20 s');
  await recorder.run(`kubectl mdep get ${NAME}`);
  recorder.mark('abort');
  recorder.say('something is wrong with it? back, at once: only the traffic moves');
  await recorder.run(`kubectl mdep abort ${NAME} --wait`);
  await mdep.until(NAME, 'to be back', ({ phase, trial }) => phase === 'RolledBack' && trial === undefined);
  await recorder.run(`kubectl get mdep ${NAME}`);
  await recorder.rest(6);
  recorder.say('a second try');
  recorder.mark('retry');
  await recorder.run(`kubectl mdep retry ${NAME}`);
  await mdep.until(NAME, 'to wait', paused);
  recorder.mark('resume');
  await recorder.run(`kubectl mdep resume ${NAME}`);
  await recorder.run(`kubectl wait mdep/${NAME} --for=condition=Ready --timeout=2m`);
  recorder.mark('old pods gone');
  await recorder.run(`kubectl get mdep ${NAME}`);
}

const SHADOW = {
  replicas: 2,
  server: RESOURCES,
  rollout: {
    strategy: 'Shadow',
    shadow: { percent: 50, seconds: 15, tolerance: 0.01 },
    analysis: { minRequests: 100 },
  },
};

async function shadow(recorder: Recorder): Promise<void> {
  const { mdep } = recorder;
  await recorder.edit('2', SHADOW);
  recorder.mark('apply');
  await recorder.run(`kubectl apply -f ${NAME}.yaml`);
  await mdep.untilTrial(NAME, 'Running');
  recorder.mark('copies begin');
  await mdep.until(NAME, 'to wait', paused);
  recorder.mark('waits for a person');
  await recorder.rest(4);
  recorder.say('version 2 has got a copy of every other request for 15 s, and answered nobody');
  await recorder.run(`kubectl mdep get ${NAME}`);
  recorder.say('the differences are what the new training was for: take it');
  recorder.mark('promote');
  await recorder.run(`kubectl mdep promote ${NAME}`);
  await recorder.run(`kubectl wait mdep/${NAME} --for=condition=Ready --timeout=2m`);
  recorder.mark('taken over');
  await recorder.run(`kubectl get mdep ${NAME}`);
}

const ROLLING = { replicas: 3, server: RESOURCES };

async function rolling(recorder: Recorder): Promise<void> {
  const { mdep } = recorder;
  await recorder.edit('2', ROLLING);
  recorder.mark('apply');
  await recorder.run(`kubectl apply -f ${NAME}.yaml`);
  await mdep.until(NAME, 'to be on its way', ({ phase }) => phase === 'Progressing');
  await recorder.run(`kubectl rollout status deployment/${NAME}`);
  await mdep.untilReady(NAME, 2);
  recorder.mark('rolled out');
  await recorder.run(`kubectl get mdep ${NAME}`);
  await recorder.rest(6);
  recorder.say('the command everybody knows goes back');
  recorder.mark('undo');
  await recorder.run(`kubectl rollout undo deployment/${NAME}`);
  await mdep.untilReady(NAME, 1);
  recorder.mark('version 1 serves');
  await recorder.run(`kubectl mdep get ${NAME}`);
}

export const SESSIONS: readonly Session[] = [
  { page: 'canary', title: 'Canary: 10 %, 50 %, all', spec: CANARY, play: canary },
  { page: 'blue-green', title: 'BlueGreen: switch, return, switch again', spec: BLUE_GREEN, play: blueGreen },
  { page: 'shadow', title: 'Shadow: compared, then promoted', spec: SHADOW, play: shadow },
  { page: 'rolling-update', title: 'RollingUpdate, and an undo', spec: ROLLING, play: rolling },
];
