import { describe, expect, it, vi } from 'vitest';
import type { Answer, Command } from '../../generated/protocol';
import { RequestError } from '../link';
import type { Outgoing } from '../outbox';
import type { Blobs } from './blobs';
import { createFiles, MOST_CHOSEN } from './files';
import type { Attachment } from './kinds';

function page() {
  const kept = new Map<string, Blob>();
  const blobs: Blobs = {
    put: async (key, blob) => void kept.set(key, blob),
    get: async (key) => kept.get(key),
    remove: async (key) => void kept.delete(key),
    forget: () => {},
  };
  const sent: Command[] = [];
  const request = async (command: Command): Promise<Answer> => {
    sent.push(command);
    return { type: 'sent', seq: 1, at: 1 };
  };
  const files = createFiles({ request, token: () => 't', isOnline: () => true, now: () => 0, blobs });
  return { files, kept, sent };
}

const document = (name: string, text = 'x') => new File([text], name);

const message = (attachment: Partial<Attachment>): Outgoing => ({
  clientId: 'm1',
  conversation: 'cv_1',
  text: '',
  writtenAt: 1,
  attachment: { kind: 'file', name: 'a.pdf', size: 3, ...attachment },
});

describe('the tray', () => {
  it('keeps what was chosen for each conversation, in order, and says what it does not take', async () => {
    const { files, kept } = page();
    expect(await files.choose('cv_1', [document('a.pdf'), document('b.exe'), document('c.txt', '')])).toEqual([
      { name: 'b.exe', problem: 'unsupported' },
      { name: 'c.txt', problem: 'empty' },
    ]);
    await files.choose('cv_1', [document('d.docx')]);
    await files.choose('cv_2', [document('e.pdf')]);
    const names = (id: string) => files.tray(id).map(({ attachment }) => attachment.name);
    expect([names('cv_1'), names('cv_2'), names('cv_3')]).toEqual([['a.pdf', 'd.docx'], ['e.pdf'], []]);

    files.unchoose('cv_1', files.tray('cv_1')[0]!.id);
    const taken = files.take('cv_1');
    expect(taken.map(({ attachment }) => attachment.name)).toEqual(['d.docx']);
    expect([names('cv_1'), [...kept.keys()]]).toEqual([[], [taken[0]!.id]]);
  });

  it('is empty for the next one who logs in here', async () => {
    const { files } = page();
    await files.choose('cv_1', [document('a.pdf')]);
    files.reset();
    expect(files.tray('cv_1')).toEqual([]);
  });

  it('takes nine at once', async () => {
    const { files } = page();
    const many = Array.from({ length: MOST_CHOSEN + 1 }, (_, n) => document(`${n}.pdf`));
    expect(await files.choose('cv_1', many)).toEqual([{ name: '9.pdf', problem: 'too_many' }]);
    expect(files.tray('cv_1')).toHaveLength(MOST_CHOSEN);
  });
});

describe('sending', () => {
  it('what is uploaded already needs only the message; then its bytes are let go', async () => {
    const { files, kept, sent } = page();
    kept.set('m1', new Blob(['abc']));
    const change = vi.fn();
    await files.send(message({ file: 'fl_1' }), change);
    expect(sent).toEqual([{ type: 'send_file', conversation: 'cv_1', clientId: 'm1', file: 'fl_1' }]);
    expect([kept.size, change.mock.calls]).toEqual([0, []]);
  });

  it('without the bytes it is refused for good, so that the person can choose again', async () => {
    const { files } = page();
    const refused = await files.send(message({}), vi.fn()).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RequestError);
    expect(refused).toMatchObject({ code: 'not_found', retryable: false });
  });
});
