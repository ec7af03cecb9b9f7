/**
 * What a page has to do with files: what is chosen and not sent yet (the tray), what is on its way, where those in
 * threads are. Provided by the page, used by the shared components.
 */
import { inject, reactive, ref, shallowReactive, type InjectionKey, type Ref } from 'vue';
import type { Answer, Command, ConversationId, FileId, FileLimits, FileLink } from '../../generated/protocol';
import { RequestError } from '../link';
import { newClientId, type Outgoing } from '../outbox';
import { createBlobs, type Blobs } from './blobs';
import { attachmentOf, type Attachment, type Problem } from './kinds';
import { FileLinks } from './links';
import type { Recording } from './recorder';
import { cancel, upload } from './uploads';

/** Chosen, looked at, not sent yet. */
export interface Chosen {
  /** Becomes the message's client id. */
  id: string;
  attachment: Attachment;
  blob: Blob;
  /** Of a picture: where the browser finds it. */
  url: string | null;
}

export interface Refusal {
  name: string;
  problem: Problem | 'too_many';
}

export interface FilesOptions {
  request: (command: Command) => Promise<Answer>;
  token: () => string;
  isOnline: () => boolean;
  now: () => number;
  blobs?: Blobs;
}

/** So many are sent at once. */
export const MOST_CHOSEN = 9;

/** Own pictures are held in memory only so many; the others come from the server like everybody's. */
const MOST_PREVIEWS = 20;

/** Until the server has said its own. */
const DEFAULTS: FileLimits = {
  imageBytes: 10 << 20,
  fileBytes: 20 << 20,
  voiceBytes: 5 << 20,
  voiceSeconds: 60,
  endings: ['pdf', 'doc', 'docx', 'xls', 'xlsx', 'txt'],
};

/** Width and height as the browser shows it. */
function sidesOf(url: string): Promise<{ width: number; height: number } | null> {
  return new Promise((resolve) => {
    const image = new Image();
    image.onload = () => resolve({ width: image.naturalWidth, height: image.naturalHeight });
    image.onerror = () => resolve(null);
    image.src = url;
  });
}

/** Two tabs of one person share the outbox: only one of them uploads a file, the other one looks again later. */
async function alone<T>(clientId: string, run: () => Promise<T>): Promise<T> {
  // Absent in older browsers and on pages without TLS: the server then takes the bytes of one tab at a time.
  const { locks } = navigator as { locks?: LockManager };
  if (!locks) return run();
  return locks.request(`bangban.file.${clientId}`, { ifAvailable: true }, (lock) => {
    if (!lock) throw new RequestError('busy', 'another tab uploads it', undefined, true);
    return run();
  }) as Promise<T>;
}

export type Files = ReturnType<typeof createFiles>;

export const filesKey: InjectionKey<Files> = Symbol('files');

export function useFiles(): Files {
  const files = inject(filesKey);
  if (!files) throw new Error('useFiles() outside of a page with files');
  return files;
}

