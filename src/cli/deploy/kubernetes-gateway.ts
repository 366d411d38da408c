import { GATEWAY_COMMAND, GATEWAY_PORT, STOP_SECONDS } from './gateway-image.js';
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
import { VLLM_KEY } from './vllm-files.js';

/** `node` in Node's images. */
const USER = 1000;

export function gatewayObjects(settings: KubernetesSettings): object[] {
  const { domain } = settings;
  return [
    statefulSet(settings),
    serviceOf('gateway', GATEWAY_PORT),
    // names for each of them, also while it is not ready
    serviceOf('gateway', GATEWAY_PORT, { clusterIP: 'None', publishNotReadyAddresses: true }, 'moat-gateways'),
    {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: metadataOf('gateway'),
      spec: { maxUnavailable: 1, selector: { matchLabels: selectorOf('gateway') } },
    },
    ...(domain === undefined ? [] : [ingress(domain)]),
  ];
}

const statefulSet = (settings: KubernetesSettings): object => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: metadataOf('gateway'),
  spec: {
    // an autoscaler sets it, and must not be set back by every apply
    ...(settings.autoscaling === 'none' && { replicas: settings.gateways }),
    serviceName: 'moat-gateways',
    podManagementPolicy: 'Parallel',
    selector: { matchLabels: selectorOf('gateway') },
    updateStrategy: { type: 'RollingUpdate' },
    persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
    template: {
      metadata: { labels: selectorOf('gateway') },
      spec: {
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        securityContext: podSecurity(USER),
        terminationGracePeriodSeconds: STOP_SECONDS + PRE_STOP_SECONDS,
        topologySpreadConstraints: [
          {
            maxSkew: 1,
            topologyKey: 'kubernetes.io/hostname',
            whenUnsatisfiable: 'ScheduleAnyway',
            labelSelector: { matchLabels: selectorOf('gateway') },
          },
        ],
        containers: [container(settings)],
        volumes: [
          { name: 'temporary', emptyDir: {} },
          { name: 'upstreams', configMap: { name: 'moat-upstreams' } },
        ],
      },
    },
    volumeClaimTemplates: [claimOf('state', '1Gi')],
  },
});

/** Until every node has heard that the pod leaves; the gateway itself serves on for longer. */
const PRE_STOP_SECONDS = 5;

const container = ({ image, hasOwnDatabase }: KubernetesSettings): object => ({
  name: 'gateway',
  image,
  args: GATEWAY_COMMAND,
  ports: [portOf('gateway', GATEWAY_PORT)],
  env: [
    ...(hasOwnDatabase
      ? [
          { name: 'DATABASE_URL', value: 'postgres://moat@moat-postgres:5432/moat' },
          fromSecret('PGPASSWORD', 'database-password'),
        ]
      : [fromSecret('DATABASE_URL', 'database-url')]),
    fromSecret('MOAT_STUDIO_TOKEN', 'studio-token'),
    fromSecret(VLLM_KEY, 'engine-key'),
  ],
  // the database may be slower to start, and a gateway without it ends
  startupProbe: { httpGet: { path: '/healthz', port: 'http' }, periodSeconds: 2, failureThreshold: 60 },
  livenessProbe: {
    httpGet: { path: '/healthz', port: 'http' },
    periodSeconds: 10,
    timeoutSeconds: 5,
    failureThreshold: 6,
  },
  readinessProbe: {
    httpGet: { path: '/readyz', port: 'http' },
    periodSeconds: 2,
    timeoutSeconds: 2,
    failureThreshold: 2,
  },
  lifecycle: { preStop: { exec: { command: ['sleep', String(PRE_STOP_SECONDS)] } } },
  resources: { requests: { cpu: '500m', memory: '512Mi' }, limits: { memory: '1Gi' } },
  securityContext: containerSecurity(true),
  volumeMounts: [
    { name: 'state', mountPath: '/project/.moat' },
    { name: 'temporary', mountPath: '/tmp' },
    { name: 'upstreams', mountPath: '/project/upstreams.json', subPath: 'upstreams.json', readOnly: true },
  ],
});

const ingress = (host: string): object => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: metadataOf('gateway'),
  spec: {
    tls: [{ hosts: [host], secretName: 'moat-tls' }],
    rules: [
      {
        host,
        http: {
          paths: [
            {
              path: '/',
              pathType: 'Prefix',
              backend: { service: { name: 'moat-gateway', port: { name: 'http' } } },
            },
          ],
        },
      },
    ],
  },
});
