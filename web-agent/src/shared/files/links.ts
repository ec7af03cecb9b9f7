/** Addresses of files in threads: asked for together, kept until shortly before they end. Framework-free. */
import type { Answer, Command, ConversationId, FileId, FileLink } from '../../generated/protocol';

/** An address that ends within this time is asked for anew. */
const MARGIN_MS = 60_000;
/** The server answers so many at once. */
const AT_ONCE = 50;

export interface LinksOptions {
  request: (command: Command) => Promise<Answer>;
  /** The server's time. */
  now: () => number;
}

interface Waiting {
  resolve: (link: FileLink | null) => void;
  reject: (error: unknown) => void;
}

export class FileLinks {
  private readonly known = new Map<FileId, FileLink>();
  private readonly waiting = new Map<ConversationId, Map<FileId, Waiting[]>>();

  constructor(private readonly options: LinksOptions) {}

  /** Where the file is; `null`: there is no such file (any more). */
  find(conversation: ConversationId, file: FileId): Promise<FileLink | null> {
    const known = this.known.get(file);
    if (known && known.until - this.options.now() > MARGIN_MS) return Promise.resolve(known);
    return new Promise((resolve, reject) => {
      let files = this.waiting.get(conversation);
      if (!files) {
        files = new Map();
        this.waiting.set(conversation, files);
        // A thread that is opened asks for all of its pictures in one go.
        setTimeout(() => this.ask(conversation), 0);
      }
      files.set(file, [...(files.get(file) ?? []), { resolve, reject }]);
    });
  }

  /** It did not work: the next one asks again. */
  forget(file: FileId): void {
    this.known.delete(file);
  }

  clear(): void {
    this.known.clear();
  }

  private ask(conversation: ConversationId): void {
    const files = [...(this.waiting.get(conversation) ?? [])];
    this.waiting.delete(conversation);
    for (let at = 0; at < files.length; at += AT_ONCE) {
      const part = files.slice(at, at + AT_ONCE);
      this.options.request({ type: 'open_files', conversation, files: part.map(([file]) => file) }).then(
        (answer) => {
          const links = answer.type === 'files' ? answer.files : [];
          for (const link of links) this.known.set(link.file, link);
          for (const [file, all] of part) {
            const found = links.find((link) => link.file === file) ?? null;
            for (const { resolve } of all) resolve(found);
          }
        },
        (error: unknown) => {
          for (const [, all] of part) for (const { reject } of all) reject(error);
        },
      );
    }
  }
}
