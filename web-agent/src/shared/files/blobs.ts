/**
 * Bytes of what waits to be sent, in the browser's database, so that a reload in the middle of an upload loses nothing.
 * Where the browser gives no database they live as long as the page.
 */
export interface Blobs {
  put: (key: string, blob: Blob) => Promise<void>;
  get: (key: string) => Promise<Blob | undefined>;
  remove: (key: string) => Promise<void>;
  /** What is in memory; the database keeps what its owner has not sent yet. */
  forget: () => void;
}

const DATABASE = 'bangban.files';
const STORE = 'waiting';

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error('blocked'));
  });
}

export function createBlobs(): Blobs {
  const memory = new Map<string, Blob>();
  let database: Promise<IDBDatabase> | undefined;

  async function ask<T>(mode: IDBTransactionMode, run: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    database ??= open();
    const transaction = (await database).transaction(STORE, mode);
    return new Promise((resolve, reject) => {
      const request = run(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error ?? request.error);
    });
  }

  return {
    async put(key, blob) {
      memory.set(key, blob);
      // Private windows have none, a full disk takes none: then the memory is all there is.
      await ask('readwrite', (store) => store.put(blob, key)).catch(() => {});
    },
    async get(key) {
      return memory.get(key) ?? ((await ask('readonly', (store) => store.get(key)).catch(() => undefined)) as Blob);
    },
    async remove(key) {
      memory.delete(key);
      await ask('readwrite', (store) => store.delete(key)).catch(() => {});
    },
    forget: () => memory.clear(),
  };
}
