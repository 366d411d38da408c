/** The same on Kubernetes: gateways, PostgreSQL or the address of one, an engine, and when there are more of them. */
import type { Project } from '../config/project.js';
import { type DeployFile, yamlFile } from './deploy-file.js';
import { imageFiles } from './gateway-image.js';
import { autoscalers } from './kubernetes-autoscaling.js';
import { gatewayObjects } from './kubernetes-gateway.js';
import { networkPolicies } from './kubernetes-network.js';
import { engineObjects, postgresObjects } from './kubernetes-services.js';
import { type ServedModel, modelFiles, tokenizerFiles } from './served-model.js';
import { VLLM_KEY, upstreamsFile } from './vllm-files.js';

export interface KubernetesSettings {
  readonly namespace: string;
  readonly gateways: number;
  readonly gpus: number;
  readonly domain: string | undefined;
  /** Of the gateway. */
  readonly image: string;
  readonly postgresImage: string;
  readonly engineImage: string;
  /** Whether PostgreSQL runs in the cluster too; else `DATABASE_URL` is in the secret. */
  readonly hasOwnDatabase: boolean;
  readonly autoscaling: 'keda' | 'hpa' | 'none';
  /** Where Prometheus is asked. */
  readonly prometheus: string;
}

export function kubernetesFiles(project: Project, model: ServedModel, settings: KubernetesSettings): DeployFile[] {
  const { namespace, hasOwnDatabase } = settings;
  const manifests = [
    yamlFile('namespace.yaml', [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }]),
    yamlFile('gateway.yaml', gatewayObjects(settings)),
    yamlFile('engine.yaml', engineObjects(model, settings)),
    ...(hasOwnDatabase ? [yamlFile('postgres.yaml', postgresObjects(settings))] : []),
    yamlFile('network-policy.yaml', networkPolicies(settings)),
    ...(settings.autoscaling === 'none' ? [] : [yamlFile('autoscaling.yaml', autoscalers(settings))]),
  ];
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    namespace,
    resources: manifests.map(({ name }) => name),
    // its name holds its hash: a changed file is a rolling restart
    configMapGenerator: [{ name: 'moat-upstreams', files: ['upstreams.json'] }],
  };
  return [
    ...manifests,
    yamlFile('kustomization.yaml', [kustomization], HEADING),
    ...imageFiles(project, ['tokenizer']),
    upstreamsFile(model, 'tokenizer', {
      engine: 'vllm',
      url: 'http://moat-engine:8000',
      allowPrivate: true,
      apiKeyEnvironment: VLLM_KEY,
    }),
    ...tokenizerFiles(model),
    ...modelFiles(model),
    { name: 'README.md', content: readme(model.name, settings) },
  ];
}

const HEADING = `# Written by moat deploy k8s. Secrets are made with kubectl (README.md); none is in these files.\n`;

const readme = (
  name: string,
  { namespace, image, hasOwnDatabase, autoscaling }: KubernetesSettings,
): string => `# ${name}, on Kubernetes

    docker build --tag ${image} . && docker push ${image}
    kubectl apply -f namespace.yaml
    kubectl --namespace ${namespace} create secret generic moat-secrets \\
      --from-literal=studio-token="$(openssl rand -hex 32)" \\
      --from-literal=engine-key="$(openssl rand -hex 32)" \\
      ${hasOwnDatabase ? '--from-literal=database-password="$(openssl rand -hex 32)"' : '--from-literal=database-url="postgres://USER:PASSWORD@HOST:5432/DATABASE"'}
    kubectl apply -k .
    # the model, once: the engine waits for it
    kubectl --namespace ${namespace} wait --for=condition=PodScheduled pod -l app.kubernetes.io/component=engine
    kubectl --namespace ${namespace} cp model/. $(kubectl -n ${namespace} get pod -l app.kubernetes.io/component=engine -o name | head -1 | cut -d/ -f2):/model -c wait-for-model
    kubectl --namespace ${namespace} exec moat-gateway-0 -- node /app/node_modules/moatlm/bin/moat.js upstreams check
    kubectl --namespace ${namespace} exec moat-gateway-0 -- node /app/node_modules/moatlm/bin/moat.js keys create "Acme" --credit 25.00

Gateways are a StatefulSet, because each keeps on its volume what a lost database has not taken yet. They bring the tables up to
date at their start, one at a time; there is no job to run before. \`kubectl --namespace ${namespace} rollout restart statefulset moat-gateway\`
loses no request: a gateway that leaves says no at /readyz first, answers what still comes, and ends what it began.
${
  autoscaling === 'none'
    ? ''
    : `
autoscaling.yaml reads moat_requests_in_flight from Prometheus. Its scrape needs the studio's token: see docs/DEPLOY.md.
`
}`;
