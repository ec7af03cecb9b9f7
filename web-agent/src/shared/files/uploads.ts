/**
 * Brings the bytes of one file to the server: tus 1.0.0, continued where it stopped, then checked there (`finish`).
 * Failures come out as `RequestError`, as those of the link do, so that the outbox treats both alike.
 */
import type { ErrorCode, FileView, WireError } from '../../generated/protocol';
import { RequestError } from '../link';
import type { Attachment } from './kinds';

export interface UploadOptions {
  conversation: string;
  attachment: Attachment;
  blob: Blob;
  token: () => string;
  /** Is the link to the server there? Decides what a failed request means. */
  isOnline: () => boolean;
  /** The upload has this address from now on. */
  began: (upload: string) => void;
  progress: (sent: number) => void;
  signal: AbortSignal;
}

const authorization = (token: string) => ({ Authorization: `Bearer ${token}` });

/** The server's refusal, or none: then the network is to blame. */
function refusal(body: string): WireError | undefined {
  try {
    return (JSON.parse(body) as { error?: WireError }).error;
  } catch {
    return undefined;
  }
}

function failure(status: number, body: string, isOnline: boolean): RequestError {
  const error = status > 0 ? refusal(body) : undefined;
  // The link learns of an old token by itself and gets a new one.
  const isToken = error?.code === 'token_expired' || error?.code === 'unauthenticated';
  if (error && !isToken) return new RequestError(error.code, error.detail, error.field, error.retryable);
  const code: ErrorCode | 'lost' = isOnline ? 'busy' : 'lost';
  return new RequestError(code, 'the upload was interrupted', undefined, isOnline);
}

const cancelled = () => new RequestError('invalid_stage', 'cancelled', undefined, false);

/** Sends what is missing. Resolves when all bytes are there, with the address of the upload. */
async function send(options: UploadOptions): Promise<string> {
  const { attachment, blob, conversation, signal } = options;
  const { Upload, DetailedError } = await import('tus-js-client');
  return new Promise((resolve, reject) => {
    const upload = new Upload(blob, {
      endpoint: '/api/files',
      uploadUrl: attachment.upload ?? null,
      // The outbox knows when to try again, and what the link says about it.
      retryDelays: null,
      storeFingerprintForResuming: false,
      metadata: {
        conversation,
        kind: attachment.kind,
        name: attachment.name,
        ...(attachment.durationMs === undefined ? {} : { duration: String(Math.round(attachment.durationMs)) }),
      },
      onBeforeRequest: (request) => request.setHeader('Authorization', `Bearer ${options.token()}`),
      onUploadUrlAvailable: () => {
        if (upload.url) options.began(upload.url);
      },
      onProgress: (sent) => options.progress(sent),
      onSuccess: () => resolve(upload.url!),
      onError: (error) => {
        const answer = error instanceof DetailedError ? error.originalResponse : null;
        reject(failure(answer?.getStatus() ?? 0, answer?.getBody() ?? '', options.isOnline()));
      },
    });
    signal.addEventListener('abort', () => {
      void upload.abort();
      reject(cancelled());
    });
    if (signal.aborted) reject(cancelled());
    else upload.start();
  });
}

async function ask(
  method: string,
  path: string,
  options: Pick<UploadOptions, 'token' | 'isOnline'>,
): Promise<Response> {
  let response: Response;
  try {
    const headers = { ...authorization(options.token()), 'Tus-Resumable': '1.0.0' };
    response = await fetch(path, { method, headers });
  } catch {
    throw failure(0, '', options.isOnline());
  }
  if (!response.ok) throw failure(response.status, await response.text().catch(() => ''), options.isOnline());
  return response;
}

/** Uploads and has it checked; what the server made of it. */
export async function upload(options: UploadOptions): Promise<FileView> {
  const path = new URL(await send(options), location.href).pathname;
  const response = await ask('POST', `${path}/finish`, options);
  return (await response.json()) as FileView;
}

/** Tells the server that nobody wants it any more; without that it finds out itself a day later. */
export async function cancel(path: string, options: Pick<UploadOptions, 'token' | 'isOnline'>): Promise<void> {
  await ask('DELETE', new URL(path, location.href).pathname, options).catch(() => {});
}
