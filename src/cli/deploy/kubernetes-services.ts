/** What stands behind the gateways: the engine, and PostgreSQL where the cluster runs it. */
import type { KubernetesSettings } from './kubernetes-files.js';
import {
  claimOf,
  containerSecurity,
  fromSecret,
  metadataOf,
  podSecurity,
  portOf,
  selectorOf,
  serviceOf,
} from './kubernetes-parts.js';
import type { ServedModel } from './served-model.js';
import { VLLM_KEY, vllmArguments } from './vllm-files.js';

/** `postgres` in its Debian images. */
const POSTGRES_USER = 999;

export const engineObjects = (model: ServedModel, settings: KubernetesSettings): object[] => [
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadataOf('engine'),
    spec: {
      ...(settings.autoscaling === 'none' && { replicas: 1 }),
      selector: { matchLabels: selectorOf('engine') },
      // a second one would need a second set of GPUs
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
      template: {
        metadata: { labels: selectorOf('engine') },
        spec: {
          automountServiceAccountToken: false,
          // otherwise VLLM_PORT of the service would be read as a setting
          enableServiceLinks: false,
          terminationGracePeriodSeconds: 120,
          securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
          initContainers: [waitForModel],
          containers: [engineContainer(model, settings)],
          volumes: [
            { name: 'model', persistentVolumeClaim: { claimName: 'moat-model' } },
            { name: 'shared-memory', emptyDir: { medium: 'Memory', sizeLimit: '8Gi' } },
          ],
        },
      },
    },
  },
  serviceOf('engine', 8000),
  { apiVersion: 'v1', kind: 'PersistentVolumeClaim', ...claimOf('moat-model', '50Gi') },
];

const waitForModel = {
  name: 'wait-for-model',
  image: 'busybox:1.37',
  command: ['sh', '-c', 'until ls /model/*.safetensors && [ -f /model/config.json ]; do sleep 2; done'],
  securityContext: containerSecurity(true),
  volumeMounts: [{ name: 'model', mountPath: '/model' }],
};

const engineContainer = (model: ServedModel, { engineImage, gpus }: KubernetesSettings): object => ({
  name: 'engine',
  image: engineImage,
  command: ['vllm', 'serve'],
  args: vllmArguments(model, { folder: '/model', host: '0.0.0.0', gpus }),
  ports: [portOf('engine', 8000)],
  env: [
    fromSecret(VLLM_KEY, 'engine-key'),
    { name: 'HF_HUB_OFFLINE', value: '1' },
    { name: 'VLLM_NO_USAGE_STATS', value: '1' },
  ],
  // weights are read, and graphs compiled, before it answers
  startupProbe: { httpGet: { path: '/health', port: 'http' }, periodSeconds: 5, failureThreshold: 240 },
  livenessProbe: {
    httpGet: { path: '/health', port: 'http' },
    periodSeconds: 10,
    timeoutSeconds: 10,
    failureThreshold: 6,
  },
  readinessProbe: {
    httpGet: { path: '/health', port: 'http' },
    periodSeconds: 5,
    timeoutSeconds: 5,
    failureThreshold: 2,
  },
  lifecycle: { preStop: { exec: { command: ['sleep', '10'] } } },
  resources: { requests: { cpu: '2', memory: '16Gi' }, limits: { 'nvidia.com/gpu': String(gpus) } },
  securityContext: containerSecurity(false),
  volumeMounts: [
    { name: 'model', mountPath: '/model', readOnly: true },
    { name: 'shared-memory', mountPath: '/dev/shm' },
  ],
});

export const postgresObjects = ({ postgresImage }: KubernetesSettings): object[] => [
  {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: metadataOf('postgres'),
    spec: {
      replicas: 1,
      serviceName: 'moat-postgres',
      selector: { matchLabels: selectorOf('postgres') },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
      template: {
        metadata: { labels: selectorOf('postgres') },
        spec: {
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          terminationGracePeriodSeconds: 60,
          securityContext: podSecurity(POSTGRES_USER),
          containers: [postgresContainer(postgresImage)],
          volumes: [
            { name: 'temporary', emptyDir: {} },
            { name: 'sockets', emptyDir: {} },
          ],
        },
      },
      volumeClaimTemplates: [claimOf('data', '20Gi')],
    },
  },
  serviceOf('postgres', 5432),
];

const isReady = { exec: { command: ['pg_isready', '-U', 'moat', '-d', 'moat'] } };

const postgresContainer = (image: string): object => ({
  name: 'postgres',
  image,
  ports: [portOf('postgres', 5432)],
  env: [
    { name: 'POSTGRES_USER', value: 'moat' },
    { name: 'POSTGRES_DB', value: 'moat' },
    fromSecret('POSTGRES_PASSWORD', 'database-password'),
  ],
  startupProbe: { ...isReady, periodSeconds: 2, failureThreshold: 60 },
  livenessProbe: { ...isReady, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 },
  readinessProbe: { ...isReady, periodSeconds: 5, timeoutSeconds: 5 },
  resources: { requests: { cpu: '500m', memory: '1Gi' }, limits: { memory: '2Gi' } },
  securityContext: containerSecurity(true),
  volumeMounts: [
    // from version 18 on the data lies one folder deeper, and this is what outlives
    { name: 'data', mountPath: '/var/lib/postgresql' },
    { name: 'temporary', mountPath: '/tmp' },
    { name: 'sockets', mountPath: '/var/run/postgresql' },
  ],
});
