/** What the manifests have in common. */
export type Component = 'gateway' | 'engine' | 'postgres';

/** The labels by which a component's pods are found. */
export const selectorOf = (component: Component) => ({
  'app.kubernetes.io/name': 'moat',
  'app.kubernetes.io/component': component,
});

export const metadataOf = (component: Component, name = `moat-${component}`) => ({
  name,
  labels: selectorOf(component),
});

/** A variable whose value is in the secret that the owner makes. */
export const fromSecret = (name: string, key: string) => ({
  name,
  valueFrom: { secretKeyRef: { name: 'moat-secrets', key } },
});

/** Of a pod: as Kubernetes' "restricted" profile asks for. @param user of the image */
export const podSecurity = (user: number) => ({
  runAsNonRoot: true,
  runAsUser: user,
  runAsGroup: user,
  fsGroup: user,
  fsGroupChangePolicy: 'OnRootMismatch',
  seccompProfile: { type: 'RuntimeDefault' },
});

/** Of a container in it. */
export const containerSecurity = (isReadOnly: boolean) => ({
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: isReadOnly,
  capabilities: { drop: ['ALL'] },
});

export const claimOf = (name: string, size: string) => ({
  metadata: { name },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: size } } },
});

/** What a port carries, by which meshes treat it. */
const protocolOf = (component: Component): string => (component === 'postgres' ? 'postgres' : 'http');

export const portOf = (component: Component, port: number) => ({ name: protocolOf(component), containerPort: port });

export const serviceOf = (component: Component, port: number, more: object = {}, name?: string) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: metadataOf(component, name),
  spec: {
    selector: selectorOf(component),
    ports: [{ name: protocolOf(component), port, targetPort: protocolOf(component) }],
    ...more,
  },
});
