/** How many gateways and engines there are: by requests that are under way or wait, which is where a queue shows first. */
import type { KubernetesSettings } from './kubernetes-files.js';
import { type Component, metadataOf } from './kubernetes-parts.js';

interface Scaled {
  readonly component: Component;
  readonly kind: 'StatefulSet' | 'Deployment';
  readonly least: number;
  readonly most: number;
  /** Requests under way that one of them is meant to have. */
  readonly each: number;
  /** Seconds of less load before there are fewer: a GPU takes minutes to come back. */
  readonly patience: number;
}

/** A gauge of `/metrics` (docs/OBSERVABILITY.md), summed over all gateways. */
const METRIC = 'moat_requests_in_flight';

/** As KEDA's objects, which ask Prometheus themselves, or as HorizontalPodAutoscalers, which need an adapter for external metrics. */
export function autoscalers(settings: KubernetesSettings): object[] {
  const scaled: Scaled[] = [
    {
      component: 'gateway',
      kind: 'StatefulSet',
      least: settings.gateways,
      most: 4 * settings.gateways,
      each: 200,
      patience: 300,
    },
    { component: 'engine', kind: 'Deployment', least: 1, most: 8, each: 64, patience: 900 },
  ];
  return scaled.map((one) =>
    settings.autoscaling === 'keda' ? scaledObject(one, settings) : autoscaler(one, settings),
  );
}

const targetOf = ({ component, kind }: Scaled) => ({ apiVersion: 'apps/v1', kind, name: `moat-${component}` });
const behaviourOf = ({ patience }: Scaled) => ({
  scaleUp: { stabilizationWindowSeconds: 0, policies: [{ type: 'Percent', value: 100, periodSeconds: 30 }] },
  scaleDown: { stabilizationWindowSeconds: patience, policies: [{ type: 'Pods', value: 1, periodSeconds: 120 }] },
});

const scaledObject = (one: Scaled, { namespace, prometheus }: KubernetesSettings): object => ({
  apiVersion: 'keda.sh/v1alpha1',
  kind: 'ScaledObject',
  metadata: metadataOf(one.component),
  spec: {
    scaleTargetRef: targetOf(one),
    pollingInterval: 10,
    cooldownPeriod: one.patience,
    minReplicaCount: one.least,
    maxReplicaCount: one.most,
    // without figures: as many as there are, and never fewer than at the start
    fallback: { failureThreshold: 3, replicas: one.least },
    advanced: { horizontalPodAutoscalerConfig: { behavior: behaviourOf(one) } },
    triggers: [
      {
        type: 'prometheus',
        metricType: 'AverageValue',
        metadata: {
          serverAddress: prometheus,
          query: `sum(${METRIC}{namespace="${namespace}"})`,
          threshold: String(one.each),
          ignoreNullValues: 'false',
        },
      },
    ],
  },
});

const autoscaler = (one: Scaled, { namespace }: KubernetesSettings): object => ({
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: metadataOf(one.component),
  spec: {
    scaleTargetRef: targetOf(one),
    minReplicas: one.least,
    maxReplicas: one.most,
    behavior: behaviourOf(one),
    metrics: [
      {
        type: 'External',
        external: {
          metric: { name: METRIC, selector: { matchLabels: { namespace } } },
          target: { type: 'AverageValue', averageValue: String(one.each) },
        },
      },
    ],
  },
});
