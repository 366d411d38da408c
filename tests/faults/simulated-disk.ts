/**
 * A disk in memory that keeps apart what programs see and what would survive a power cut: a file's bytes survive once
 * the file is synced, a name (new, renamed, removed) once its directory is. It can fail, fill up or stop at any chosen
 * operation, and takes only part of a large write when told to.
 */
import path from 'node:path';
import type { FileSystem } from '../../src/lab/checkpoint/file-system.js';

interface FileNode {
  kind: 'file';
  content: Uint8Array;
  durable: Uint8Array;
}
interface DirectoryNode {
  kind: 'directory';
  entries: Map<string, Node>;
  durable: Map<string, Node>;
}
type Node = FileNode | DirectoryNode;

/** What happens at an operation: it fails once, it fails and all after it do (the process is gone), or the disk is full. */
export interface Fault {
  /** 1-based count of changing operations. */
  readonly at: number;
  readonly kind: 'error' | 'killed' | 'full';
}

export interface SimulatedDisk extends FileSystem {
  /** Changing operations so far. */
  readonly operations: number;
  readonly openFiles: number;
  fault: Fault | undefined;
  /** The most bytes that one write takes. */
  maxWriteBytes: number;
  /** Forgets what was not synced. */
  cutPower(): void;
  /** Counts operations from 0 again, without faults. */
  restart(): void;
  /** The bytes of a file, to be read or damaged by a test. */
  bytesOf(file: string): Uint8Array;
  damage(file: string, change: (bytes: Uint8Array) => Uint8Array): void;
}

const newDirectory = (): DirectoryNode => ({ kind: 'directory', entries: new Map(), durable: new Map() });
const systemError = (code: string, what: string): Error => Object.assign(new Error(`${code}: ${what}`), { code });

/** @param existing directories that are there and synced from the start */
export function simulatedDisk(...existing: readonly string[]): SimulatedDisk {
  const root = newDirectory();
  let operations = 0;
  let openFiles = 0;
  let dead = false;

  const find = (target: string): Node => {
    let node: Node = root;
    for (const part of target.split(path.sep).filter((name) => name !== '')) {
      const next: Node | undefined = node.kind === 'directory' ? node.entries.get(part) : undefined;
      if (next === undefined) throw systemError('ENOENT', target);
      node = next;
    }
    return node;
  };
  const directoryAt = (target: string): DirectoryNode => {
    const node = find(target);
    if (node.kind !== 'directory') throw systemError('ENOTDIR', target);
    return node;
  };
  const fileAt = (target: string): FileNode => {
    const node = find(target);
    if (node.kind !== 'file') throw systemError('EISDIR', target);
    return node;
  };
  const makeDirectories = (target: string): void => {
    let node: DirectoryNode = root;
    for (const part of target.split(path.sep).filter((name) => name !== '')) {
      const next = node.entries.get(part) ?? newDirectory();
      if (next.kind !== 'directory') throw systemError('ENOTDIR', target);
      node.entries.set(part, next);
      node = next;
    }
  };
  /** Counts a changing operation and lets the planned fault happen. Renaming and removing need no space. */
  const change = (needsSpace: boolean): void => {
    if (dead) throw systemError('EIO', 'the process was killed');
    operations++;
    const { fault } = disk;
    if (fault === undefined || operations < fault.at) return;
    if (fault.kind === 'full' && needsSpace) throw systemError('ENOSPC', 'no space left on device');
    if (fault.kind === 'killed') dead = true;
    if (fault.kind === 'killed' || (fault.kind === 'error' && operations === fault.at)) {
      throw systemError('EIO', 'input/output error');
    }
  };

  const disk: SimulatedDisk = {
    get operations() {
      return operations;
    },
    get openFiles() {
      return openFiles;
    },
    fault: undefined,
    maxWriteBytes: Infinity,
    cutPower() {
      const settle = (node: Node): void => {
        if (node.kind === 'file') {
          node.content = node.durable;
          return;
        }
        node.entries = new Map(node.durable);
        for (const child of node.entries.values()) settle(child);
      };
      settle(root);
    },
    restart() {
      operations = 0;
      openFiles = 0;
      dead = false;
      disk.fault = undefined;
    },
    bytesOf: (file) => fileAt(file).content,
    damage(file, alter) {
      const node = fileAt(file);
      node.content = alter(node.content);
    },
    async createDirectory(directory) {
      change(true);
      makeDirectories(directory);
    },
    async list(directory) {
      return [...directoryAt(directory).entries].map(([name, { kind }]) => ({
        name,
        isDirectory: kind === 'directory',
      }));
    },
    async create(file) {
      change(true);
      const parent = directoryAt(path.dirname(file));
      if (parent.entries.has(path.basename(file))) throw systemError('EEXIST', file);
      const node: FileNode = { kind: 'file', content: new Uint8Array(0), durable: new Uint8Array(0) };
      parent.entries.set(path.basename(file), node);
      openFiles++;
      return {
        async write(bytes) {
          change(true);
          const taken = bytes.slice(0, disk.maxWriteBytes);
          node.content = Uint8Array.from([...node.content, ...taken]);
          return taken.byteLength;
        },
        async sync() {
          change(true);
          node.durable = node.content;
        },
        async close() {
          openFiles--;
        },
      };
    },
    async open(file) {
      const node = fileAt(file);
      openFiles++;
      return {
        sizeBytes: node.content.byteLength,
        async read(into, position) {
          const part = node.content.subarray(position, position + into.byteLength);
          into.set(part);
          return part.byteLength;
        },
        async close() {
          openFiles--;
        },
      };
    },
    async rename(from, to) {
      change(false);
      const node = find(from);
      const target = directoryAt(path.dirname(to));
      const replaced = target.entries.get(path.basename(to));
      if (replaced?.kind === 'directory' && replaced.entries.size > 0) throw systemError('ENOTEMPTY', to);
      directoryAt(path.dirname(from)).entries.delete(path.basename(from));
      target.entries.set(path.basename(to), node);
    },
    /** Entry by entry, as the real one: it can stop half way. */
    async remove(target) {
      let node: Node | undefined;
      try {
        node = find(target);
      } catch {
        change(false);
        return;
      }
      if (node.kind === 'directory') {
        for (const name of node.entries.keys()) await disk.remove(path.join(target, name));
      }
      change(false);
      directoryAt(path.dirname(target)).entries.delete(path.basename(target));
    },
    async syncDirectory(directory) {
      change(true);
      const node = directoryAt(directory);
      node.durable = new Map(node.entries);
    },
  };
  const settleAll = (node: Node): void => {
    if (node.kind === 'file') return;
    node.durable = new Map(node.entries);
    for (const child of node.entries.values()) settleAll(child);
  };
  for (const directory of existing) makeDirectories(directory);
  settleAll(root);
  return disk;
}