export function createFiles(options: FilesOptions) {
  const blobs = options.blobs ?? createBlobs();
  const links = new FileLinks(options);
  const limits = ref<FileLimits>(DEFAULTS);
  const trays = new Map<ConversationId, Chosen[]>();
  /** Bytes sent, by client id. */
  const progress = shallowReactive(new Map<string, number>());
  /** Own pictures, by client id: shown from here before they come back from the server. */
  const previews = shallowReactive(new Map<string, string>());
  const running = new Map<string, AbortController>();

  async function loadLimits(): Promise<void> {
    try {
      const config = (await (await fetch('/api/config')).json()) as { files?: FileLimits };
      if (config.files) limits.value = config.files;
    } catch {
      // The server says no later as well.
    }
  }

  /** What was chosen in a conversation. */
  function tray(conversation: ConversationId): Chosen[] {
    let chosen = trays.get(conversation);
    if (!chosen) {
      chosen = reactive<Chosen[]>([]) as Chosen[];
      trays.set(conversation, chosen);
    }
    return chosen;
  }

  /** Puts files into the tray; says which are not taken. */
  async function choose(conversation: ConversationId, given: Iterable<File>): Promise<Refusal[]> {
    const refused: Refusal[] = [];
    const chosen = tray(conversation);
    for (const file of given) {
      const attachment = attachmentOf(file, limits.value);
      if (typeof attachment === 'string') refused.push({ name: file.name, problem: attachment });
      else if (chosen.length >= MOST_CHOSEN) refused.push({ name: file.name, problem: 'too_many' });
      else {
        const url = attachment.kind === 'image' ? URL.createObjectURL(file) : null;
        const sides = url ? await sidesOf(url) : null;
        chosen.push({ id: newClientId(), attachment: { ...attachment, ...sides }, blob: file, url });
      }
    }
    return refused;
  }

  function unchoose(conversation: ConversationId, id: string): void {
    const chosen = tray(conversation);
    const at = chosen.findIndex((one) => one.id === id);
    const [gone] = at < 0 ? [] : chosen.splice(at, 1);
    if (gone?.url) URL.revokeObjectURL(gone.url);
  }

  /**
   * Keeps the bytes of what is handed over to the outbox under this client id. Nothing is waited for, so that the outbox
   * has all that was sent in the order of sending; from now on the memory has the bytes.
   */
  function keep({ id, blob, url }: Pick<Chosen, 'id' | 'blob' | 'url'>): void {
    void blobs.put(id, blob);
    if (!url) return;
    previews.set(id, url);
    const [oldest] = previews;
    if (previews.size <= MOST_PREVIEWS || !oldest) return;
    previews.delete(oldest[0]);
    URL.revokeObjectURL(oldest[1]);
  }

  /** Empties the tray and keeps its contents. */
  function take(conversation: ConversationId): Chosen[] {
    const chosen = tray(conversation).splice(0);
    for (const one of chosen) keep(one);
    return chosen;
  }

  /** A recording as an attachment; its bytes are kept. */
  function takeVoice({ blob, durationMs }: Recording): Pick<Chosen, 'id' | 'attachment'> {
    const id = newClientId();
    keep({ id, blob, url: null });
    return { id, attachment: { kind: 'voice', name: 'voice', size: blob.size, durationMs: Math.round(durationMs) } };
  }

  /** Uploads what is missing and sends the message: the outbox's `send` for messages with a file. */
  async function send(message: Outgoing, change: (more: Partial<Attachment>) => void): Promise<void> {
    const { clientId, conversation } = message;
    const attachment = message.attachment!;
    let { file } = attachment;
    if (!file) {
      const blob = await blobs.get(clientId);
      // Written on a page whose browser kept nothing, and reloaded.
      if (!blob) throw new RequestError('not_found', 'the bytes are not there any more', undefined, false);
      const abort = new AbortController();
      running.set(clientId, abort);
      try {
        const view = await alone(clientId, () =>
          upload({
            conversation,
            attachment,
            blob,
            token: options.token,
            isOnline: options.isOnline,
            began: (address) => change({ upload: address }),
            progress: (sent) => progress.set(clientId, sent),
            signal: abort.signal,
          }),
        );
        ({ file } = view);
        change({ file });
      } finally {
        running.delete(clientId);
        if (!file) progress.delete(clientId);
      }
    }
    await options.request({ type: 'send_file', conversation, clientId, file });
    settled(clientId);
  }

  /** It stands in the thread. */
  function settled(clientId: string): void {
    progress.delete(clientId);
    void blobs.remove(clientId);
  }

  /** The person does not want to send it any more. */
  function discarded(message: Outgoing): void {
    running.get(message.clientId)?.abort();
    settled(message.clientId);
    // What the server refused it has deleted itself.
    if (message.attachment?.upload && !message.refused) void cancel(message.attachment.upload, options);
  }

  /** Somebody else sits here now: nothing of the one before is left on the page. */
  function reset(): void {
    for (const abort of running.values()) abort.abort();
    for (const chosen of trays.values()) for (const { url } of chosen) if (url) URL.revokeObjectURL(url);
    for (const url of previews.values()) URL.revokeObjectURL(url);
    trays.clear();
    previews.clear();
    progress.clear();
    links.clear();
    blobs.forget();
  }

  /** A link that works now, or `null`: deleted. Throws if the server cannot be asked. */
  const link = (conversation: ConversationId, file: FileId): Promise<FileLink | null> => links.find(conversation, file);

  /** Saves it under its name. */
  async function download(conversation: ConversationId, file: FileId): Promise<boolean> {
    const found = await link(conversation, file);
    if (!found) return false;
    const anchor = document.createElement('a');
    anchor.href = found.url;
    anchor.download = '';
    document.body.append(anchor);
    anchor.click();
    anchor.remove();
    return true;
  }

  return {
    limits: limits as Readonly<Ref<FileLimits>>,
    progress: progress as ReadonlyMap<string, number>,
    previews: previews as ReadonlyMap<string, string>,
    loadLimits,
    tray,
    choose,
    unchoose,
    take,
    takeVoice,
    send,
    settled,
    discarded,
    reset,
    link,
    forgetLink: (file: FileId) => links.forget(file),
    download,
  };
}
